"""The official SDK of Tencent COS, unmodified, against real servers with three workers."""

from xml.etree import ElementTree

import pytest
import requests
from qcloud_cos import CosConfig, CosS3Client, CosServiceError
from qcloud_cos.cos_auth import CosS3Auth

from tests.support.apps.served_storage import APP, DATABASE, HOST_SUFFIX
from tests.support.cos_signing import ACCESS_KEY, SECRET_KEY
from tests.support.processes.servers import gunicorn

BUCKET = "examplebucket-1250000000"
HOST = f"{BUCKET}.{HOST_SUFFIX}"
ORIGIN = "https://www.example.com"
OTHER_ORIGIN = "https://www.example.org"

# In the form in which the SDK gives them back: numbers and flags are text.
EVERYTHING = {
    "CORSRule": [
        {
            "ID": "a&b",
            "AllowedOrigin": [ORIGIN, "https://*.example.net"],
            "AllowedMethod": ["GET", "PUT", "POST", "DELETE", "HEAD"],
            "AllowedHeader": ["content-type", "x-cos-meta-*"],
            "ExposeHeader": ["ETag", "x-cos-request-id"],
            "MaxAgeSeconds": "600",
        },
        {"AllowedOrigin": ["*"], "AllowedMethod": ["GET"], "MaxAgeSeconds": "0"},
    ]
}
VARYING = {
    "CORSRule": [{"ID": "1", "AllowedOrigin": [ORIGIN], "AllowedMethod": ["GET"]}],
    "ResponseVary": "true",
}
NOT_VARYING = {
    "CORSRule": [{"ID": "2", "AllowedOrigin": [ORIGIN], "AllowedMethod": ["PUT"]}],
    "ResponseVary": "false",
}


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """A storage application that leaves everything about CORS to the extension."""
    environ = {DATABASE: str(tmp_path_factory.mktemp("served") / "rules.sqlite")}
    with gunicorn(APP, environ=environ, preload=True) as server:
        yield server.port


@pytest.fixture(scope="module")
def example_port(tmp_path_factory):
    """The example application, without its example bucket."""
    environ = {
        "EXAMPLE_DATA": str(tmp_path_factory.mktemp("example")),
        "EXAMPLE_ACCESS_KEY": ACCESS_KEY,
        "EXAMPLE_SECRET_KEY": SECRET_KEY,
        "EXAMPLE_HOST_SUFFIX": HOST_SUFFIX,
        "EXAMPLE_EMPTY": "1",
    }
    with gunicorn("example_app:create_app()", environ=environ, preload=True) as server:
        yield server.port


@pytest.fixture
def session():
    with requests.Session() as session:
        yield session


@pytest.fixture
def make_client(port, session):
    """Make a client of the SDK that goes to the server, by its keys."""

    def make(access_key=ACCESS_KEY, secret_key=SECRET_KEY):
        return CosS3Client(make_config(port, access_key, secret_key), retry=0, session=session)

    return make


@pytest.fixture
def client(make_client):
    """A client that may do everything, and a bucket without rules."""
    client = make_client()
    client.delete_bucket_cors(BUCKET)
    return client


def make_config(port, access_key=ACCESS_KEY, secret_key=SECRET_KEY):
    """Virtual-host style: buckets are host names, all of them at one address."""
    return CosConfig(
        Endpoint=HOST_SUFFIX,
        IP="127.0.0.1",
        Port=port,
        Scheme="http",
        SecretId=access_key,
        SecretKey=secret_key,
    )


def refusal(raised):
    """Status, code and message of an error, as the SDK understood them."""
    error = raised.value
    return error.get_status_code(), error.get_error_code(), error.get_error_msg()


def test_a_bucket_without_rules_has_no_configuration(client):
    with pytest.raises(CosServiceError) as raised:
        client.get_bucket_cors(BUCKET)
    status, code, _ = refusal(raised)
    assert (status, code) == (404, "NoSuchCORSConfiguration")


