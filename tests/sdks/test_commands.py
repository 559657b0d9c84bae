"""Commands, and URLs that an SDK has signed for whoever has none."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import oss2
import oss2.http
import pytest
import requests
import with_boto3
import with_cos
import with_oss2
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from calls import Where, format_xml, normal, parse_xml
from installing import TOOLS, Installed, may_install, only_if_asked_for
from obs import ObsClient
from qcloud_cos import CosConfig, CosS3Client, CosServiceError
from table import EVERYTHING, KEYS

from tests.support.apps.served_storage import HOST_SUFFIX
from tests.support.processes.children import CHILD_SECONDS

BUCKET = "commands-1250000000"
REGION = "us-east-1"
BOTO3: dict[str, Any] = {
    "aws_access_key_id": KEYS[0],
    "aws_secret_access_key": KEYS[1],
    "region_name": REGION,
}
# The commands know no ResponseVary.
RULES = {**EVERYTHING, "vary": None}
WITHOUT_ID = [{**rule, "id": None} for rule in normal(RULES)["rules"]]
DOCUMENT = format_xml(RULES).encode()

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")


def run(*command: str, body: bytes = b"", **environ: str) -> str:
    """Run a command: what it prints, errors included."""
    done = subprocess.run(
        command,
        input=body,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=CHILD_SECONDS,
    )
    return done.stdout.decode()


@pytest.fixture
def example_bucket(example_port: int) -> Iterator[str]:
    """A bucket of the example application, for commands that ask more than for its rules."""
    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{example_port}", **BOTO3)
    client.create_bucket(Bucket=BUCKET)
    yield BUCKET
    client.delete_bucket(Bucket=BUCKET)
    client.close()


@only_if_asked_for
@may_install
def test_aws(port: int, installed: Installed, tmp_path: Path) -> None:
    names = {
        "id": "ID",
        "origins": "AllowedOrigins",
        "methods": "AllowedMethods",
        "headers": "AllowedHeaders",
        "expose": "ExposeHeaders",
        "max_age": "MaxAgeSeconds",
    }
    rules = [
        {names[key]: value for key, value in rule.items() if value not in (None, [])}
        for rule in RULES["rules"]
    ]
    file = tmp_path / "cors.json"
    file.write_text(json.dumps({"CORSRules": rules}))

    def aws(call: str, *arguments: str, secret: str = KEYS[1]) -> str:
        return run(
            str(installed.environment(TOOLS) / "aws"),
            *("--endpoint-url", f"http://127.0.0.1:{port}", "--output", "json"),
            *("s3api", f"{call}-bucket-cors", "--bucket", BUCKET, *arguments),
            AWS_ACCESS_KEY_ID=KEYS[0],
            AWS_SECRET_ACCESS_KEY=secret,
            AWS_DEFAULT_REGION=REGION,
            AWS_CONFIG_FILE=os.devnull,
        )

    assert aws("delete") == ""
    assert "(NoSuchCORSConfiguration)" in aws("get")
    assert aws("put", "--cors-configuration", f"file://{file}") == ""
    assert json.loads(aws("get")) == {"CORSRules": rules}
    assert "(SignatureDoesNotMatch)" in aws("get", secret="AnotherSecretKey")


@only_if_asked_for
@may_install
@pytest.mark.parametrize("version", ["V2", "V4"])
@pytest.mark.parametrize("style", ["path", "host"])
def test_s3cmd(
    example_port: int,
    example_bucket: str,
    installed: Installed,
    tmp_path: Path,
    style: str,
    version: str,
) -> None:
    file = tmp_path / "cors.xml"
    document = format_xml(RULES, indent="  ")
    file.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<!-- ours -->\n{document}\n')
    address = f"127.0.0.1:{example_port}"
    settings = tmp_path / "s3cfg"
    settings.write_text("[default]\n")
    host = f"--host-bucket={address}"
    if style == "host":
        # It looks names up in a process of its own. A proxy spares it that, and makes it send
        # whole URLs.
        proxy = f"proxy_host = 127.0.0.1\nproxy_port = {example_port}\n"
        settings.write_text(f"[default]\n{proxy}")
        host = f"--host-bucket=%(bucket)s.{HOST_SUFFIX}"

    def s3cmd(*arguments: str, secret: str = KEYS[1]) -> str:
        return run(
            str(installed.environment(TOOLS) / "s3cmd"),
            *("--config", str(settings), "--no-ssl", f"--host={address}", host),
            *(f"--access_key={KEYS[0]}", f"--secret_key={secret}", f"--region={REGION}"),
            *(["--signature-v2"] if version == "V2" else []),
            *arguments,
            f"s3://{example_bucket}",
        )

    assert "CORS deleted" in s3cmd("delcors")
    assert "CORS:      none" in s3cmd("info")
    assert s3cmd("setcors", str(file)) == ""
    shown = s3cmd("info")
    document = shown[shown.index("<CORSConfiguration") : shown.index("</CORSConfiguration>")]
    assert normal(parse_xml(f"{document}</CORSConfiguration>")) == normal(RULES)
    assert "SignatureDoesNotMatch" in s3cmd("setcors", str(file), secret="AnotherSecretKey")


@needs_curl
@pytest.mark.parametrize("target", ["?cors", "?cors=", "/?cors", "/?cors="])
@pytest.mark.parametrize("style", ["path", "host"])
def test_curl_signs(port: int, style: str, target: str) -> None:
    """Older ones, such as 7.88, leave out the header that S3 demands; so it is given."""
    host = f"{BUCKET}.{HOST_SUFFIX}:{port}"
    url = f"http://127.0.0.1:{port}/{BUCKET}{target}"
    if style == "host":
        url = f"http://{host}/{target.lstrip('/')}"

    def curl(*arguments: str) -> str:
        return run(
            *("curl", "--silent", "--show-error", "--write-out", "%{http_code}"),
            *("--resolve", f"{host}:127.0.0.1"),
            *("--user", ":".join(KEYS), "--aws-sigv4", f"aws:amz:{REGION}:s3"),
            *("--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD", *arguments, url),
            body=DOCUMENT,
        )

    assert curl("--request", "DELETE") == "204"
    assert curl().endswith("</Error>404")
    assert curl("--request", "PUT", "--data-binary", "@-") == "200"
    shown = curl()
    assert (normal(parse_xml(shown[:-3])), shown[-3:]) == (normal(RULES), "200")


def _with_boto3(version: str) -> Callable[[Where, str], str]:
    def sign(where: Where, method: str) -> str:
        config = Config(
            signature_version=version,
            s3={"addressing_style": "virtual" if where.virtual else "path"},
        )
        client = boto3.client("s3", endpoint_url=where.endpoint, config=config, **BOTO3)
        call = {"GET": "get_bucket_cors", "DELETE": "delete_bucket_cors", "PUT": "put_bucket_cors"}
        values: dict[str, Any] = {"Bucket": BUCKET}
        if method == "PUT":
            values["CORSConfiguration"] = {"CORSRules": []}
        url: str = client.generate_presigned_url(call[method], Params=values, HttpMethod=method)
        client.close()
        return url

    return sign


def _with_cos(where: Where, method: str) -> str:
    config = CosConfig(Endpoint=where.server, Scheme="http", SecretId=KEYS[0], SecretKey=KEYS[1])
    url: str = CosS3Client(config).get_presigned_url(BUCKET, None, method, Params={"cors": ""})
    return url


def _with_oss2(version: str) -> Callable[[Where, str], str]:
    def sign(where: Where, method: str) -> str:
        # Bucket.sign_url wants a key; this is what it calls.
        url = f"{where.endpoint}/{BUCKET}/"
        if where.virtual:
            url = f"http://{BUCKET}.{where.server}/"
        request = oss2.http.Request(
            method, url, params={"cors": ""}, region="cn-hangzhou", product="oss"
        )
        found: str = oss2.make_auth(*KEYS, version)._sign_url(request, BUCKET, "", 60)
        return found

    return sign


def _with_obs(version: str) -> Callable[[Where, str], str]:
    def sign(where: Where, method: str) -> str:
        client = ObsClient(
            access_key_id=KEYS[0],
            secret_access_key=KEYS[1],
            server=where.endpoint,
            is_secure=False,
            path_style=not where.virtual,
            signature=version,
            region="region",
        )
        found = client.createSignedUrl(method, BUCKET, specialParam="cors", expires=60)
        client.close()
        url: str = found.signedUrl
        return url

    return sign


# The newer signature of boto3 fails at a PUT before it is sent: it takes the XML for JSON.
PRESIGNERS = [
    pytest.param(_with_boto3("s3"), ("GET", "PUT", "DELETE"), id="boto3 V2"),
    pytest.param(_with_boto3("s3v4"), ("GET", "DELETE"), id="boto3 V4"),
    *(
        pytest.param(_with_oss2(version), ("GET", "PUT", "DELETE"), id=f"oss2 {version}")
        for version in ("v1", "v2", "v4")
    ),
    pytest.param(_with_obs("obs"), ("GET", "PUT", "DELETE"), id="esdk-obs-python OBS"),
    pytest.param(_with_obs("v2"), ("GET", "PUT", "DELETE"), id="esdk-obs-python V2"),
    pytest.param(_with_obs("v4"), ("GET", "PUT", "DELETE"), id="esdk-obs-python V4"),
]


@pytest.mark.parametrize(
    "style, sign, methods",
    [
        *(
            pytest.param(style, *each.values, id=f"{each.id} {style}")
            for each in PRESIGNERS
            for style in ("path", "host")
        ),
        pytest.param("host", _with_cos, ("GET", "PUT", "DELETE"), id="cos-python-sdk-v5 host"),
    ],
)
def test_presigned_urls_need_no_sdk(
    port: int, style: str, sign: Callable[[Where, str], str], methods: tuple[str, ...]
) -> None:
    where = Where(port, BUCKET, HOST_SUFFIX, style)

    def call(method: str, body: Any = None) -> tuple[int, bytes]:
        answer = requests.request(method, sign(where, method), data=body, timeout=CHILD_SECONDS)
        return answer.status_code, answer.content

    assert call("DELETE")[0] == 204
    if "PUT" in methods:
        # In chunks, as requests sends what it does not know the length of.
        assert call("PUT", iter([DOCUMENT[:100], DOCUMENT[100:]])) == (200, b"")
        put = normal(parse_xml(call("GET")[1]))["rules"]
        # OSS shows no ID.
        assert [{**rule, "id": None} for rule in put] == WITHOUT_ID
        assert call("DELETE")[0] == 204
    status, document = call("GET")
    assert (status, b"<Code>NoSuchCORSConfiguration</Code>" in document) == (404, True)
    # It is good for its own method only.
    assert requests.put(sign(where, "GET"), data=DOCUMENT, timeout=CHILD_SECONDS).status_code == 403


@needs_curl
def test_curl_uploads_in_chunks_and_waits_to_be_told_to_go_on(port: int) -> None:
    where = Where(port, BUCKET, HOST_SUFFIX, "path")
    url = _with_oss2("v4")(where, "PUT")
    told = run(
        *("curl", "--silent", "--verbose", "--upload-file", "-"),
        *("--header", "Expect: 100-continue", url),
        body=DOCUMENT,
    )
    for line in ("> Transfer-Encoding: chunked", "< HTTP/1.1 100 Continue", "< HTTP/1.1 200 OK"):
        assert line in told
    shown = requests.get(_with_oss2("v4")(where, "GET"), timeout=CHILD_SECONDS)
    assert normal(parse_xml(shown.content))["rules"] == WITHOUT_ID


@needs_curl
def test_curl_that_uploads_a_file_puts_no_rules(port: int, tmp_path: Path) -> None:
    """Up to 7.88 at least it puts the file's name behind the slash, which names an object.

    8.23 leaves a URL with a query as it is, and this one is not signed.
    """
    file = tmp_path / "cors.xml"
    file.write_bytes(DOCUMENT)
    url = f"http://127.0.0.1:{port}/{BUCKET}/?cors"
    command = ("curl", "--silent", "--write-out", "%{http_code}", "--upload-file", str(file), url)
    # The application behind the middleware takes every object.
    assert run(*command)[-3:] in ("200", "403")
    where = Where(port, BUCKET, HOST_SUFFIX, "path")
    requests.delete(_with_oss2("v4")(where, "DELETE"), timeout=CHILD_SECONDS)
    assert requests.get(_with_oss2("v4")(where, "GET"), timeout=CHILD_SECONDS).status_code == 404


def _anonymous_boto3(where: Where) -> tuple[int, str] | None:
    client = boto3.client(
        "s3",
        endpoint_url=where.endpoint,
        region_name=REGION,
        config=Config(signature_version=UNSIGNED),
    )
    try:
        client.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [BOTO3_RULE]})
    except ClientError as error:
        return with_boto3.read_error(error)
    finally:
        client.close()
    return None


def _anonymous_cos(where: Where) -> tuple[int, str] | None:
    """It sends an Authorization that is empty."""
    config = CosConfig(Endpoint=where.server, Scheme="http", Anonymous=True)
    with requests.Session() as session:
        client = CosS3Client(config, retry=0, session=session)
        try:
            client.put_bucket_cors(BUCKET, {"CORSRule": [COS_RULE]})
        except CosServiceError as error:
            return with_cos.read_error(error)
    return None


def _anonymous_oss2(where: Where) -> tuple[int, str] | None:
    session = oss2.Session()
    bucket = oss2.Bucket(oss2.AnonymousAuth(), where.endpoint, BUCKET, session=session)
    try:
        bucket.delete_bucket_cors()
    except oss2.exceptions.ServerError as error:
        return with_oss2.read_error(error)
    finally:
        session.session.close()
    return None


BOTO3_RULE = {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}
COS_RULE = {"AllowedOrigin": ["*"], "AllowedMethod": ["GET"]}


@pytest.mark.parametrize("ask", [_anonymous_boto3, _anonymous_cos, _anonymous_oss2])
def test_who_does_not_sign_is_told_so(
    port: int, ask: Callable[[Where], tuple[int, str] | None]
) -> None:
    assert ask(Where(port, BUCKET, HOST_SUFFIX, "host")) == (403, "AccessDenied")
