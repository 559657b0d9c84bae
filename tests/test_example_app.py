"""The example application as an object store: on disk, over WSGI, and with the official SDK."""

import hashlib
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
from base64 import b64encode
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from wsgiref.validate import validator
from xml.etree import ElementTree

import pytest
import requests
from qcloud_cos import CosConfig, CosS3Client, CosServiceError
from qcloud_cos.cos_auth import CosS3Auth
from werkzeug.test import Client, TestResponse

import example_app
from example_app.addressing import Target, find_target
from example_app.errors import StorageError
from example_app.index import ListingQuery
from example_app.storage import Storage
from tests.support import ROOT
from tests.support.example_store import BUCKET, PUBLIC, build_app, put, read
from tests.support.processes.children import CHILD_SECONDS
from tests.support.tables import in_one_test

ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "ExampleSecretKey"
HOST = "store.test"
METHODS = {"GET", "HEAD", "PUT", "POST", "DELETE"}
MD5_OF_HELLO = b64encode(hashlib.md5(b"hello").digest()).decode()


@pytest.fixture
def app(storage):
    return build_app(storage)


def call(app, method, url, headers=None, body=b"", *, secret=SECRET_KEY, **environ):
    """Send a request, signed unless ``secret`` is None; both sides are held to PEP 3333."""
    headers = {"Host": HOST, **(headers or {})}
    if secret is not None:
        headers["Authorization"] = sign(method, url, headers["Host"], secret)
    return Client(validator(app)).open(
        url, method=method, headers=headers, data=body, environ_overrides=environ, buffered=True
    )


def sign(method, url, host, secret, access_key=ACCESS_KEY):
    """Let the SDK's own signer sign method, path, query and host."""
    parts = urlsplit(url)
    config = CosConfig(Endpoint="cos.test", SecretId=access_key, SecretKey=secret)
    params = dict(parse_qsl(parts.query, keep_blank_values=True))
    request = SimpleNamespace(method=method, url="", headers={"host": host})
    return CosS3Auth(config, unquote(parts.path), params)(request).headers["Authorization"]


def code(response):
    """The status, and the error code if there is one."""
    if response.status_code < 400 or not response.data:
        return response.status_code, None
    return response.status_code, ElementTree.fromstring(response.data).findtext("Code")


def test_a_bucket_is_made_seen_and_deleted(app):
    url = "/new-1250000000"
    assert code(call(app, "HEAD", url)) == (404, None)
    assert code(call(app, "PUT", url)) == (200, None)
    assert code(call(app, "HEAD", url)) == (200, None)
    names = ElementTree.fromstring(call(app, "GET", "/").data).iterfind("Buckets/Bucket/Name")
    assert [name.text for name in names] == [BUCKET, "new-1250000000", PUBLIC]
    assert code(call(app, "DELETE", url)) == (204, None)
    assert code(call(app, "HEAD", url)) == (404, None)


def test_buckets_are_listed_in_parts(app):
    part = ElementTree.fromstring(call(app, "GET", "/?max-keys=1").data)
    assert part.findtext("Buckets/Bucket/Name") == BUCKET
    assert part.findtext("IsTruncated") == "true"
    rest = ElementTree.fromstring(call(app, "GET", f"/?marker={BUCKET}").data)
    assert [name.text for name in rest.iterfind("Buckets/Bucket/Name")] == [PUBLIC]
    assert rest.findtext("IsTruncated") == "false"


@pytest.mark.parametrize(
    "name, valid",
    [
        pytest.param("a-1", True, id="shortest"),
        pytest.param("my-bucket-1250000000", True, id="inner hyphen"),
        pytest.param("a" * 52 + "-1250000000", True, id="63 characters"),
        pytest.param("a" * 53 + "-1250000000", False, id="64 characters"),
        pytest.param("bucket", False, id="no appid"),
        pytest.param("bucket-0125", False, id="appid begins with 0"),
        pytest.param("-bucket-125", False, id="begins with a hyphen"),
        pytest.param("Bucket-125", False, id="upper case"),
        pytest.param("buc_ket-125", False, id="underscore"),
        pytest.param("buc.ket-125", False, id="dot"),
        pytest.param("..", False, id="parent folder"),
        pytest.param("bucket-125\n", False, id="line feed at the end"),
        pytest.param("bücket-125", False, id="not ASCII"),
    ],
)
def test_a_bucket_name_has_the_form_of_cos(app, storage, name, valid):
    expected = (200, None) if valid else (400, "InvalidBucketName")
    assert code(call(app, "PUT", f"/{quote(name)}")) == expected
    assert storage.bucket_exists(name) is valid


def test_a_bucket_cannot_be_made_twice(app):
    assert code(call(app, "PUT", f"/{BUCKET}")) == (409, "BucketAlreadyOwnedByYou")


def test_a_bucket_with_objects_cannot_be_deleted(app, storage):
    put(storage, "kept")
    assert code(call(app, "DELETE", f"/{BUCKET}")) == (409, "BucketNotEmpty")
    assert read(storage, "kept") == b"hello"


@pytest.mark.parametrize(
    "acl, expected, public",
    [
        pytest.param("private", 200, False, id="private"),
        pytest.param("public-read", 200, True, id="public-read"),
        pytest.param("public-read-write", 200, True, id="public-read-write"),
        pytest.param("everybody", 400, None, id="unknown"),
    ],
)
def test_the_acl_of_a_new_bucket_says_who_may_read(app, storage, acl, expected, public):
    response = call(app, "PUT", "/new-1", {"x-cos-acl": acl})
    assert response.status_code == expected
    assert storage.bucket_exists("new-1") is (expected == 200)
    if expected == 200:
        assert storage.get_bucket("new-1").public is public


def test_hooks_are_told_of_names_that_are_free_and_of_no_others(app, storage):
    told = []
    storage.free_name_hooks.append(lambda name: told.append((name, name in names_in(storage))))
    put(storage, "kept", bucket=PUBLIC)
    for name in (BUCKET, PUBLIC, "unknown-1"):
        call(app, "DELETE", f"/{name}")
    for name in ("new-1", PUBLIC, "invalid"):
        call(app, "PUT", f"/{name}")
    assert told == [(BUCKET, False), ("new-1", False)]