@pytest.mark.parametrize(
    "configuration",
    [EVERYTHING, VARYING, NOT_VARYING],
    ids=["everything", "varying", "not varying"],
)
def test_rules_come_back_as_they_were_put(client, configuration):
    client.put_bucket_cors(BUCKET, configuration)
    assert client.get_bucket_cors(BUCKET) == configuration


def test_rules_replace_those_before(client):
    for configuration in (EVERYTHING, VARYING, NOT_VARYING):
        client.put_bucket_cors(BUCKET, configuration)
    assert client.get_bucket_cors(BUCKET) == NOT_VARYING


def test_rules_can_be_deleted_twice(client):
    client.put_bucket_cors(BUCKET, EVERYTHING)
    client.delete_bucket_cors(BUCKET)
    client.delete_bucket_cors(BUCKET)
    with pytest.raises(CosServiceError, match="NoSuchCORSConfiguration"):
        client.get_bucket_cors(BUCKET)


@pytest.mark.parametrize(
    "keys, code",
    [
        ({"secret_key": "AnotherSecretKey"}, "SignatureDoesNotMatch"),
        ({"access_key": "AKIDANOTHER"}, "InvalidAccessKeyId"),
    ],
    ids=["wrong secret", "unknown key"],
)
def test_only_who_has_the_keys_can_read_and_change_rules(client, make_client, keys, code):
    client.put_bucket_cors(BUCKET, EVERYTHING)
    stranger = make_client(**keys)
    calls = (
        lambda: stranger.get_bucket_cors(BUCKET),
        lambda: stranger.put_bucket_cors(BUCKET, VARYING),
        lambda: stranger.delete_bucket_cors(BUCKET),
    )
    for call in calls:
        with pytest.raises(CosServiceError) as raised:
            call()
        assert refusal(raised)[:2] == (403, code)
    assert client.get_bucket_cors(BUCKET) == EVERYTHING


def test_a_signature_expires(client):
    """The SDK lets no caller of its operations choose the time, so one is sent as it sends them."""
    config, params = client.get_conf(), {"cors": ""}
    with pytest.raises(CosServiceError) as raised:
        client.send_request(
            method="GET",
            url=config.uri(bucket=BUCKET),
            bucket=BUCKET,
            auth=CosS3Auth(config, params=params, expire=-1),
            headers={},
            params=params,
        )
    assert refusal(raised) == (403, "AccessDenied", "Request has expired")


def test_a_presigned_url_needs_no_sdk(client, session):
    client.put_bucket_cors(BUCKET, EVERYTHING)
    # With an address in place of a host name, the host has to be signed and sent by hand.
    signed = {"Params": {"cors": ""}, "Headers": {"Host": HOST}}
    url = client.get_presigned_url(BUCKET, None, "GET", **signed)
    response = session.get(url, headers={"Host": HOST})
    assert response.status_code == 200
    assert ElementTree.fromstring(response.content).findtext("CORSRule/ID") == "a&b"


def test_a_page_reads_an_object_of_the_example_application(example_port, session):
    client = CosS3Client(make_config(example_port), retry=0, session=session)
    client.create_bucket(BUCKET, ACL="public-read")
    client.put_bucket_cors(BUCKET, VARYING)
    client.put_object(BUCKET, b"hello", "dir/exampleobject")

    url = f"http://127.0.0.1:{example_port}/dir/exampleobject"
    allowed = session.get(url, headers={"Host": HOST, "Origin": ORIGIN})
    assert (allowed.status_code, allowed.content) == (200, b"hello")
    assert allowed.headers["Access-Control-Allow-Origin"] == ORIGIN
    refused = session.get(url, headers={"Host": HOST, "Origin": OTHER_ORIGIN})
    assert (refused.status_code, refused.content) == (200, b"hello")
    assert "Access-Control-Allow-Origin" not in refused.headers

    client.delete_object(BUCKET, "dir/exampleobject")
    client.delete_bucket(BUCKET)
    with pytest.raises(CosServiceError) as raised:
        client.get_bucket_cors(BUCKET)
    assert refusal(raised)[:2] == (404, "NoSuchBucket")
