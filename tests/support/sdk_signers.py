"""Requests signed by the vendors' own SDKs, and recorded ones.

Nothing here knows how a signature is made; that is for the SDKs to say.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlsplit

import alibabacloud_oss_v2.credentials
import alibabacloud_oss_v2.signer
import alibabacloud_oss_v2.types
import oss2
import oss2.http
from botocore.auth import HmacV1Auth, HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from obs.auth import Authentication
from obs.convertor import Adapter

from flask_bucketcors import AccessKey
from flask_bucketcors.signatures import SignedRequest
from tests.support.vendor_corpus import load

BUCKET = "examplebucket-1250000000"
HOST = "store.test:8080"
ACCESS_KEY, SECRET_KEY = "AKIDEXAMPLE", "ExampleSecretKey"
TEMPORARY_KEY, TEMPORARY_SECRET, TOKEN = "TEMPKEY", "TempSecret", "the/token+="
KEYS = {ACCESS_KEY: SECRET_KEY, TEMPORARY_KEY: AccessKey(TEMPORARY_SECRET, TOKEN)}
CORS = {"cors": ""}


@dataclass(frozen=True)
class Sent:
    """A request on the wire, and what it is about."""

    method: str = "GET"
    path: str = f"/{BUCKET}"
    query: str = "cors"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    bucket: str = BUCKET
    key: str = ""

    def environ(self) -> dict[str, Any]:
        """As a WSGI server hands it over."""
        names = {name.upper().replace("-", "_"): value for name, value in self.headers.items()}
        plain = ("CONTENT_TYPE", "CONTENT_LENGTH")
        return {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(self.path).decode("latin-1"),
            "QUERY_STRING": self.query,
            **{name if name in plain else f"HTTP_{name}": names[name] for name in names},
        }

    def request(self) -> SignedRequest:
        """As signatures read it."""
        return SignedRequest.from_environ(self.environ(), self.bucket, self.key)

    def but(self, **changes: Any) -> "Sent":
        """The same with something else in it; headers are added, or left out if None."""
        headers = {**self.headers, **changes.pop("headers", {})}
        kept = {name: value for name, value in headers.items() if value is not None}
        return replace(self, headers=kept, **changes)


@dataclass(frozen=True)
class Call:
    """What is to be signed."""

    method: str = "GET"
    key: str = ""
    query: Mapping[str, str] = field(default_factory=lambda: CORS)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    token: str | None = None

    @property
    def key_pair(self) -> tuple[str, str]:
        if self.token:
            return TEMPORARY_KEY, TEMPORARY_SECRET
        return ACCESS_KEY, SECRET_KEY

    @property
    def path(self) -> str:
        return f"/{BUCKET}/{quote(self.key, safe='/~')}"

    @property
    def url(self) -> str:
        return f"http://{HOST}{self.path}"

    def query_text(self) -> str:
        pairs = ((quote(name, safe=""), quote(self.query[name], safe="")) for name in self.query)
        return "&".join(f"{name}={value}" if value else name for name, value in pairs)

    def sent(self, url: str, headers: Mapping[str, str | None]) -> Sent:
        """The request that was made of this."""
        split = urlsplit(url)
        lower = {name.lower(): value for name, value in headers.items() if value is not None}
        kept = {"host": HOST, **lower}
        return Sent(self.method, split.path, split.query, kept, self.body, BUCKET, self.key)


def _botocore(header_form: Callable[..., Any], query_form: Callable[..., Any]) -> Any:
    def sign(call: Call, *, presigned: bool) -> Sent:
        url = f"{call.url}?{call.query_text()}"
        request = AWSRequest(
            call.method,
            url,
            headers=dict(call.headers),
            data=b"" if presigned else call.body,
            auth_path=call.path,
        )
        credentials = Credentials(*call.key_pair, call.token)
        (query_form if presigned else header_form)(credentials).add_auth(request)
        # In the query form, what was a header is in the URL.
        headers = call.headers if presigned else dict(request.headers.items())
        return call.sent(request.url, headers)

    return sign


def _oss2(version: str) -> Any:
    def sign(call: Call, *, presigned: bool) -> Sent:
        if call.token:
            auth: Any = oss2.StsAuth(*call.key_pair, call.token, version)
        else:
            auth = oss2.make_auth(*call.key_pair, version)
        request = oss2.http.Request(
            call.method,
            call.url,
            params=dict(call.query),
            headers=dict(call.headers),
            region="cn-hangzhou",
            product="oss",
        )
        if presigned:
            return call.sent(auth._sign_url(request, BUCKET, call.key, 60), call.headers)
        auth._sign_request(request, BUCKET, call.key)
        return call.sent(f"{call.url}?{call.query_text()}", request.headers)

    return sign


def _oss_v2(signer: Any) -> Any:
    def sign(call: Call, *, presigned: bool) -> Sent:
        request = alibabacloud_oss_v2.types.HttpRequest(
            call.method, f"{call.url}?{call.query_text()}", headers=dict(call.headers)
        )
        context = alibabacloud_oss_v2.types.SigningContext(
            "oss",
            "cn-hangzhou",
            BUCKET,
            call.key,
            request,
            alibabacloud_oss_v2.credentials.Credentials(*call.key_pair, call.token),
        )
        context.sub_resource = ["cors"]
        context.auth_method_query = presigned
        signer.sign(context)
        return call.sent(request.url, call.headers if presigned else dict(request.headers))

    return sign


def _obs(call: Call, *, presigned: bool) -> Sent:
    adapter = Adapter("obs")
    auth = Authentication(*call.key_pair, True, adapter, HOST, False)
    arguments: dict[str, Any] = {name: value or None for name, value in call.query.items()}
    headers = dict(call.headers)
    if not presigned:
        headers["Date"] = formatdate(usegmt=True)
        if call.token:
            headers[adapter.security_token_header()] = call.token
        signed = auth.doAuth(call.method, BUCKET, call.key, arguments, headers)
        headers["Authorization"] = signed["Authorization"]
        return call.sent(f"{call.url}?{call.query_text()}", headers)
    if call.token:
        arguments[adapter.security_token_header()] = call.token
    expires = str(int(time.time()) + 60)
    signed = auth.getSignature(call.method, BUCKET, call.key, arguments, headers, expires)
    query = {
        **{name: value or "" for name, value in arguments.items()},
        "Expires": expires,
        "AccessKeyId": call.key_pair[0],
        "Signature": signed["Signature"],
    }
    return call.sent(f"{call.url}?{replace(call, query=query).query_text()}", headers)


_SCOPE = ("s3", "us-east-1")

#: Of each scheme one signer at least, with the dialect that its signatures are of.
SIGNERS: dict[str, tuple[str, Callable[..., Sent]]] = {
    "oss2 V1": ("oss", _oss2("v1")),
    "oss2 V2": ("oss", _oss2("v2")),
    "oss2 V4": ("oss", _oss2("v4")),
    "alibabacloud-oss-v2 V1": ("oss", _oss_v2(alibabacloud_oss_v2.signer.SignerV1())),
    "alibabacloud-oss-v2 V4": ("oss", _oss_v2(alibabacloud_oss_v2.signer.SignerV4())),
    "botocore V2": (
        "s3",
        _botocore(HmacV1Auth, lambda credentials: HmacV1QueryAuth(credentials, 60)),
    ),
    "botocore V4": (
        "s3",
        _botocore(
            lambda credentials: S3SigV4Auth(credentials, *_SCOPE),
            lambda credentials: S3SigV4QueryAuth(credentials, *_SCOPE, expires=60),
        ),
    ),
    "esdk-obs-python": ("obs", _obs),
}


def signed(signer: str, *, presigned: bool = False, **call: Any) -> Sent:
    """A request that an SDK's signer signs now."""
    return SIGNERS[signer][1](Call(**call), presigned=presigned)


def recorded(entry: Mapping[str, Any]) -> Sent:
    """A request that a whole SDK sent, as ``sdk_requests.json`` has it."""
    path, _, query = entry["target"].partition("?")
    headers = dict(entry["headers"])
    return Sent(entry["method"], path, query, headers, entry["body"].encode())


RECORDED = load("sdk_requests.json")
#: All of them were sent within the minutes from here on, in 2026.
RECORDED_AT = 1_795_360_655.0


def sha256(body: bytes) -> str:
    """The digest of a body, as the V4 schemes write it."""
    return hashlib.sha256(body).hexdigest()