def names_in(storage):
    return [bucket.name for bucket in storage.list_buckets()]


def test_a_hook_that_fails_prevents_a_creation_and_no_deletion(storage):
    def fail(name):
        raise RuntimeError(name)

    storage.free_name_hooks.append(fail)
    with pytest.raises(RuntimeError, match=BUCKET):
        storage.delete_bucket(BUCKET)
    assert not storage.bucket_exists(BUCKET)
    with pytest.raises(RuntimeError, match=BUCKET):
        storage.create_bucket(BUCKET)
    assert not storage.bucket_exists(BUCKET)


HOOKS_THAT_WAIT = """
from gevent import monkey; monkey.patch_all()
import sys, time
from gevent import joinall, spawn
from gevent.event import Event
from example_app import database
from example_app.storage import Storage

database.LOCK_SECONDS = 2
storage, waits = Storage(sys.argv[1]), Event()

def wait(name):
    waits.set()
    time.sleep(0.1)

storage.free_name_hooks.append(wait)
creation = spawn(storage.create_bucket, "slow-1")
waits.wait()
joinall([creation, spawn(storage.put_object, "%s", "key", [b"bytes"], {})], raise_error=True)
"""


def test_a_hook_that_waits_does_not_stop_the_greenlets_of_its_process(storage, tmp_path):
    command = [sys.executable, "-c", HOOKS_THAT_WAIT % BUCKET, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert names_in(Storage(tmp_path)) == [BUCKET, PUBLIC, "slow-1"]


@pytest.mark.parametrize("query", ["cors", "cors=", "acl", "lifecycle", "%63ors", "q-sign"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize("path", [f"/{BUCKET}", f"/{BUCKET}/", "/new-1250000000"])
def test_a_bucket_call_with_a_sub_resource_never_becomes_the_plain_one(
    app, storage, method, path, query
):
    assert call(app, method, f"{path}?{query}").status_code == 501
    assert storage.bucket_exists(BUCKET)
    assert not storage.bucket_exists("new-1250000000")


@pytest.mark.parametrize(
    "method, query",
    [
        ("GET", "acl"),
        ("HEAD", "versionId=1"),
        ("PUT", "acl"),
        ("PUT", "cors"),
        ("PUT", "partNumber=1"),
        ("PUT", "uploadId=1&uploads"),
        ("DELETE", "uploadId=1&acl"),
        ("GET", "uploadId=1&versionId=1"),
        ("DELETE", "whatever"),
        ("POST", "uploads&uploadId=1"),
        ("POST", "delete"),
        ("POST", ""),
    ],
)
def test_an_object_call_with_a_sub_resource_never_becomes_the_plain_one(
    app, storage, method, query
):
    put(storage, "key")
    assert call(app, method, f"/{BUCKET}/key?{query}", body=b"other").status_code == 501
    assert read(storage, "key") == b"hello"


@pytest.mark.parametrize(
    "header",
    [
        "Content-Range",
        "Pic-Operations",
        "x-cos-acl",
        "x-cos-callback",
        "x-cos-callback-var",
        "x-cos-grant-read",
        "x-cos-mime-limit",
        "x-cos-return-body",
        "x-cos-server-side-encryption-customer-key",
        "x-cos-storage-class",
        "x-cos-tagging",
    ],
)
def test_an_upload_never_ignores_a_header_that_changes_its_meaning(app, storage, header):
    put(storage, "key")
    response = call(app, "PUT", f"/{BUCKET}/key", {header: "*"}, b"other")
    assert code(response) == (501, "NotImplemented")
    assert header.lower().encode() in response.data
    assert read(storage, "key") == b"hello"


def test_a_read_ignores_what_pages_append_to_defeat_caches(app, storage):
    put(storage, "key")
    assert call(app, "GET", f"/{BUCKET}/key?t=1594295570").data == b"hello"


@pytest.mark.parametrize(
    "method, url, allowed",
    [
        pytest.param("PUT", "/", {"GET"}, id="service"),
        pytest.param("PATCH", "/", METHODS, id="no method of ours"),
        pytest.param("OPTIONS", f"/{BUCKET}/key", METHODS, id="preflight"),
    ],
)
def test_another_method_is_refused_and_the_right_ones_are_named(app, method, url, allowed):
    response = call(app, method, url, {"Origin": "https://example.com"})
    assert code(response) == (405, "MethodNotAllowed")
    assert set(response.headers["Allow"].split(", ")) == allowed
    assert response.headers["Content-Type"] == "application/xml"
    assert not any(name.startswith("Access-Control") for name, _ in response.headers)


def test_an_object_comes_back_as_it_went(app):
    sent = {
        "Cache-Control": "no-cache",
        "Content-Disposition": "attachment",
        "Content-Encoding": "identity",
        "Content-Language": "en",
        "Content-Type": "text/plain; charset=gbk",
        "Expires": "never",
        "x-cos-meta-Author": "somebody",
        "x-cos-meta-latin": "\xe4\xb8\xad",
        "x-cos-meta-empty": "",
    }
    url = f"/{BUCKET}/key"
    stored = call(app, "PUT", url, sent, b"hello")
    assert code(stored) == (200, None)
    got = call(app, "GET", url)
    assert got.data == b"hello"
    assert {name: got.headers.get(name) for name in sent} == sent
    assert got.headers["ETag"] == stored.headers["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert got.headers["Content-Length"] == "5"
    assert got.headers["Accept-Ranges"] == "bytes"
    head = call(app, "HEAD", url)
    assert head.data == b""
    assert lasting(head) == lasting(got)


def lasting(response: TestResponse) -> list[tuple[str, str]]:
    """The headers that tell of the object, and not of the moment or the request."""
    of_the_moment = ("Date", "x-cos-request-id")
    return [(name, value) for name, value in response.headers if name not in of_the_moment]


def test_what_was_not_said_of_an_object_is_not_invented(app):
    call(app, "PUT", f"/{BUCKET}/key", {"Cookie": "a=b", "X-Other": "1"}, b"hello")
    got = call(app, "GET", f"/{BUCKET}/key")
    assert {name for name, _ in got.headers} == {
        "Accept-Ranges",
        "Content-Length",
        "Content-Type",
        "ETag",
        "Last-Modified",
        "x-cos-request-id",
    }
    assert got.headers["Content-Type"] == "application/octet-stream"


def test_a_second_upload_replaces_the_first_with_all_its_headers(app, files):
    call(app, "PUT", f"/{BUCKET}/key", {"x-cos-meta-a": "1"}, b"first")
    call(app, "PUT", f"/{BUCKET}/key", {"x-cos-meta-b": "2"}, b"second")
    got = call(app, "GET", f"/{BUCKET}/key")
    assert got.data == b"second"
    assert "x-cos-meta-a" not in got.headers
    assert len(files()) == 1


def test_an_object_is_deleted_once_and_deleting_it_again_is_no_error(app, storage, files):
    put(storage, "key")
    for _ in range(2):
        assert code(call(app, "DELETE", f"/{BUCKET}/key")) == (204, None)
    assert code(call(app, "GET", f"/{BUCKET}/key")) == (404, "NoSuchKey")
    assert files() == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_there_are_no_objects_in_a_bucket_that_is_not_there(app, method, files):
    assert code(call(app, method, "/unknown-1/key", body=b"hello")) == (404, "NoSuchBucket")
    assert files() == []


ETAG = f'"{hashlib.md5(b"hello").hexdigest()}"'
LONG_AGO = "Thu, 01 Jan 1970 00:00:01 GMT"
LONG_AHEAD = "Thu, 01 Jan 2099 00:00:00 GMT"


@pytest.mark.parametrize(
    "headers, status",
    [
        pytest.param({"If-Match": ETAG}, 200, id="if-match"),
        pytest.param({"If-Match": '"other"'}, 412, id="if-match fails"),
        pytest.param({"If-Match": "*"}, 200, id="if-match any"),
        pytest.param({"If-None-Match": ETAG}, 304, id="if-none-match"),
        pytest.param({"If-None-Match": '"other"'}, 200, id="if-none-match changed"),
        pytest.param({"If-Modified-Since": LONG_AHEAD}, 304, id="not modified since"),
        pytest.param({"If-Modified-Since": LONG_AGO}, 200, id="modified since"),
        pytest.param({"If-Unmodified-Since": LONG_AHEAD}, 200, id="unmodified since"),
        pytest.param({"If-Unmodified-Since": LONG_AGO}, 412, id="unmodified since fails"),
        pytest.param(
            {"If-Match": ETAG, "If-Unmodified-Since": LONG_AGO}, 200, id="if-match comes first"
        ),
        pytest.param(
            {"If-Match": '"other"', "Range": "bytes=0-1"}, 412, id="if-match before a range"
        ),
        pytest.param(
            {"If-Unmodified-Since": LONG_AGO, "Range": "bytes=0-1"}, 412, id="date before a range"
        ),
        pytest.param(
            {"If-None-Match": ETAG, "Range": "bytes=0-1"}, 304, id="not modified before a range"
        ),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_conditional_read(app, storage, method, headers, status):
    put(storage, "key")
    response = call(app, method, f"/{BUCKET}/key", headers)
    assert response.status_code == status
    if method == "GET" and status == 412:
        assert code(response) == (412, "PreconditionFailed")
    if status == 304:
        assert response.headers["ETag"] == ETAG


@pytest.mark.parametrize(
    "asked, status, body, content_range",
    [
        pytest.param("bytes=0-0", 206, b"h", "bytes 0-0/5", id="first byte"),
        pytest.param("bytes=1-3", 206, b"ell", "bytes 1-3/5", id="middle"),
        pytest.param("bytes=3-", 206, b"lo", "bytes 3-4/5", id="from"),
        pytest.param("bytes=-2", 206, b"lo", "bytes 3-4/5", id="last"),
        pytest.param("bytes=0-99", 206, b"hello", "bytes 0-4/5", id="longer than the object"),
        pytest.param("bytes=5-", 416, None, "bytes */5", id="after the end"),
        pytest.param("bytes=3-1", 416, None, "bytes */5", id="backwards"),
        pytest.param("bytes=0-0,2-2", 416, None, "bytes */5", id="two ranges"),
        pytest.param("nonsense", 416, None, "bytes */5", id="nonsense"),
    ],
)
def test_a_range_of_bytes(app, storage, asked, status, body, content_range):
    put(storage, "key")
    response = call(app, "GET", f"/{BUCKET}/key", {"Range": asked})
    assert response.status_code == status
    assert response.headers["Content-Range"] == content_range
    if status == 206:
        assert response.data == body
    else:
        assert code(response) == (416, "InvalidRange")


def test_a_range_far_into_a_large_object(app, storage):
    data = os.urandom(300_000)
    put(storage, "key", data)
    response = call(app, "GET", f"/{BUCKET}/key", {"Range": "bytes=200001-290000"})
    assert response.data == data[200001:290001]


@pytest.mark.parametrize(
    "md5, expected",
    [
        pytest.param(MD5_OF_HELLO, (200, None), id="right"),
        pytest.param(b64encode(bytes(16)).decode(), (400, "BadDigest"), id="of something else"),
        pytest.param(b64encode(bytes(15)).decode(), (400, "InvalidDigest"), id="too short"),
        pytest.param(hashlib.md5(b"hello").hexdigest(), (400, "InvalidDigest"), id="hexadecimal"),
        pytest.param("*" * 24, (400, "InvalidDigest"), id="not base64"),
        pytest.param(f"*{MD5_OF_HELLO}", (400, "InvalidDigest"), id="right after junk"),
        pytest.param("\xe4" * 24, (400, "InvalidDigest"), id="not ASCII"),
        pytest.param("", (400, "InvalidDigest"), id="empty"),
    ],
)
def test_a_digest_that_is_sent_must_be_right(app, storage, md5, expected, files):
    put(storage, "key", b"before")
    response = call(app, "PUT", f"/{BUCKET}/key", {"Content-MD5": md5}, b"hello")
    assert code(response) == expected
    assert read(storage, "key") == (b"hello" if expected[0] == 200 else b"before")
    assert len(files()) == 1


class BrokenStream:
    """The input of a server whose client vanished in the middle of a chunk."""

    def __init__(self):
        self.pieces = [b"he"]

    def read(self, size):
        if self.pieces:
            return self.pieces.pop()
        raise LookupError("no more data")


def short_body():
    return {"CONTENT_LENGTH": "10"}


def short_body_that_ends():
    return {"CONTENT_LENGTH": "10", "wsgi.input_terminated": True}


def broken_chunk():
    return {"CONTENT_LENGTH": "", "wsgi.input_terminated": True, "wsgi.input": BrokenStream()}


@pytest.mark.parametrize("broken", [short_body, short_body_that_ends, broken_chunk])
def test_a_body_that_breaks_off_leaves_the_object_as_it_was(app, storage, broken, files):
    put(storage, "key", b"before")

    def break_body(environ, start_response):
        return app({**environ, **broken()}, start_response)

    response = call(break_body, "PUT", f"/{BUCKET}/key", body=b"hello")
    assert code(response) == (400, "IncompleteBody")
    assert read(storage, "key") == b"before"
    assert len(files()) == 1


@pytest.mark.parametrize("flag", [{}, {"wsgi.input_terminated": False}], ids=["missing", "false"])
def test_chunks_that_the_server_does_not_decode_are_no_empty_object(app, storage, flag):
    put(storage, "key", b"before")

    def pass_on(environ, start_response):
        chunked = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", **flag}
        return app({**environ, **chunked}, start_response)

    response = call(pass_on, "PUT", f"/{BUCKET}/key", body=b"5\r\nhello\r\n0\r\n\r\n")
    assert code(response) == (411, "MissingContentLength")
    assert read(storage, "key") == b"before"


def test_a_body_larger_than_the_application_allows_is_refused(app, files):
    app.config["MAX_CONTENT_LENGTH"] = 4
    assert code(call(app, "PUT", f"/{BUCKET}/key", body=b"hello")) == (400, "EntityTooLarge")
    assert files() == []


def test_a_form_is_a_body_like_any_other(app, storage):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    call(app, "PUT", f"/{BUCKET}/key", headers, b"a=b&c=d")
    assert read(storage, "key") == b"a=b&c=d"


@pytest.mark.parametrize(
    "bucket, key, md5",
    [("unknown-1", "key", None), (BUCKET, "k" * 851, None), (BUCKET, "key", "wrong")],
)
def test_a_body_that_cannot_be_stored_is_not_read(storage, bucket, key, md5):
    chunks = iter([b"hello"])
    with pytest.raises(StorageError):
        storage.put_object(bucket, key, chunks, {}, md5)
    assert list(chunks) == [b"hello"]


def test_an_upload_into_a_bucket_that_is_deleted_meanwhile_leaves_nothing(storage, files):
    def chunks():
        yield b"hel"
        storage.delete_bucket(BUCKET)
        yield b"lo"

    with pytest.raises(StorageError, match="NoSuchBucket"):
        storage.put_object(BUCKET, "key", chunks(), {})
    assert files() == []


HOSTILE_KEYS = [
    pytest.param("../../etc/passwd", id="parent folders"),
    pytest.param("..", id="parent folder"),
    pytest.param(".", id="this folder"),
    pytest.param("/", id="slash"),
    pytest.param("//etc//passwd", id="double slashes"),
    pytest.param("folder/", id="slash at the end"),
    pytest.param("%2e%2e%2f", id="percent signs"),
    pytest.param("a\x00b", id="NUL"),
    pytest.param("a\nb\r\n", id="line ends"),
    pytest.param("a b+c?d#e&f=g;h", id="URL syntax"),
    pytest.param("中文/ключ/🗝", id="not ASCII"),
    pytest.param("<Key>'\"&amp;]]>", id="XML syntax"),
    pytest.param("CON", id="device name"),
    pytest.param("index.sqlite", id="name of the index"),
    pytest.param("k" * 850, id="850 bytes"),
    pytest.param("键" * 283, id="849 bytes in 283 characters"),
]


@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_every_key_is_only_a_key(app, storage, key, tmp_path):
    url = f"/{BUCKET}/{quote(key, safe='')}"
    before = set(tmp_path.rglob("*"))
    assert code(call(app, "PUT", url, body=b"hello")) == (200, None)
    [file] = set(tmp_path.rglob("*")) - before
    assert file.parent == tmp_path / "files"
    assert file.name.isalnum()
    assert call(app, "GET", url).data == b"hello"
    listing = call(app, "GET", f"/{BUCKET}?encoding-type=url")
    assert [unquote(each) for each in keys_in(listing)] == [key]
    assert code(call(app, "DELETE", url)) == (204, None)
    assert code(call(app, "GET", url)) == (404, "NoSuchKey")


def test_keys_that_look_alike_are_different_objects(app, storage):
    keys = ["a", "A", "a/", "/a", "a//", "./a", "%61", "é", "e\u0301", "a\x00", "a "]
    for key in keys:
        call(app, "PUT", f"/{BUCKET}/{quote(key, safe='')}", body=key.encode())
    assert {key: read(storage, key) for key in keys} == {key: key.encode() for key in keys}


@pytest.mark.parametrize("key", ["k" * 851, "键" * 284])
def test_a_key_is_at_most_850_bytes(app, key, files):
    response = call(app, "PUT", f"/{BUCKET}/{quote(key)}", body=b"hello")
    assert code(response) == (400, "KeyTooLong")
    assert files() == []


def keys_in(response):
    return [each.text for each in ElementTree.fromstring(response.data).iterfind("Contents/Key")]


TREE = ["a", "a/1", "a/2", "a/b/3", "b", "c/1", "c0", "é", "中"]
REST = ["b", "c0", "é", "中"]


@pytest.mark.parametrize(
    "query, keys, prefixes, next_marker",
    [
        pytest.param("", TREE, [], None, id="everything"),
        pytest.param("prefix=a", ["a", "a/1", "a/2", "a/b/3"], [], None, id="prefix"),
        pytest.param("prefix=x", [], [], None, id="prefix of nothing"),
        pytest.param("delimiter=/", ["a", *REST], ["a/", "c/"], None, id="delimiter"),
        pytest.param("prefix=a/&delimiter=/", ["a/1", "a/2"], ["a/b/"], None, id="folder"),
        pytest.param("marker=b", ["c/1", "c0", "é", "中"], [], None, id="marker"),
        pytest.param(
            "marker=a/&delimiter=/", ["b", "c0", "é", "中"], ["c/"], None, id="after prefix"
        ),
        pytest.param(
            "marker=a/1&delimiter=/", ["b", "c0", "é", "中"], ["c/"], None, id="within prefix"
        ),
        pytest.param("marker=a&prefix=c", ["c/1", "c0"], [], None, id="marker before prefix"),
        pytest.param("max-keys=2", ["a", "a/1"], [], "a/1", id="truncated"),
        pytest.param("max-keys=2&delimiter=/", ["a"], ["a/"], "a/", id="truncated at a prefix"),
        pytest.param("max-keys=9", TREE, [], None, id="exactly all"),
        pytest.param("max-keys=0", [], [], None, id="none wanted"),
        pytest.param("max-keys=999999", TREE, [], None, id="more than allowed"),
        pytest.param(
            "delimiter=%2Fb%2F", [*TREE[:3], *TREE[4:]], ["a/b/"], None, id="long delimiter"
        ),
    ],
)
def test_a_listing(app, storage, query, keys, prefixes, next_marker):
    for key in reversed(TREE):
        put(storage, key)
    response = call(app, "GET", f"/{BUCKET}?{query}")
    listing = ElementTree.fromstring(response.data)
    assert keys_in(response) == keys
    assert [each.text for each in listing.iterfind("CommonPrefixes/Prefix")] == prefixes
    assert listing.findtext("NextMarker") == next_marker
    assert listing.findtext("IsTruncated") == ("false" if next_marker is None else "true")


@pytest.mark.parametrize("delimiter", ["", "/"])
@pytest.mark.parametrize("max_keys", [1, 2, 3])
def test_the_parts_of_a_listing_make_the_whole(storage, delimiter, max_keys):
    for key in TREE:
        put(storage, key)
    whole = storage.list_objects(BUCKET, ListingQuery(delimiter=delimiter))
    seen, marker = [], ""
    while marker is not None:
        part = storage.list_objects(BUCKET, ListingQuery("", delimiter, marker, max_keys))
        seen += [*part.common_prefixes, *(each.key for each in part.objects)]
        marker = part.next_marker
    assert sorted(seen) == sorted([*whole.common_prefixes, *(each.key for each in whole.objects)])


def test_a_listing_says_of_each_object_what_a_head_would(app, storage):
    stored = put(storage, "key")
    entry = ElementTree.fromstring(call(app, "GET", f"/{BUCKET}/").data).find("Contents")
    assert {child.tag: child.text for child in entry} == {
        "Key": "key",
        "LastModified": stored.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "ETag": ETAG,
        "Size": "5",
        "StorageClass": "STANDARD",
    }


def test_a_listing_has_no_objects_of_other_buckets(app, storage):
    put(storage, "other", bucket=PUBLIC)
    assert keys_in(call(app, "GET", f"/{BUCKET}")) == []


def test_a_listing_that_is_not_encoded_marks_what_xml_cannot_hold(app, storage):
    put(storage, "a\x00\ufffe\rb")
    assert keys_in(call(app, "GET", f"/{BUCKET}")) == ["a??\rb"]


@pytest.mark.parametrize("query", ["max-keys=-1", "max-keys=ten", "max-keys=", "encoding-type=xml"])
def test_a_listing_parameter_that_is_refused(app, query):
    assert code(call(app, "GET", f"/{BUCKET}?{query}")) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    "method, url, allowed",
    [
        pytest.param("GET", f"/{PUBLIC}/key", 200, id="read in a public bucket"),
        pytest.param("HEAD", f"/{PUBLIC}/key", 200, id="head in a public bucket"),
        pytest.param("GET", f"/{PUBLIC}/unknown", 404, id="read nothing in a public bucket"),
        pytest.param("GET", f"/{BUCKET}/key", 403, id="read in a private bucket"),
        pytest.param("GET", f"/{BUCKET}/unknown", 403, id="read nothing in a private bucket"),
        pytest.param("GET", "/unknown-1/key", 404, id="read in no bucket"),
        pytest.param("PUT", f"/{PUBLIC}/key", 403, id="write"),
        pytest.param("DELETE", f"/{PUBLIC}/key", 403, id="delete"),
        pytest.param("GET", f"/{PUBLIC}", 403, id="list"),
        pytest.param("HEAD", f"/{PUBLIC}", 403, id="head a bucket"),
        pytest.param("DELETE", f"/{PUBLIC}", 403, id="delete a bucket"),
        pytest.param("PUT", "/new-1", 403, id="make a bucket"),
        pytest.param("GET", "/", 403, id="list buckets"),
        pytest.param("DELETE", f"/{PUBLIC}?q-ak={ACCESS_KEY}", 403, id="half a signature"),
    ],
)
@pytest.mark.parametrize("authorization", [None, "", "Basic x", "Bearer x"])
def test_without_a_signature_only_public_objects_can_be_read(
    app, storage, method, url, allowed, authorization
):
    put(storage, "key", bucket=PUBLIC)
    put(storage, "key", bucket=BUCKET)
    headers = {} if authorization is None else {"Authorization": authorization}
    assert call(app, method, url, headers, secret=None).status_code == allowed


@pytest.mark.parametrize(
    "access_key, secret, signed_url, expected",
    [
        pytest.param(ACCESS_KEY, "wrong", "/key", "SignatureDoesNotMatch", id="secret"),
        pytest.param("AKIDOTHER", SECRET_KEY, "/key", "InvalidAccessKeyId", id="key"),
        pytest.param(ACCESS_KEY, SECRET_KEY, "/other", "SignatureDoesNotMatch", id="path"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_wrong_signature_is_refused_even_where_none_is_needed(
    app, storage, method, access_key, secret, signed_url, expected
):
    put(storage, "key", bucket=PUBLIC)
    signature = sign(method, f"/{PUBLIC}{signed_url}", HOST, secret, access_key)
    headers = {"Authorization": signature}
    response = call(app, method, f"/{PUBLIC}/key", headers, b"other", secret=None)
    assert code(response) == (403, expected)
    assert read(storage, "key", PUBLIC) == b"hello"


def test_a_signature_may_stand_in_the_query(app, storage):
    put(storage, "key")
    fields = parse_qsl(sign("GET", f"/{BUCKET}/key", HOST, SECRET_KEY), keep_blank_values=True)
    query = "&".join(f"{name}={quote(value)}" for name, value in fields)
    assert call(app, "GET", f"/{BUCKET}/key?{query}", secret=None).data == b"hello"


def test_without_keys_nobody_can_write(storage, files):
    app = build_app(storage, keys={})
    url = f"/{PUBLIC}/key"
    assert code(call(app, "PUT", url, body=b"x")) == (403, "InvalidAccessKeyId")
    assert code(call(app, "PUT", url, body=b"x", secret=None)) == (403, "AccessDenied")
    assert files() == []


def test_an_error_has_the_form_of_cos(app):
    host = "Bücket'&.example"
    response = call(app, "GET", "/unknown-1/%E4%B8%AD '%0A", {"Host": host}, secret=None)
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/xml"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.data.decode() == (
        "<?xml version='1.0' encoding='utf-8' ?>\n"
        "<Error>\n"
        "\t<Code>InvalidURI</Code>\n"
        "\t<Message>The Host header must be a name or an address.</Message>\n"
        "\t<Resource>Bücket&apos;&amp;.example/unknown-1/%E4%B8%AD%20%27%0A</Resource>\n"
        f"\t<RequestId>{response.headers['x-cos-request-id']}</RequestId>\n"
        f"\t<TraceId>{response.headers['x-cos-trace-id']}</TraceId>\n"
        "</Error>"
    )


def test_an_error_repeats_at_most_256_characters_of_the_address(app):
    response = call(app, "GET", "/unknown-1/" + "k" * 800, secret=None)
    assert len(ElementTree.fromstring(response.data).findtext("Resource")) == 256


def test_an_error_marks_what_xml_cannot_hold(app):
    response = call(app, "GET", "/unknown-1/key", {"Host": "a\x01b"}, secret=None)
    assert ElementTree.fromstring(response.data).findtext("Resource") == "a?b/unknown-1/key"


@pytest.mark.parametrize(
    "method, url", [("GET", "/"), ("PUT", "/new-1"), ("PATCH", "/"), ("GET", "/x/y")]
)
def test_every_answer_has_an_id_of_its_own(app, method, url):
    first, second = (call(app, method, url).headers["x-cos-request-id"] for _ in range(2))
    assert first
    assert second
    assert first != second


def test_an_error_for_a_head_request_has_ids_and_no_body(app):
    response = call(app, "HEAD", f"/{BUCKET}/unknown")
    assert (response.status_code, response.data) == (404, b"")
    assert response.headers["x-cos-trace-id"]


def test_a_failure_of_the_server_is_an_error_like_others_and_is_logged(app, tmp_path, caplog):
    shutil.rmtree(tmp_path)
    response = call(app, "GET", f"/{BUCKET}/key")
    assert code(response) == (500, "InternalError")
    assert str(tmp_path) not in response.text
    assert "OperationalError" in caplog.text


@in_one_test
@pytest.mark.parametrize(
    "host, path, bucket, key",
    [
        pytest.param("localhost", "/", "", "", id="service"),
        pytest.param("localhost", "", "", "", id="empty path"),
        pytest.param("localhost", "/b", "b", "", id="path style"),
        pytest.param("localhost", "/b/", "b", "", id="path style with a slash"),
        pytest.param("localhost", "/b/k/l/", "b", "k/l/", id="path style key"),
        pytest.param("localhost", "/b//k", "b", "/k", id="key begins with a slash"),
        pytest.param("localhost", "//k", "", "k", id="no bucket"),
        pytest.param("cos.test", "/b/k", "b", "k", id="the suffix itself"),
        pytest.param("b.cos.test", "/", "b", "", id="virtual host"),
        pytest.param("b.cos.test:8000", "/k/l/", "b", "k/l/", id="virtual host with a port"),
        pytest.param("B.COS.test.", "//k", "b", "/k", id="virtual host in another spelling"),
        pytest.param("a.b.cos.test", "/k", "a.b", "k", id="two labels"),
        pytest.param("bcos.test", "/b/k", "b", "k", id="no label of its own"),
        pytest.param("127.0.0.1:80", "/b/k", "b", "k", id="IPv4"),
        pytest.param("[::1]:80", "/b/k", "b", "k", id="IPv6"),
    ],
)
def test_the_target_of_a_request(host, path, bucket, key):
    assert find_target({"HTTP_HOST": host, "PATH_INFO": path}, "cos.test") == Target(bucket, key)


def test_without_a_host_suffix_every_host_is_path_style():
    environ = {"HTTP_HOST": "b.cos.test", "PATH_INFO": "/c/k"}
    assert find_target(environ, "") == Target("c", "k")


def test_both_forms_of_address_lead_to_the_same_object(app, storage):
    call(app, "PUT", "/a//b/", {"Host": f"{BUCKET}.cos.test:8000"}, b"hello")
    assert call(app, "GET", f"/{BUCKET}/a//b/").data == b"hello"


@pytest.mark.parametrize(
    "address",
    [
        pytest.param({"PATH_INFO": f"/{BUCKET}/a\xff"}, id="key"),
        pytest.param({"PATH_INFO": f"/{BUCKET}/\xed\xa0\x80"}, id="surrogate in a key"),
        pytest.param({"PATH_INFO": "/\xff"}, id="bucket"),
        pytest.param({"QUERY_STRING": "prefix=\xff"}, id="query"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_an_address_that_is_not_utf_8_is_refused(app, method, address):
    response = call(app, method, f"/{BUCKET}", secret=None, **address)
    assert code(response) == (400, "InvalidURI")


EXAMPLE = "/examplebucket-1250000000/exampleobject"


@pytest.fixture
def environment(tmp_path, monkeypatch):
    monkeypatch.setenv("EXAMPLE_DATA", str(tmp_path / "data"))
    for name in ("ACCESS_KEY", "SECRET_KEY", "HOST_SUFFIX", "EMPTY"):
        monkeypatch.delenv(f"EXAMPLE_{name}", raising=False)
    return monkeypatch


@pytest.fixture
def create_app(environment):
    """Give what builds the application; the databases are closed afterwards."""
    apps = []

    def create():
        apps.append(example_app.create_app())
        return apps[-1]

    yield create
    for app in apps:
        app.extensions["bucketcors"].store.close()


def test_the_application_begins_with_an_object_that_all_may_read(create_app):
    for _ in range(2):
        response = call(create_app(), "GET", EXAMPLE, secret=None)
        assert (response.data, response.headers["Content-Type"]) == (b"hello", "text/plain")


def test_the_application_keeps_its_data(create_app):
    call(create_app(), "PUT", EXAMPLE, body=b"mine")
    response = call(create_app(), "GET", EXAMPLE)
    assert response.data == b"mine"


def test_the_application_can_begin_empty(environment, create_app):
    environment.setenv("EXAMPLE_EMPTY", "1")
    assert b"<Buckets></Buckets>" in call(create_app(), "GET", "/").data


def test_the_application_is_set_up_by_its_environment(environment, create_app):
    environment.setenv("EXAMPLE_SECRET_KEY", "another")
    environment.setenv("EXAMPLE_HOST_SUFFIX", "Objects.example")
    environment.setenv("FLASK_MAX_CONTENT_LENGTH", "1000")
    app = create_app()
    host = {"Host": "examplebucket-1250000000.objects.example"}
    assert code(call(app, "HEAD", "/", host, secret="another")) == (200, None)
    assert call(app, "HEAD", "/", host).status_code == 403
    assert app.config["MAX_CONTENT_LENGTH"] == 1000


@pytest.mark.parametrize("missing", ["EXAMPLE_ACCESS_KEY", "EXAMPLE_SECRET_KEY"])
def test_an_application_without_a_key_takes_no_writes(environment, create_app, missing):
    environment.setenv(missing, "")
    response = call(create_app(), "PUT", "/examplebucket-1250000000/key", body=b"x")
    assert code(response) == (403, "InvalidAccessKeyId")


def test_an_object_that_is_replaced_just_before_it_is_opened_is_the_new_one(storage, monkeypatch):
    put(storage, "key", b"old")
    open_file = Path.open

    def replace_and_open(path, mode):
        monkeypatch.setattr(Path, "open", open_file)
        put(storage, "key", b"new")
        return path.open(mode)

    monkeypatch.setattr(Path, "open", replace_and_open)
    assert read(storage, "key") == b"new"


def test_an_object_whose_file_is_lost_is_a_failure_and_no_endless_search(storage, files):
    put(storage, "key")
    files()[0].unlink()
    with pytest.raises(FileNotFoundError):
        read(storage, "key")


def test_a_store_that_another_worker_makes_meanwhile_is_kept(storage, monkeypatch, tmp_path):
    before = set(tmp_path.iterdir())
    monkeypatch.setattr(Path, "exists", lambda path: False)
    assert Storage(tmp_path).bucket_exists(BUCKET)
    assert set(tmp_path.iterdir()) == before


def overwrite(root, letter, stop):
    """Store one object again and again, and delete it now and then, in a process of its own."""
    storage = Storage(root)
    number = 0
    while not stop.exists():
        number += 1
        data = letter.encode() * (50_000 + number)
        storage.put_object(BUCKET, "contended", [data[:9], data[9:]], {"x-cos-meta-is": letter})
        if number % 10 == 0:
            storage.delete_object(BUCKET, "contended")


def letter_of_whole_object(storage):
    """Read the object that is contended for; None if it is deleted just now."""
    try:
        stored, file = storage.open_object(BUCKET, "contended")
    except StorageError:
        return None
    with file:
        data = file.read()
    letter = stored.headers["x-cos-meta-is"]
    assert data == letter.encode() * stored.size
    assert hashlib.md5(data).hexdigest() == stored.etag
    return letter


def test_a_reader_sees_whole_objects_while_several_processes_write(storage, files, tmp_path):
    stop = tmp_path / "stop"
    counts = Counter()
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        writers = [pool.submit(overwrite, tmp_path, letter, stop) for letter in "abc"]
        try:
            while min(counts[letter] for letter in "abc") < 10:
                assert counts.total() < 100_000
                assert not any(writer.done() for writer in writers)
                counts[letter_of_whole_object(storage)] += 1
        finally:
            stop.touch()
    for writer in writers:
        writer.result(CHILD_SECONDS)
    assert len(files()) <= 1


@pytest.fixture
def client(example_port):
    """Make clients of the SDK that go to the server, each by its secret."""
    with requests.Session() as session:

        def make(secret=SECRET_KEY):
            config = CosConfig(
                Endpoint="cos.test",
                IP="127.0.0.1",
                Port=example_port,
                ServiceDomain=f"127.0.0.1:{example_port}",
                Scheme="http",
                SecretId=ACCESS_KEY,
                SecretKey=secret,
            )
            return CosS3Client(config, retry=0, session=session)

        yield make


def test_the_sdk_takes_an_object_through_its_life(client):
    sdk, bucket, key = client(), "life-1250000000", "folder/中文 %2e?.txt"
    sdk.create_bucket(bucket)
    assert sdk.bucket_exists(bucket)
    metadata = {"x-cos-meta-author": "somebody"}
    stored = sdk.put_object(bucket, b"hello", key, EnableMD5=True, Metadata=metadata)
    head = sdk.head_object(bucket, key)
    assert head["ETag"] == stored["ETag"] == ETAG
    assert (head["Content-Length"], head["x-cos-meta-author"]) == ("5", "somebody")
    part = sdk.get_object(bucket, key, Range="bytes=1-3")
    assert (part["Content-Range"], part["Body"].read()) == ("bytes 1-3/5", b"ell")
    sdk.delete_object(bucket, key)
    assert not sdk.object_exists(bucket, key)
    sdk.delete_bucket(bucket)
    assert not sdk.bucket_exists(bucket)


def test_the_sdk_lists_buckets_and_objects(client):
    sdk, bucket = client(), "list-1250000000"
    sdk.create_bucket(bucket)
    for key in ("a b/1", "a b/2/3", "c"):
        sdk.put_object(bucket, b"", key)
    assert bucket in [each["Name"] for each in sdk.list_buckets()["Buckets"]["Bucket"]]
    listing = sdk.list_objects(bucket, Prefix="a b/", Delimiter="/")
    assert [each["Key"] for each in listing["Contents"]] == ["a b/1"]
    assert listing["CommonPrefixes"] == [{"Prefix": "a b/2/"}]
    first = sdk.list_objects(bucket, MaxKeys=2)
    assert first["NextMarker"] == "a b/2/3"
    rest = sdk.list_objects(bucket, Marker=first["NextMarker"])
    assert [each["Key"] for each in rest["Contents"]] == ["c"]


def put_with_wrong_secret(client, bucket):
    client("wrong").put_object(bucket, b"x", "key")


def put_with_wrong_md5(client, bucket):
    client().put_object(bucket, b"x", "key", ContentMD5=MD5_OF_HELLO)


def get_unknown_key(client, bucket):
    client().get_object(bucket, "unknown")


def get_changed_object(client, bucket):
    client().put_object(bucket, b"hello", "changed")
    client().get_object(bucket, "changed", IfMatch='"other"')


def get_acl(client, bucket):
    client().get_bucket_acl(bucket)


@pytest.mark.parametrize(
    "act, expected",
    [
        (put_with_wrong_secret, (403, "SignatureDoesNotMatch")),
        (put_with_wrong_md5, (400, "BadDigest")),
        (get_unknown_key, (404, "NoSuchKey")),
        (get_changed_object, (412, "PreconditionFailed")),
        (get_acl, (501, "NotImplemented")),
    ],
)
def test_the_sdk_understands_a_refusal(client, act, expected):
    with pytest.raises(CosServiceError) as raised:
        act(client, "examplebucket-1250000000")
    assert (raised.value.get_status_code(), raised.value.get_error_code()) == expected
    assert raised.value.get_request_id()
    assert raised.value.get_trace_id()


def exchange(port, method, url, headers, body):
    """Send bytes as they are, then no more, and give the whole answer."""
    signature = sign(method, url, "localhost", SECRET_KEY)
    lines = [f"{method} {url} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    request = "\r\n".join([*lines, f"Authorization: {signature}", "", ""]).encode() + body
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            return answer.read()


def test_memory_that_runs_out_is_not_the_senders_fault(app, storage, files):
    class LargeStream(BrokenStream):
        def read(self, size=-1):
            raise MemoryError

    def break_body(environ, start_response):
        return app({**environ, **broken_chunk(), "wsgi.input": LargeStream()}, start_response)

    response = call(break_body, "PUT", f"/{BUCKET}/key", body=b"hello")
    assert code(response) == (500, "InternalError")
    assert files() == []


CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    "header, body, status, stored",
    [
        pytest.param("Content-Length: 5", b"hello", b"200", b"hello", id="whole"),
        pytest.param("Content-Length: 10", b"hello", b"400", b"before", id="short"),
        pytest.param(CHUNKED, b"5\r\nhello\r\n0\r\n\r\n", b"200", b"hello", id="chunks"),
        pytest.param(CHUNKED, b"5\r\nhel", b"400", b"before", id="short chunk"),
        pytest.param(CHUNKED, b"5\r\nhello\r\n", b"400", b"before", id="no last chunk"),
        pytest.param(CHUNKED, b"5\r\nhello!\r\n", b"400", b"before", id="long chunk"),
        pytest.param(CHUNKED, b"five\r\nhello", b"400", b"before", id="no chunk at all"),
    ],
)
def test_what_of_a_body_arrives_over_a_socket(example_port, client, header, body, status, stored):
    bucket = "examplebucket-1250000000"
    client().put_object(bucket, b"before", "socket")
    answer = exchange(example_port, "PUT", f"/{bucket}/socket", [header], body)
    assert answer.split(b" ", 2)[1] == status
    assert (b"<Code>IncompleteBody</Code>" in answer) is (status == b"400")
    assert client().get_object(bucket, "socket")["Body"].read() == stored


@pytest.mark.parametrize(
    "headers",
    [
        {"If-Modified-Since": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"},
        {"If-Unmodified-Since": "Mon, 01 Jan 2020 99999999999999999999:00:00 GMT"},
        {"If-Range": "Mon, 01 Jan 2020 00:00:00 +99999999999999999", "Range": "bytes=0-1"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_a_date_that_no_calendar_has_is_no_condition(app, storage, headers):
    put(storage, "key")
    assert code(call(app, "GET", f"/{BUCKET}/key", headers))[0] in (200, 206)
