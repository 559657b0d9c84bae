"""The example application's uploads: in parts, by form and by copy; and many deletions at once."""

import hashlib
import hmac
import json
import os
import sqlite3
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from itertools import chain, repeat
from threading import Barrier
from types import SimpleNamespace
from urllib.parse import parse_qsl, quote, urlsplit
from wsgiref.validate import validator
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
import requests
from qcloud_cos import CosConfig, CosS3Client, CosServiceError
from werkzeug.test import Client

from example_app.errors import StorageError
from example_app.files import Files
from example_app.index import ListingQuery
from example_app.storage import Storage
from example_app.upload_index import UploadQuery
from example_app.uploads import NamedPart
from flask_bucketcors.core.json_text import parse_json
from flask_bucketcors.signatures import AccessKey
from tests.support.cos_signing import ACCESS_KEY, HOST, SECRET_KEY, authorization, presigned
from tests.support.example_store import BUCKET, PUBLIC, build_app, put, read
from tests.support.processes.children import CHILD_SECONDS

OBJECT = f"/{BUCKET}/key"
MIB = 1024 * 1024


@pytest.fixture
def app(storage):
    return build_app(storage)


def send(app, method, url, body=b"", headers=None, **environ):
    """Send a request as it is; both sides are held to PEP 3333."""
    return Client(validator(app)).open(
        url,
        method=method,
        headers={"Host": HOST, **(headers or {})},
        data=body,
        environ_overrides=environ,
        buffered=True,
    )


def call(app, method, url, body=b"", headers=None, unsigned=()):
    """Send a request with a signature that covers all but ``unsigned`` parameters and headers."""
    sent = {"Host": HOST, **(headers or {})}
    covered = {name: value for name, value in sent.items() if name not in unsigned}
    now = int(time.time())
    signature = authorization(method, url, covered, now=now, unsigned=unsigned)
    return send(app, method, url, body, {**sent, "Authorization": signature})


def code(response):
    """The status, and the error code if there is one."""
    if response.status_code < 400 or not response.data:
        return response.status_code, None
    return response.status_code, text(response, "Code")


def text(response, path):
    return ElementTree.fromstring(response.data).findtext(path)


def texts(response, path):
    return [each.text for each in ElementTree.fromstring(response.data).iterfind(path)]


def md5(data):
    return hashlib.md5(data).hexdigest()


def content_md5(data):
    return b64encode(hashlib.md5(data).digest()).decode()


def etag_of_parts(*parts):
    return f"{md5(b''.join(hashlib.md5(part).digest() for part in parts))}-{len(parts)}"


def begin(app, url=OBJECT, headers=None):
    """Begin an upload; give the URL that goes on with it."""
    return f"{url}?uploadId={text(call(app, 'POST', f'{url}?uploads', b'', headers), 'UploadId')}"


def put_part(app, upload, number, data, headers=None):
    return call(app, "PUT", f"{upload}&partNumber={number}", data, headers)


def completion(*parts):
    """The document that names parts, each a number and either its bytes or its ETag."""
    body = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(_etag(part))}</ETag></Part>"
        for number, part in parts
    )
    return f"<CompleteMultipartUpload>{body}</CompleteMultipartUpload>".encode()


def _etag(part):
    return f'"{md5(part)}"' if isinstance(part, bytes) else part


def test_parts_become_an_object(app, storage, files):
    sent = {"Content-Type": "text/plain", "x-cos-meta-author": "somebody", "Cache-Control": ""}
    started = call(app, "POST", f"{OBJECT}?uploads", b"", sent)
    assert (text(started, "Bucket"), text(started, "Key")) == (BUCKET, "key")
    upload = f"{OBJECT}?uploadId={text(started, 'UploadId')}"
    for number, part in ((2, b"lo, "), (3, b"world"), (1, b"hel")):
        answer = put_part(app, upload, number, part)
        assert (code(answer), answer.headers["ETag"]) == ((200, None), f'"{md5(part)}"')
    assert code(call(app, "GET", OBJECT)) == (404, "NoSuchKey")

    named = completion((1, b"hel"), (2, b"lo, "), (3, b"world"))
    answer = call(app, "POST", upload, named, {"Content-MD5": content_md5(named)})
    etag = f'"{etag_of_parts(b"hel", b"lo, ", b"world")}"'
    assert {child.tag: child.text for child in ElementTree.fromstring(answer.data)} == {
        "Location": f"http://{HOST}{OBJECT}",
        "Bucket": BUCKET,
        "Key": "key",
        "ETag": etag,
    }
    got = call(app, "GET", OBJECT)
    assert (got.data, got.headers["ETag"]) == (b"hello, world", etag)
    assert (got.headers["Content-Type"], got.headers["x-cos-meta-author"]) == (
        "text/plain",
        "somebody",
    )
    assert "Cache-Control" not in got.headers
    assert text(call(app, "GET", f"/{BUCKET}"), "Contents/Size") == "12"
    assert len(files()) == 1


def test_a_completed_upload_replaces_the_object_and_is_gone(app, storage, files):
    put(storage, "key", b"before")
    upload = begin(app)
    put_part(app, upload, 1, b"after")
    put_part(app, upload, 2, b"not named")
    assert read(storage, "key") == b"before"
    assert code(call(app, "POST", upload, completion((1, b"after")))) == (200, None)
    assert read(storage, "key") == b"after"
    assert len(files()) == 1
    again = call(app, "POST", upload, completion((1, b"after")))
    assert code(again) == (404, "NoSuchUpload")
    assert texts(call(app, "GET", f"/{BUCKET}?uploads"), "Upload/Key") == []


def test_a_part_that_is_sent_again_replaces_the_first(app, storage, files):
    upload = begin(app)
    put_part(app, upload, 1, b"first")
    put_part(app, upload, 1, b"second")
    assert len(files()) == 1
    assert code(call(app, "POST", upload, completion((1, b"first")))) == (400, "InvalidPart")
    assert code(call(app, "POST", upload, completion((1, b"second")))) == (200, None)
    assert read(storage, "key") == b"second"


def test_an_aborted_upload_leaves_nothing(app, files):
    upload = begin(app)
    put_part(app, upload, 1, b"hello")
    put_part(app, upload, 2, b"hello")
    assert code(call(app, "DELETE", upload)) == (204, None)
    assert files() == []
    assert code(call(app, "GET", OBJECT)) == (404, "NoSuchKey")


def part(app, upload):
    return put_part(app, upload, 1, b"hello")


def copied_part(app, upload):
    headers = {"x-cos-copy-source": f"{BUCKET}.cos.test/source"}
    return call(app, "PUT", f"{upload}&partNumber=1", b"", headers)


def parts(app, upload):
    return call(app, "GET", upload)


def complete(app, upload):
    return call(app, "POST", upload, completion((1, b"hello")))


def abort(app, upload):
    return call(app, "DELETE", upload)


@pytest.mark.parametrize("act", [part, copied_part, parts, complete, abort])
@pytest.mark.parametrize(
    "change, expected",
    [
        pytest.param(lambda url: url[:-1], "NoSuchUpload", id="id"),
        pytest.param(lambda url: url.replace("/key", "/other"), "NoSuchUpload", id="key"),
        pytest.param(lambda url: url.replace(BUCKET, PUBLIC), "NoSuchUpload", id="bucket"),
        pytest.param(lambda url: url.replace(BUCKET, "no-1"), "NoSuchBucket", id="no bucket"),
        pytest.param(lambda url: url.partition("=")[0] + "=", "NoSuchUpload", id="empty"),
    ],
)
def test_an_upload_goes_on_only_where_it_was_begun(app, storage, files, act, change, expected):
    put(storage, "source")
    upload = begin(app)
    part(app, upload)
    assert code(act(app, change(upload))) == (404, expected)
    assert len(files()) == 2
    assert code(complete(app, upload)) == (200, None)


@pytest.mark.parametrize("act", [part, copied_part, parts, complete, abort])
def test_nothing_goes_on_with_an_upload_that_is_aborted(app, storage, files, act):
    put(storage, "source")
    upload = begin(app)
    abort(app, upload)
    assert code(act(app, upload)) == (404, "NoSuchUpload")
    assert len(files()) == 1


@pytest.mark.parametrize(
    "number, valid",
    [
        pytest.param("1", True, id="first"),
        pytest.param("10000", True, id="last"),
        pytest.param("0", False, id="0"),
        pytest.param("10001", False, id="10001"),
        pytest.param("-1", False, id="negative"),
        pytest.param("one", False, id="word"),
        pytest.param("", False, id="empty"),
        pytest.param("1.0", False, id="fraction"),
        pytest.param("9" * 5000, False, id="long"),
        pytest.param("%D9%A1", False, id="arabic digit"),
    ],
)
def test_a_part_number_is_from_1_to_10000(app, files, number, valid):
    answer = put_part(app, begin(app), number, b"hello")
    assert code(answer) == ((200, None) if valid else (400, "InvalidArgument"))
    assert len(files()) == valid


def test_a_part_has_a_number(app):
    assert code(call(app, "PUT", begin(app), b"hello")) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    "headers, expected",
    [
        pytest.param({"Content-MD5": content_md5(b"hello")}, (200, None), id="right digest"),
        pytest.param({"Content-MD5": content_md5(b"x")}, (400, "BadDigest"), id="other digest"),
        pytest.param({"Content-MD5": "x"}, (400, "InvalidDigest"), id="no digest"),
        pytest.param({"x-cos-traffic-limit": "819200"}, (200, None), id="traffic limit"),
        pytest.param(
            {"x-cos-server-side-encryption": "AES256"}, (501, "NotImplemented"), id="encryption"
        ),
    ],
)
def test_the_headers_of_a_part(app, files, headers, expected):
    assert code(put_part(app, begin(app), 1, b"hello", headers)) == expected
    assert len(files()) == (expected[0] == 200)


def test_a_part_that_breaks_off_leaves_the_one_before(app, storage):
    upload = begin(app)
    put_part(app, upload, 1, b"hello")

    def break_body(environ, start_response):
        return app({**environ, "CONTENT_LENGTH": "10"}, start_response)

    assert code(put_part(break_body, upload, 1, b"hel")) == (400, "IncompleteBody")
    assert code(complete(app, upload)) == (200, None)
    assert read(storage, "key") == b"hello"


def test_a_part_of_an_upload_that_is_aborted_meanwhile_leaves_nothing(storage, files):
    upload = storage.uploads.start(BUCKET, "key", {})

    def chunks():
        yield b"hel"
        storage.uploads.abort(BUCKET, "key", upload.id)
        yield b"lo"

    with pytest.raises(StorageError, match="NoSuchUpload"):
        storage.uploads.put_part(BUCKET, "key", upload.id, 1, chunks())
    assert files() == []


def in_document(inner):
    return f"<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>".encode()


BOMB = (
    b"<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]>"
    + completion((1, b"one"))
    + b"<!-- &b; -->"
)
MALFORMED = (400, "MalformedXML")


@pytest.mark.parametrize(
    "body, expected",
    [
        pytest.param(completion((1, b"one"), (2, b"two")), (200, None), id="right"),
        pytest.param(completion((2, b"two"), (3, b"three")), (200, None), id="some of them"),
        pytest.param(completion((1, md5(b"one"))), (200, None), id="ETag without quotes"),
        pytest.param(completion((1, md5(b"one").upper())), (200, None), id="upper case ETag"),
        pytest.param(
            completion((1, b"one")).replace(b"Upload>", b"Upload xmlns='http://x'>", 1),
            (200, None),
            id="namespace",
        ),
        pytest.param(completion((1, b"two")), (400, "InvalidPart"), id="another ETag"),
        pytest.param(completion((4, b"four")), (400, "InvalidPart"), id="no such part"),
        pytest.param(
            completion((1, b"one"), (3, b"three")), (400, "InvalidPart"), id="left one out"
        ),
        pytest.param(completion((0, b"one")), (400, "InvalidPart"), id="number 0"),
        pytest.param(completion((10_001, b"one")), (400, "InvalidPart"), id="number 10001"),
        pytest.param(
            completion((2, b"two"), (1, b"one")), (400, "InvalidPartOrder"), id="descending"
        ),
        pytest.param(completion((1, b"one"), (1, b"one")), (400, "InvalidPartOrder"), id="twice"),
        pytest.param(completion(), MALFORMED, id="no parts"),
        pytest.param(completion(("one", b"one")), MALFORMED, id="number in words"),
        pytest.param(completion((-1, b"one")), MALFORMED, id="negative number"),
        pytest.param(completion((1, "")), MALFORMED, id="empty ETag"),
        pytest.param(in_document("<Part><ETag>a</ETag></Part>"), MALFORMED, id="no number"),
        pytest.param(
            in_document("<Part><PartNumber>1</PartNumber></Part>"), MALFORMED, id="no ETag"
        ),
        pytest.param(b"<Delete/>", MALFORMED, id="another document"),
        pytest.param(b"", MALFORMED, id="empty"),
        pytest.param(b"parts", MALFORMED, id="no XML"),
        pytest.param(b"<?xml version='1.0' encoding='x'?><a/>", MALFORMED, id="encoding"),
        pytest.param(BOMB, MALFORMED, id="entities"),
        pytest.param(
            completion((1, b"one")).replace(b"<Part>", b"<a>" * 64 + b"</a>" * 64 + b"<Part>"),
            MALFORMED,
            id="too deep",
        ),
        pytest.param(b"<!DOCTYPE a>" + completion((1, b"one")), MALFORMED, id="document type"),
        pytest.param(b" " * (2 * MIB + 1), (400, "EntityTooLarge"), id="too large"),
    ],
)
def test_how_an_upload_is_completed(app, storage, files, body, expected):
    put(storage, "key", b"before")
    upload = begin(app)
    for number, data in ((1, b"one"), (2, b"two"), (3, b"three")):
        put_part(app, upload, number, data)
    assert code(call(app, "POST", upload, body)) == expected
    done = expected[0] == 200
    assert (read(storage, "key") != b"before") is done
    assert texts(call(app, "GET", f"/{BUCKET}?uploads"), "Upload/Key") == ([] if done else ["key"])
    assert len(files()) == (1 if done else 4)


def test_a_document_that_was_changed_on_its_way_is_refused(app):
    upload = begin(app)
    put_part(app, upload, 1, b"hello")
    headers = {"Content-MD5": content_md5(b"")}
    answer = call(app, "POST", upload, completion((1, b"hello")), headers)
    assert code(answer) == (400, "BadDigest")


def test_ten_thousand_parts_can_be_named(storage, app):
    upload = storage.uploads.start(BUCKET, "key", {})
    names = ((number, f'"{"0" * 32}"') for number in range(1, 10_001))
    answer = call(app, "POST", f"{OBJECT}?uploadId={upload.id}", completion(*names))
    assert code(answer) == (400, "InvalidPart")


@pytest.mark.parametrize(
    "exists, started_with, completed_with, expected",
    [
        pytest.param(True, {}, {}, (200, None), id="replace"),
        pytest.param(True, {"forbid": "true"}, {}, (409, "FileAlreadyExists"), id="from start"),
        pytest.param(True, {}, {"forbid": "true"}, (409, "FileAlreadyExists"), id="at the end"),
        pytest.param(True, {"forbid": "false"}, {}, (200, None), id="not forbidden"),
        pytest.param(False, {"forbid": "true"}, {"forbid": "true"}, (200, None), id="none there"),
        pytest.param(
            True, {}, {"If-None-Match": "*"}, (412, "PreconditionFailed"), id="if-none-match"
        ),
    ],
)
def test_an_upload_may_be_kept_from_replacing(
    app, storage, exists, started_with, completed_with, expected
):
    def named(headers):
        return {name.replace("forbid", "x-cos-forbid-overwrite"): headers[name] for name in headers}

    upload = begin(app, headers=named(started_with))
    put_part(app, upload, 1, b"hello")
    if exists:
        put(storage, "key", b"before")
    body = completion((1, b"hello"))
    assert code(call(app, "POST", upload, body, named(completed_with))) == expected
    assert read(storage, "key") == (b"hello" if expected[0] == 200 else b"before")


@pytest.mark.parametrize(
    "header", ["If-Match", "If-None-Match", "x-cos-grant-read", "x-cos-server-side-encryption"]
)
def test_what_an_upload_cannot_begin_with(app, header):
    answer = call(app, "POST", f"{OBJECT}?uploads", b"", {header: "*"})
    assert code(answer) == (501, "NotImplemented")
    assert texts(call(app, "GET", f"/{BUCKET}?uploads"), "Upload/Key") == []


def test_an_upload_begins_in_a_bucket_and_with_a_key_that_can_be(app):
    assert code(call(app, "POST", "/no-1/key?uploads")) == (404, "NoSuchBucket")
    assert code(call(app, "POST", f"/{BUCKET}/{'k' * 851}?uploads")) == (400, "KeyTooLong")


def test_a_bucket_with_an_upload_cannot_be_deleted(app, storage):
    upload = begin(app)
    assert code(call(app, "DELETE", f"/{BUCKET}")) == (409, "BucketNotEmpty")
    abort(app, upload)
    assert code(call(app, "DELETE", f"/{BUCKET}")) == (204, None)


@pytest.mark.parametrize(
    "query, numbers, next_marker",
    [
        pytest.param("", ["1", "2", "9", "10"], None, id="all"),
        pytest.param("&max-parts=2", ["1", "2"], "2", id="first"),
        pytest.param("&part-number-marker=2", ["9", "10"], None, id="rest"),
        pytest.param("&part-number-marker=2&max-parts=1", ["9"], "9", id="middle"),
        pytest.param("&max-parts=4", ["1", "2", "9", "10"], None, id="exactly all"),
        pytest.param("&max-parts=5000", ["1", "2", "9", "10"], None, id="more than allowed"),
        pytest.param("&max-parts=0", [], None, id="none wanted"),
        pytest.param("&part-number-marker=10", [], None, id="after the last"),
    ],
)
def test_a_list_of_parts(app, query, numbers, next_marker):
    upload = begin(app)
    for number in (10, 9, 2, 1):
        put_part(app, upload, number, b"hello")
    answer = call(app, "GET", upload + query)
    assert texts(answer, "Part/PartNumber") == numbers
    assert text(answer, "NextPartNumberMarker") == next_marker
    assert text(answer, "IsTruncated") == ("false" if next_marker is None else "true")


def test_a_list_of_parts_says_what_they_are(app):
    upload = begin(app, f"/{BUCKET}/a%20%E4%B8%AD")
    put_part(app, upload, 1, b"hello")
    answer = call(app, "GET", f"{upload}&encoding-type=url")
    assert text(answer, "Key") == "a%20%E4%B8%AD"
    assert text(call(app, "GET", upload), "Key") == "a 中"
    assert text(answer, "UploadId") == upload.partition("=")[2]
    assert (text(answer, "Part/ETag"), text(answer, "Part/Size")) == (f'"{md5(b"hello")}"', "5")


@pytest.mark.parametrize(
    "query",
    [
        f"{OBJECT}?uploadId=1&max-parts=ten",
        f"{OBJECT}?uploadId=1&part-number-marker=-1",
        f"{OBJECT}?uploadId=1&encoding-type=xml",
        f"/{BUCKET}?uploads&max-uploads=ten",
        f"/{BUCKET}?uploads&encoding-type=xml",
    ],
)
def test_a_listing_parameter_that_is_refused(app, query):
    assert code(call(app, "GET", query)) == (400, "InvalidArgument")


UPLOADED = ["a", "a/1", "a/1", "a/b/2", "b", "c/3", "é"]


@pytest.mark.parametrize(
    "query, keys, prefixes, next_key",
    [
        pytest.param("", UPLOADED, [], None, id="all"),
        pytest.param("&prefix=a/", ["a/1", "a/1", "a/b/2"], [], None, id="prefix"),
        pytest.param("&delimiter=/", ["a", "b", "é"], ["a/", "c/"], None, id="delimiter"),
        pytest.param("&prefix=a/&delimiter=/", ["a/1", "a/1"], ["a/b/"], None, id="folder"),
        pytest.param("&key-marker=a/1", ["a/b/2", "b", "c/3", "é"], [], None, id="marker"),
        pytest.param(
            "&key-marker=a/1&upload-id-marker=0", UPLOADED[1:], [], None, id="marker with id"
        ),
        pytest.param("&upload-id-marker=9", UPLOADED, [], None, id="id without a key"),
        pytest.param("&max-uploads=2", ["a", "a/1"], [], "a/1", id="truncated"),
        pytest.param("&max-uploads=2&delimiter=/", ["a"], ["a/"], "a/", id="at a prefix"),
        pytest.param("&key-marker=a/&delimiter=/", ["b", "é"], ["c/"], None, id="after prefix"),
        pytest.param("&max-uploads=7", UPLOADED, [], None, id="exactly all"),
    ],
)
def test_a_list_of_uploads(app, storage, query, keys, prefixes, next_key):
    for key in reversed(UPLOADED):
        storage.uploads.start(BUCKET, key, {})
    storage.uploads.start(PUBLIC, "other", {})
    answer = call(app, "GET", f"/{BUCKET}?uploads{query}")
    assert texts(answer, "Upload/Key") == keys
    assert texts(answer, "CommonPrefixes/Prefix") == prefixes
    assert text(answer, "NextKeyMarker") == next_key
    assert text(answer, "IsTruncated") == ("false" if next_key is None else "true")


@pytest.mark.parametrize("delimiter", ["", "/"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_parts_of_a_list_of_uploads_make_the_whole(storage, delimiter, size):
    ids = {storage.uploads.start(BUCKET, key, {}).id for key in UPLOADED}
    whole = storage.uploads.list_uploads(BUCKET, UploadQuery(delimiter=delimiter))
    seen, prefixes, marker = [], [], ("", "")
    while marker is not None:
        query = UploadQuery("", delimiter, *marker, size)
        page = storage.uploads.list_uploads(BUCKET, query)
        seen += [upload.id for upload in page.uploads]
        prefixes += page.common_prefixes
        marker = page.next_marker
    assert seen == [upload.id for upload in whole.uploads]
    assert prefixes == whole.common_prefixes
    assert delimiter or set(seen) == ids


def test_uploads_to_one_key_are_listed_as_they_were_begun(storage):
    ids = [storage.uploads.start(BUCKET, "key", {}).id for _ in range(5)]
    listing = storage.uploads.list_uploads(BUCKET, UploadQuery())
    assert [upload.id for upload in listing.uploads] == ids


def upload_of(storage, *parts):
    """Begin an upload and store its parts; give what completes it."""
    upload = storage.uploads.start(BUCKET, "key", {})
    for number, data in enumerate(parts, 1):
        storage.uploads.put_part(BUCKET, "key", upload.id, number, [data])
    return upload.id, [NamedPart(number, md5(data)) for number, data in enumerate(parts, 1)]


def test_of_those_who_complete_an_upload_at_once_one_does(storage, files):
    upload_id, named = upload_of(storage, *(os.urandom(10_000) for _ in range(20)))
    ready = Barrier(8)

    def complete(_):
        ready.wait(30)
        try:
            return storage.uploads.complete(BUCKET, "key", upload_id, named).etag
        except StorageError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        results = sorted(pool.map(complete, range(8)), key=lambda result: result == "NoSuchUpload")
    [stored] = storage.list_objects(BUCKET, ListingQuery()).objects
    assert results[0] == stored.etag
    assert results[1:] == ["NoSuchUpload"] * 7
    assert len(files()) == 1


def test_a_reader_sees_one_upload_or_the_other_whole(storage, files):
    def write(letter):
        for _ in range(15):
            upload_id, named = upload_of(storage, *[letter * 5000] * 4)
            storage.uploads.complete(BUCKET, "key", upload_id, named)

    put(storage, "key", b"c" * 20_000)
    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write, letter) for letter in (b"a", b"b")]
        seen = set()
        while not all(writer.done() for writer in writers):
            seen.add(read(storage, "key"))
    for writer in writers:
        writer.result(CHILD_SECONDS)
    assert seen <= {letter * 20_000 for letter in (b"a", b"b", b"c")}
    assert len(files()) == 1


def test_a_part_that_is_sent_again_while_it_is_joined_is_found(storage, files, monkeypatch):
    upload_id, named = upload_of(storage, b"hel", b"lo")
    open_file = Files.open

    def replace_and_open(self, name):
        monkeypatch.setattr(Files, "open", open_file)
        storage.uploads.put_part(BUCKET, "key", upload_id, 1, [b"hel"])
        return self.open(name)

    monkeypatch.setattr(Files, "open", replace_and_open)
    storage.uploads.complete(BUCKET, "key", upload_id, named)
    assert read(storage, "key") == b"hello"
    assert len(files()) == 1


def test_a_part_that_is_changed_while_it_is_joined_is_not_in_the_object(
    storage, files, monkeypatch
):
    upload_id, named = upload_of(storage, b"hel", b"lo")
    joined = Files.joined

    def join_and_replace(self, names):
        yield from joined(self, names)
        storage.uploads.put_part(BUCKET, "key", upload_id, 1, [b"other"])

    monkeypatch.setattr(Files, "joined", join_and_replace)
    with pytest.raises(StorageError, match="InvalidPart"):
        storage.uploads.complete(BUCKET, "key", upload_id, named)
    assert len(files()) == 2


def test_a_part_whose_file_is_lost_is_a_failure_and_no_endless_search(storage, files):
    upload_id, named = upload_of(storage, b"hello")
    files()[0].unlink()
    with pytest.raises(FileNotFoundError):
        storage.uploads.complete(BUCKET, "key", upload_id, named)
    assert files() == []


def test_a_store_from_before_there_were_uploads_gets_them(storage, tmp_path):
    put(storage, "key")
    with closing(sqlite3.connect(tmp_path / "index.sqlite")) as connection:
        connection.executescript("DROP TABLE parts; DROP TABLE uploads;")
    later = Storage(tmp_path)
    upload_id, named = upload_of(later, b"new")
    assert read(later, "key") == b"hello"
    later.uploads.complete(BUCKET, "key", upload_id, named)
    assert read(later, "key") == b"new"


@pytest.mark.parametrize(
    "method, query, unsigned",
    [
        ("PUT", "uploadId={}&partNumber=1", "uploadId"),
        ("PUT", "uploadId={}&partNumber=1", "partNumber"),
        ("GET", "uploadId={}", "uploadId"),
        ("GET", "uploadId={}&part-number-marker=1", "part-number-marker"),
        ("POST", "uploadId={}", "uploadId"),
        ("DELETE", "uploadId={}", "uploadId"),
        ("POST", "uploads", "uploads"),
    ],
)
def test_a_signature_for_one_call_does_not_open_another(app, files, method, query, unsigned):
    upload = begin(app)
    put_part(app, upload, 1, b"hello")
    url = f"{OBJECT}?{query.format(upload.partition('=')[2])}"
    answer = call(app, method, url, completion((1, b"hello")), unsigned=[unsigned])
    assert code(answer) == (403, "AccessDenied")
    assert texts(call(app, "GET", f"/{BUCKET}?uploads"), "Upload/Key") == ["key"]
    assert texts(call(app, "GET", upload), "Part/ETag") == [f'"{md5(b"hello")}"']


def test_a_signature_for_a_call_with_an_upload_is_none_for_the_object(app, storage):
    put(storage, "key")
    signature = authorization(
        "DELETE", f"{OBJECT}?uploadId=1", {"host": HOST}, now=int(time.time())
    )
    answer = send(app, "DELETE", OBJECT, headers={"Authorization": signature})
    assert code(answer) == (403, "SignatureDoesNotMatch")
    assert read(storage, "key") == b"hello"


@pytest.mark.parametrize("url", [f"/{PUBLIC}/key?uploadId=1", f"/{PUBLIC}?uploads"])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
def test_without_a_signature_there_are_no_uploads(app, method, url):
    assert send(app, method, url).status_code in (403, 501)
    assert send(app, "GET", url).status_code == 403


SOURCE = f"{BUCKET}.cos.test/source"


def copy(app, url=OBJECT, source=SOURCE, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return call(app, "PUT", url, b"", {"x-cos-copy-source": source, **named})


def test_a_copy_is_what_its_source_was(app, storage, files):
    put(storage, "source", b"hello", **{"content-type": "text/plain", "x-cos-meta-a": "1"})
    answer = copy(app, f"/{PUBLIC}/key", Content_Type="text/html")
    assert text(answer, "ETag") == f'"{md5(b"hello")}"'
    assert text(answer, "LastModified").endswith(".000Z")
    got = call(app, "GET", f"/{PUBLIC}/key")
    assert got.data == b"hello"
    assert (got.headers["Content-Type"], got.headers["x-cos-meta-a"]) == ("text/plain", "1")
    storage.delete_object(BUCKET, "source")
    assert read(storage, "key", PUBLIC) == b"hello"
    assert len(files()) == 1


def test_a_copy_may_have_headers_of_its_own(app, storage):
    put(storage, "source", **{"content-type": "text/plain", "x-cos-meta-a": "1"})
    new = {"Content_Type": "text/html", "x_cos_meta_b": "2"}
    assert code(copy(app, x_cos_metadata_directive="Replaced", **new)) == (200, None)
    got = call(app, "GET", OBJECT)
    assert (got.headers["Content-Type"], got.headers["x-cos-meta-b"]) == ("text/html", "2")
    assert "x-cos-meta-a" not in got.headers


def test_an_object_is_copied_to_itself_only_for_new_headers(app, storage, files):
    put(storage, "source", b"hello", **{"x-cos-meta-a": "1"})
    url = f"/{BUCKET}/source"
    assert code(copy(app, url)) == (400, "InvalidRequest")
    answer = copy(app, url, x_cos_metadata_directive="Replaced", x_cos_meta_a="2")
    assert code(answer) == (200, None)
    assert call(app, "GET", url).headers["x-cos-meta-a"] == "2"
    assert read(storage, "source") == b"hello"
    assert len(files()) == 1


@pytest.mark.parametrize("key", ["a b+c%", "中/文", "../x", "a?b#c", "a\nb"])
def test_the_source_of_a_copy_is_percent_encoded(app, storage, key):
    put(storage, key, b"odd")
    assert code(copy(app, source=f"{BUCKET}.cos.ap-x.myqcloud.com/{quote(key)}")) == (200, None)
    assert read(storage, "key") == b"odd"


@pytest.mark.parametrize(
    "headers, expected",
    [
        pytest.param({"source": f"{BUCKET}.cos.test/no"}, (404, "NoSuchKey"), id="no key"),
        pytest.param({"source": "no-1.cos.test/source"}, (404, "NoSuchBucket"), id="no bucket"),
        pytest.param({"source": "B.cos.test/x"}, (400, "InvalidBucketName"), id="bucket name"),
        pytest.param({"source": ""}, (400, "InvalidArgument"), id="empty"),
        pytest.param({"source": f"/{BUCKET}/source"}, (400, "InvalidArgument"), id="path"),
        pytest.param({"source": f"{BUCKET}/source"}, (400, "InvalidArgument"), id="no endpoint"),
        pytest.param({"source": f"{BUCKET}.cos.test"}, (400, "InvalidArgument"), id="no slash"),
        pytest.param({"source": f"{BUCKET}.cos.test/"}, (400, "InvalidArgument"), id="empty key"),
        pytest.param({"source": f"{BUCKET}.cos.test/%ff"}, (400, "InvalidArgument"), id="UTF-8"),
        pytest.param({"source": f"{SOURCE}?versionId=1"}, (501, "NotImplemented"), id="version"),
        pytest.param(
            {"x_cos_metadata_directive": "Move"}, (400, "InvalidArgument"), id="directive"
        ),
        pytest.param({"x_cos_acl": "public-read"}, (501, "NotImplemented"), id="ACL"),
        pytest.param({"url": "/no-1/key"}, (404, "NoSuchBucket"), id="to no bucket"),
        pytest.param({"If_None_Match": "*"}, (412, "PreconditionFailed"), id="if-none-match"),
        pytest.param(
            {"x_cos_forbid_overwrite": "true"}, (409, "FileAlreadyExists"), id="overwrite"
        ),
    ],
)
def test_a_copy_that_is_refused_changes_nothing(app, storage, files, headers, expected):
    put(storage, "source")
    put(storage, "key", b"before")
    assert code(copy(app, **headers)) == expected
    assert read(storage, "key") == b"before"
    assert len(files()) == 2


LONG_AGO = "Thu, 01 Jan 1970 00:00:01 GMT"
LONG_AHEAD = "Thu, 01 Jan 2099 00:00:00 GMT"
RIGHT = f'"{md5(b"hello")}"'


@pytest.mark.parametrize(
    "conditions, status",
    [
        pytest.param({"Match": RIGHT}, 200, id="match"),
        pytest.param({"Match": md5(b"hello")}, 200, id="match without quotes"),
        pytest.param({"Match": '"other"'}, 412, id="match fails"),
        pytest.param({"None-Match": '"other"'}, 200, id="none-match"),
        pytest.param({"None-Match": RIGHT}, 412, id="none-match fails"),
        pytest.param({"Modified-Since": LONG_AGO}, 200, id="modified"),
        pytest.param({"Modified-Since": LONG_AHEAD}, 412, id="not modified"),
        pytest.param({"Unmodified-Since": LONG_AHEAD}, 200, id="unmodified"),
        pytest.param({"Unmodified-Since": LONG_AGO}, 412, id="not unmodified"),
        pytest.param({"Match": RIGHT, "Unmodified-Since": LONG_AGO}, 200, id="match first"),
        pytest.param(
            {"None-Match": '"other"', "Modified-Since": LONG_AHEAD}, 200, id="none-match first"
        ),
    ],
)
@pytest.mark.parametrize("part", [False, True])
def test_a_conditional_copy(app, storage, conditions, status, part):
    put(storage, "source")
    url = f"{begin(app)}&partNumber=1" if part else OBJECT
    named = {f"x-cos-copy-source-If-{name}": value for name, value in conditions.items()}
    assert copy(app, url, **named).status_code == status


@pytest.mark.parametrize(
    "asked, expected, data",
    [
        pytest.param("bytes=0-1", (200, None), b"he", id="first"),
        pytest.param("bytes=3-4", (200, None), b"lo", id="last"),
        pytest.param("", (200, None), b"hello", id="empty"),
        pytest.param("bytes=0-5", (416, "InvalidRange"), None, id="too long"),
        pytest.param("bytes=3-1", (416, "InvalidRange"), None, id="backwards"),
        pytest.param("bytes=3-", (400, "InvalidArgument"), None, id="open"),
        pytest.param("3-4", (400, "InvalidArgument"), None, id="no unit"),
        pytest.param(f"bytes=0-{'9' * 5000}", (400, "InvalidArgument"), None, id="long"),
    ],
)
def test_a_part_may_be_copied(app, storage, asked, expected, data):
    put(storage, "source")
    upload = begin(app)
    answer = copy(app, f"{upload}&partNumber=1", x_cos_copy_source_range=asked)
    assert code(answer) == expected
    if data is None:
        assert texts(call(app, "GET", upload), "Part/Size") == []
        return
    assert text(answer, "ETag") == f'"{md5(data)}"'
    assert code(call(app, "POST", upload, completion((1, data)))) == (200, None)
    assert read(storage, "key") == data


def test_a_large_range_is_copied_exactly(app, storage):
    data = os.urandom(300_000)
    put(storage, "source", data)
    upload = begin(app)
    asked = {"x-cos-copy-source-range": "bytes=1001-299000"}
    answer = copy(app, f"{upload}&partNumber=1", **asked)
    assert text(answer, "ETag") == f'"{md5(data[1001:299001])}"'


def test_a_copy_is_signed_as_one(app, storage):
    put(storage, "source")
    headers = {"x-cos-copy-source": SOURCE}
    answer = call(app, "PUT", OBJECT, b"", headers, unsigned=["x-cos-copy-source"])
    assert code(answer) == (403, "AccessDenied")
    url = presigned("PUT", OBJECT, {"host": HOST}, now=int(time.time()))
    assert code(send(app, "PUT", url, b"", headers)) == (403, "AccessDenied")
    # A list that is not the signature's own counts for nothing.
    listed = f"{OBJECT}?q-header-list=x-cos-copy-source"
    answer = call(app, "PUT", listed, b"", headers, unsigned=["x-cos-copy-source"])
    assert code(answer) == (403, "AccessDenied")
    assert code(call(app, "GET", OBJECT)) == (404, "NoSuchKey")
    url = presigned("PUT", OBJECT, {"host": HOST, **headers}, now=int(time.time()))
    assert code(send(app, "PUT", url, b"", headers)) == (200, None)


@pytest.mark.parametrize("name", ["x-cos-copy-source", "x%2Dcos-copy-source", "X-Cos-Copy-Source"])
def test_a_list_of_headers_that_was_written_to_opens_no_copy(app, storage, name):
    """The list does not sign itself, so whoever holds a signature for an upload may edit it."""
    put(storage, "source")
    signature = authorization("PUT", OBJECT, {"Host": HOST}, now=int(time.time()))
    signature = signature.replace("q-header-list=host", f"q-header-list=host;{name}")
    headers = {"Authorization": signature, "x-cos-copy-source": SOURCE}
    assert send(app, "PUT", OBJECT, b"", headers).status_code == 403
    assert code(call(app, "GET", OBJECT)) == (404, "NoSuchKey")


@pytest.mark.parametrize(
    "signed, sent", [("uploadId", "uploadid"), ("tagging", "Tagging"), ("versionId", "VERSIONID")]
)
def test_a_signature_for_something_of_an_object_does_not_read_it(app, storage, signed, sent):
    """Names are signed in lower case, so one signature holds for all their spellings."""
    put(storage, "key")
    url = f"/{BUCKET}/key?"
    signature = authorization("GET", f"{url}{signed}=1", {"Host": HOST}, now=int(time.time()))
    answer = send(app, "GET", f"{url}{sent}=1", headers={"Authorization": signature})
    assert code(answer) == (501, "NotImplemented")


@pytest.mark.parametrize(
    "name",
    ["modified-since", "unmodified-since"],
)
def test_a_date_that_no_calendar_has_is_no_condition_of_a_copy(app, storage, name):
    put(storage, "source")
    headers = {
        "x-cos-copy-source": SOURCE,
        f"x-cos-copy-source-if-{name}": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
    }
    assert code(call(app, "PUT", OBJECT, b"", headers)) == (200, None)


def test_names_of_fields_count_as_well(app, files):
    fields = {f"{number}{'n' * 10_000}": "" for number in range(7)}
    answer = post(app, fields)
    assert code(answer) == (400, "MaxPostPreDataLengthExceededError")
    assert files() == []


@pytest.mark.parametrize("size", ["1e999", "-1", "true", '"x"', "2.5", "9" * 19])
def test_a_size_that_is_no_whole_number_is_no_policy(app, size):
    conditions = json.loads(f'["content-length-range", 0, {size}]')
    assert code(post(app, conditions=[conditions])) == (400, "InvalidPolicyDocument")


def deletion(*keys, quiet=None):
    switch = "" if quiet is None else f"<Quiet>{quiet}</Quiet>"
    objects = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
    return f"<Delete>{switch}{objects}</Delete>".encode()


def test_many_objects_are_deleted_at_once(app, storage, files):
    keys = ["a", " a ", "中/é", "<&>", "kept"]
    for key in keys:
        put(storage, key)
    named = ["a", " a ", "中/é", "<&>", "unknown", "a"]
    answer = call(app, "POST", f"/{BUCKET}?delete", deletion(*named))
    assert code(answer) == (200, None)
    assert texts(answer, "Deleted/Key") == named
    assert texts(call(app, "GET", f"/{BUCKET}"), "Contents/Key") == ["kept"]
    assert len(files()) == 1


@pytest.mark.parametrize("quiet, told", [("true", []), ("True", []), ("false", ["key"])])
def test_a_quiet_deletion_tells_of_failures_only(app, storage, quiet, told):
    put(storage, "key")
    answer = call(app, "POST", f"/{BUCKET}?delete", deletion("key", quiet=quiet))
    assert texts(answer, "Deleted/Key") == told
    assert code(call(app, "GET", OBJECT)) == (404, "NoSuchKey")


def test_a_version_cannot_be_deleted(app, storage):
    put(storage, "key")
    put(storage, "other")
    body = (
        b"<Delete><Quiet>true</Quiet><Object><Key>key</Key><VersionId>1</VersionId></Object>"
        b"<Object><Key>other</Key><VersionId/></Object></Delete>"
    )
    answer = call(app, "POST", f"/{BUCKET}?delete", body)
    assert (text(answer, "Error/Key"), text(answer, "Error/Code")) == ("key", "NotImplemented")
    assert texts(call(app, "GET", f"/{BUCKET}"), "Contents/Key") == ["key"]


@pytest.mark.parametrize(
    "body, headers, expected",
    [
        pytest.param(b"", {}, MALFORMED, id="empty"),
        pytest.param(b"key", {}, MALFORMED, id="no XML"),
        pytest.param(deletion(), {}, MALFORMED, id="no objects"),
        pytest.param(deletion("key", ""), {}, MALFORMED, id="empty key"),
        pytest.param(deletion("key", *["k"] * 1000), {}, MALFORMED, id="1001 objects"),
        pytest.param(completion((1, b"x")), {}, MALFORMED, id="another document"),
        pytest.param(b"<!DOCTYPE a>" + deletion("key"), {}, MALFORMED, id="document type"),
        pytest.param(
            deletion("key"), {"Content-MD5": content_md5(b"")}, (400, "BadDigest"), id="digest"
        ),
        pytest.param(deletion("key"), {"Content-MD5": "x"}, (400, "InvalidDigest"), id="no digest"),
        pytest.param(b" " * (2 * MIB + 1), {}, (400, "EntityTooLarge"), id="too large"),
    ],
)
def test_a_deletion_that_is_refused_deletes_nothing(app, storage, body, headers, expected):
    put(storage, "key")
    assert code(call(app, "POST", f"/{BUCKET}?delete", body, headers)) == expected
    assert read(storage, "key") == b"hello"


def test_a_thousand_objects_of_the_longest_keys_are_not_too_many(app):
    keys = ["<" * 846 + f"{number:04}" for number in range(200)] + ["k" * 850] * 800
    answer = call(app, "POST", f"/{BUCKET}?delete", deletion(*keys, quiet="true"))
    assert code(answer) == (200, None)


def test_objects_are_deleted_by_those_who_may(app, storage):
    put(storage, "key", bucket=PUBLIC)
    url = f"/{PUBLIC}?delete"
    assert code(send(app, "POST", url, deletion("key"))) == (403, "AccessDenied")
    unsigned = call(app, "POST", url, deletion("key"), unsigned=["delete"])
    assert code(unsigned) == (403, "AccessDenied")
    assert code(call(app, "POST", "/no-1?delete", deletion("key"))) == (404, "NoSuchBucket")
    assert read(storage, "key", PUBLIC) == b"hello"


@pytest.mark.parametrize(
    "bucket, header, value, status",
    [
        (BUCKET, "x-cos-acl", "default", 200),
        (BUCKET, "x-cos-acl", "", 200),
        (BUCKET, "x-cos-acl", "private", 200),
        (BUCKET, "x-cos-acl", "public-read", 501),
        (PUBLIC, "x-cos-acl", "default", 200),
        (PUBLIC, "x-cos-acl", "private", 501),
        (PUBLIC, "x-cos-acl", "public-read", 200),
        (PUBLIC, "x-cos-acl", "public-read-write", 501),
        (BUCKET, "x-cos-storage-class", "STANDARD", 200),
        (BUCKET, "x-cos-storage-class", "ARCHIVE", 501),
        (BUCKET, "x-cos-traffic-limit", "819200", 200),
        (BUCKET, "Content-SHA1", "0" * 40, 200),
        (BUCKET, "x-cos-sdk-retry", "true", 200),
    ],
)
@pytest.mark.parametrize("method, query", [("PUT", ""), ("POST", "?uploads")])
def test_a_header_that_changes_nothing_is_taken(
    app, storage, bucket, header, value, status, method, query
):
    answer = call(app, method, f"/{bucket}/key{query}", b"hello", {header: value})
    assert answer.status_code == status


@pytest.mark.parametrize(
    "exists, headers, expected",
    [
        pytest.param(True, {"If-Match": RIGHT}, (200, None), id="match"),
        pytest.param(True, {"If-Match": "*"}, (200, None), id="match any"),
        pytest.param(True, {"If-Match": '"x"'}, (412, "PreconditionFailed"), id="no match"),
        pytest.param(False, {"If-Match": "*"}, (412, "PreconditionFailed"), id="match nothing"),
        pytest.param(False, {"If-None-Match": "*"}, (200, None), id="none there"),
        pytest.param(True, {"If-None-Match": "*"}, (412, "PreconditionFailed"), id="one there"),
        pytest.param(True, {"If-None-Match": '"x"'}, (200, None), id="another there"),
        pytest.param(False, {"x-cos-forbid-overwrite": "true"}, (200, None), id="nothing there"),
        pytest.param(
            True, {"x-cos-forbid-overwrite": "true"}, (409, "FileAlreadyExists"), id="forbidden"
        ),
        pytest.param(True, {"x-cos-forbid-overwrite": "false"}, (200, None), id="allowed"),
        pytest.param(
            True, {"x-cos-forbid-overwrite": "no"}, (400, "InvalidArgument"), id="unclear"
        ),
    ],
)
def test_a_conditional_upload(app, storage, files, exists, headers, expected):
    if exists:
        put(storage, "key")
    assert code(call(app, "PUT", OBJECT, b"after", headers)) == expected
    assert len(files()) == (exists or expected[0] == 200)
    if exists:
        assert read(storage, "key") == (b"after" if expected[0] == 200 else b"hello")


def test_of_those_who_must_not_overwrite_at_once_one_writes(storage, files):
    ready = Barrier(8)

    def forbid(old):
        if old is not None:
            raise StorageError("FileAlreadyExists")

    def write(number):
        ready.wait(30)
        try:
            storage.put_object(BUCKET, "key", [b"%d" % number], {}, condition=forbid)
        except StorageError:
            return None
        return b"%d" % number

    with ThreadPoolExecutor(8) as pool:
        written = [result for result in pool.map(write, range(8)) if result]
    assert written == [read(storage, "key")]
    assert len(files()) == 1


@pytest.mark.parametrize(
    "name",
    [
        "Cache-Control",
        "Content-Disposition",
        "Content-Encoding",
        "Content-Language",
        "Content-Type",
        "Expires",
    ],
)
def test_a_signed_read_says_which_headers_it_wants(app, storage, name):
    put(storage, "key", **{name.lower(): "before"})
    url = f"{OBJECT}?response-{name.lower()}=after%20%E4%B8%AD"
    assert call(app, "GET", OBJECT).headers[name] == "before"
    asked = send(app, "GET", presigned("GET", url, {"host": HOST}, now=int(time.time())))
    assert asked.headers.getlist(name) == ["after \xe4\xb8\xad"]
    assert asked.data == b"hello"


def test_headers_that_a_read_wants_are_signed_and_are_headers(app, storage):
    put(storage, "key", bucket=PUBLIC)
    url = f"/{PUBLIC}/key?response-content-type=text/html"
    assert code(send(app, "GET", url)) == (403, "AccessDenied")
    answer = call(app, "GET", url, unsigned=["response-content-type"])
    assert code(answer) == (403, "AccessDenied")
    for ending in ("%0d%0aSet-Cookie:%20a=b", "%00"):
        assert code(call(app, "GET", url + ending)) == (400, "InvalidArgument")


BOUNDARY = "----boundary"
# A policy and the fields that go with it must say the same time.
BEGUN = int(time.time())
LONG_AHEAD_SECONDS = 4e9


def policy(conditions=(), *, end=LONG_AHEAD_SECONDS, key_time=None, leave_out=()):
    """The text of a policy that binds its signature, as it should, and more."""
    end = datetime.now(UTC).timestamp() + 600 if end is None else end
    signature = {
        "q-sign-algorithm": "sha1",
        "q-ak": ACCESS_KEY,
        "q-sign-time": key_time or window(),
    }
    bound = [{name: value} for name, value in signature.items() if name not in leave_out]
    expiration = datetime.fromtimestamp(end, UTC).isoformat(timespec="milliseconds")
    document = {
        "expiration": expiration.replace("+00:00", "Z"),
        "conditions": [*conditions, *bound],
    }
    return json.dumps(document)


def window(start=-60, end=86_400):
    return f"{BEGUN + start};{BEGUN + end}"


def signature_fields(text, *, secret=SECRET_KEY, key_time=None, **changes):
    """Sign a policy as document 436/14690 has it."""
    key_time = key_time or window()
    sign_key = hmac.new(secret.encode(), key_time.encode(), "sha1").hexdigest()
    digest = hashlib.sha1(text.encode()).hexdigest()
    return {
        "policy": b64encode(text.encode()).decode(),
        "q-sign-algorithm": "sha1",
        "q-ak": ACCESS_KEY,
        "q-key-time": key_time,
        "q-signature": hmac.new(sign_key.encode(), digest.encode(), "sha1").hexdigest(),
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }


def field(name, value, more=""):
    value = value.encode() if isinstance(value, str) else value
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + value + b"\r\n"


FILE = field("file", b"hello", '; filename="photo.jpg"\r\nContent-Type: image/jpeg')
END = f"--{BOUNDARY}--\r\n".encode()
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(fields, file=FILE):
    return b"".join([*(field(name, value) for name, value in fields.items()), file, END])


def post(app, fields=None, url=f"/{BUCKET}", *, file=FILE, conditions=(), headers=None):
    """Post a form that is signed."""
    fields = {"key": "key", **(fields or {}), **signature_fields(policy(conditions))}
    return send(app, "POST", url, form(fields, file), {**FORM, **(headers or {})})


def test_a_form_uploads_its_file(app, storage, files):
    fields = {
        "key": "dir/中 1",
        "Content-Type": "text/plain",
        "Content-Disposition": "attachment; filename=中",
        "x-cos-meta-Author": "somebody",
        "Content-MD5": content_md5(b"hello"),
        "acl": "default",
        "x-cos-storage-class": "STANDARD",
        "x-cos-traffic-limit": "819200",
        "other": "ignored",
    }
    answer = post(app, fields)
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["ETag"] == RIGHT
    path = f"/{BUCKET}/dir/%E4%B8%AD%201"
    assert answer.headers["Location"] == f"http://{HOST}{path}"
    got = call(app, "GET", path)
    assert (got.data, got.headers["Content-Type"]) == (b"hello", "text/plain")
    assert got.headers["x-cos-meta-author"] == "somebody"
    assert got.headers["Content-Disposition"] == "attachment; filename=\xe4\xb8\xad"
    assert len(files()) == 1


def test_a_form_is_posted_to_either_address_of_a_bucket(app, storage):
    host = f"{BUCKET}.cos.test:8000"
    answer = post(app, url="/", headers={"Host": host})
    assert answer.headers["Location"] == f"http://{host}/key"
    assert read(storage, "key") == b"hello"


def test_the_type_of_the_file_is_not_that_of_the_object(app):
    post(app)
    assert call(app, "GET", OBJECT).headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "more, file_name",
    [
        pytest.param('; filename="photo.jpg"', "photo.jpg", id="name"),
        pytest.param('; filename="中.jpg"', "中.jpg", id="not ASCII"),
        pytest.param(r'; filename="C:\\fakepath\\photo.jpg"', "photo.jpg", id="backslashes"),
        pytest.param('; filename="../../photo.jpg"', "photo.jpg", id="slashes"),
        pytest.param('; filename="${filename}"', "${filename}", id="wildcard"),
        pytest.param('; filename=""', "", id="empty"),
        pytest.param("", "", id="no file name"),
    ],
)
def test_the_key_may_hold_the_name_of_the_file(app, storage, more, file_name):
    file = field("file", b"hello", more)
    assert code(post(app, {"key": "dir/${filename}!"}, file=file)) == (204, None)
    assert read(storage, f"dir/{file_name}!") == b"hello"


@pytest.mark.parametrize("key", ["../../etc/passwd", "/", "a\r\nb", "a\x00b", "index.sqlite"])
def test_the_key_of_a_form_is_only_a_key(app, storage, key, tmp_path):
    before = set(tmp_path.rglob("*"))
    assert code(post(app, {"key": key})) == (204, None)
    [file] = set(tmp_path.rglob("*")) - before
    assert file.parent == tmp_path / "files"
    assert file.name.isalnum()
    assert read(storage, key) == b"hello"


@pytest.mark.parametrize(
    "fields, status, location",
    [
        pytest.param({"success_action_status": "200"}, 200, f"http://{HOST}{OBJECT}", id="200"),
        pytest.param({"success_action_status": "201"}, 201, f"http://{HOST}{OBJECT}", id="201"),
        pytest.param({"success_action_status": "204"}, 204, f"http://{HOST}{OBJECT}", id="204"),
        pytest.param(
            {"success_action_redirect": "https://my.website/done", "success_action_status": "200"},
            303,
            f"https://my.website/done?bucket={BUCKET}&key=key&etag=%22{md5(b'hello')}%22",
            id="redirect",
        ),
        pytest.param(
            {"success_action_redirect": "http://x/?a=b#c", "key": "a&b=/"},
            303,
            f"http://x/?a=b&bucket={BUCKET}&key=a%26b%3D%2F&etag=%22{md5(b'hello')}%22#c",
            id="redirect with a query",
        ),
    ],
)
def test_a_form_says_how_it_is_answered(app, fields, status, location):
    answer = post(app, fields)
    assert (answer.status_code, answer.data) == (status, b"")
    assert answer.headers["Location"] == location
    assert answer.headers["ETag"] == RIGHT


@pytest.mark.parametrize(
    "fields, expected",
    [
        pytest.param({"success_action_status": "302"}, "InvalidArgument", id="status"),
        pytest.param(
            {"success_action_redirect": "javascript:alert(1)"}, "InvalidArgument", id="script"
        ),
        pytest.param({"success_action_redirect": "/done"}, "InvalidArgument", id="no host"),
        pytest.param(
            {"success_action_redirect": "https://x/\r\nA: b"}, "InvalidArgument", id="line end"
        ),
        pytest.param(
            {"success_action_redirect": "https://x\\@y/"}, "InvalidArgument", id="backslash"
        ),
        pytest.param({"success_action_redirect": "https://[x"}, "InvalidArgument", id="no URL"),
        pytest.param({"Content-MD5": content_md5(b"x")}, "BadDigest", id="digest"),
        pytest.param({"Content-MD5": "x"}, "InvalidDigest", id="no digest"),
        pytest.param({"key": ""}, "InvalidArgument", id="empty key"),
        pytest.param({"key": "k" * 851}, "KeyTooLong", id="long key"),
        pytest.param({"Content-Type": "a\r\nSet-Cookie: b"}, "InvalidArgument", id="new header"),
        pytest.param({"x-cos-meta-a": "\x00"}, "InvalidArgument", id="control character"),
        pytest.param({"x-cos-meta-a b": "1"}, "InvalidArgument", id="name of metadata"),
        pytest.param({"x-cos-meta-": "1"}, "InvalidArgument", id="metadata without a name"),
        pytest.param({"acl": "public-read"}, "NotImplemented", id="ACL"),
        pytest.param({"x-cos-acl": "public-read"}, "NotImplemented", id="ACL as a header"),
        pytest.param({"x-cos-grant-read": "id=1"}, "NotImplemented", id="grant"),
        pytest.param({"x-cos-server-side-encryption": "AES256"}, "NotImplemented", id="encryption"),
        pytest.param({"x-cos-storage-class": "ARCHIVE"}, "NotImplemented", id="storage class"),
        pytest.param({"x-cos-forbid-overwrite": "true"}, "FileAlreadyExists", id="overwrite"),
    ],
)
def test_a_form_that_is_refused_changes_nothing(app, storage, files, fields, expected):
    put(storage, "key", b"before")
    assert code(post(app, fields))[1] == expected
    assert read(storage, "key") == b"before"
    assert len(files()) == 1


def test_a_form_is_posted_to_a_bucket_that_is_there(app, files):
    assert code(post(app, url="/no-1")) == (404, "NoSuchBucket")
    assert files() == []


KEY = field("key", "key")
BROKEN = (400, "MalformedPOSTRequest")
TOO_MUCH = (400, "MaxPostPreDataLengthExceededError")


@pytest.mark.parametrize(
    "build, expected",
    [
        pytest.param(lambda signed: KEY + signed + FILE + END, (204, None), id="right"),
        pytest.param(lambda signed: b"x\r\n" + KEY + signed + FILE + END, (204, None), id="before"),
        pytest.param(
            lambda signed: KEY + signed + FILE + END + bytes(MIB), (204, None), id="after"
        ),
        pytest.param(lambda signed: signed + FILE + KEY + END, (400, "InvalidArgument"), id="key"),
        pytest.param(lambda signed: FILE + KEY + signed + END, (403, "AccessDenied"), id="file"),
        pytest.param(lambda signed: KEY + signed + FILE + field("a", "b") + END, BROKEN, id="more"),
        pytest.param(lambda signed: KEY + signed + FILE + FILE + END, BROKEN, id="two files"),
        pytest.param(lambda signed: KEY + signed + END, BROKEN, id="no file"),
        pytest.param(lambda signed: END, BROKEN, id="no fields"),
        pytest.param(lambda signed: b"", BROKEN, id="empty"),
        pytest.param(lambda signed: b"x" * 1000, BROKEN, id="no form"),
        pytest.param(lambda signed: b"x" * MIB, TOO_MUCH, id="no form, large"),
        pytest.param(lambda signed: KEY + signed + FILE, BROKEN, id="no end"),
        pytest.param(lambda signed: KEY + signed + FILE[:-20], BROKEN, id="file breaks off"),
        pytest.param(lambda signed: KEY + signed[:-20], BROKEN, id="field breaks off"),
        pytest.param(lambda signed: KEY + KEY + signed + FILE + END, BROKEN, id="key twice"),
        pytest.param(
            lambda signed: KEY + field("KEY", "other") + signed + FILE + END, BROKEN, id="KEY too"
        ),
        pytest.param(
            lambda signed: field("key", "k", '; filename="f"') + signed + FILE + END,
            BROKEN,
            id="key is a file",
        ),
        pytest.param(lambda signed: field("", "x") + KEY + signed + FILE + END, BROKEN, id="name"),
        pytest.param(
            lambda signed: KEY.replace(b"; name=", b"; x=") + signed + FILE + END,
            BROKEN,
            id="no name",
        ),
        pytest.param(
            lambda signed: KEY.replace(b"Disposition", b"Other") + signed + FILE + END,
            BROKEN,
            id="no disposition",
        ),
        pytest.param(
            lambda signed: field("key", b"\xff") + signed + FILE + END, BROKEN, id="not UTF-8"
        ),
        pytest.param(
            lambda signed: KEY.replace(b"key", b"\xff", 1) + signed + FILE + END,
            BROKEN,
            id="name not UTF-8",
        ),
        pytest.param(
            lambda signed: field("a", "x" * MIB) + KEY + signed + FILE + END,
            TOO_MUCH,
            id="large field",
        ),
        pytest.param(
            lambda signed: (
                b"".join(field(f"a{n}", "x" * 1000) for n in range(70)) + KEY + signed + FILE + END
            ),
            TOO_MUCH,
            id="large fields",
        ),
        pytest.param(
            lambda signed: (
                b"".join(field(f"a{n}", "") for n in range(300)) + KEY + signed + FILE + END
            ),
            (400, "EntityTooLarge"),
            id="many fields",
        ),
        pytest.param(
            lambda signed: field("a", "b", "; x=" + "y" * MIB) + KEY + signed + FILE + END,
            TOO_MUCH,
            id="large header",
        ),
    ],
)
def test_the_body_of_a_form(app, files, build, expected):
    fields = signature_fields(policy())
    signed = b"".join(field(name, value) for name, value in fields.items())
    assert code(send(app, "POST", f"/{BUCKET}", build(signed), FORM)) == expected
    assert len(files()) == (expected[0] == 204)


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=other",
        f"multipart/form-data; boundary={'x' * 201}",
        f"multipart/mixed; boundary={BOUNDARY}",
        "application/x-www-form-urlencoded",
        "",
    ],
)
def test_a_form_says_what_it_is(app, files, content_type):
    body = form({"key": "key", **signature_fields(policy())})
    answer = send(app, "POST", f"/{BUCKET}", body, {"Content-Type": content_type})
    assert code(answer) == BROKEN
    assert files() == []


def test_a_form_that_is_shorter_than_announced_is_refused(app, files):
    body = form({"key": "key", **signature_fields(policy())})

    def break_body(environ, start_response):
        return app({**environ, "CONTENT_LENGTH": str(len(body) + 1)}, start_response)

    assert code(send(break_body, "POST", f"/{BUCKET}", body, FORM)) == (400, "IncompleteBody")
    assert files() == []


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\r", f"\r\n--{BOUNDARY[:-1]}".encode() * 9])
def test_a_file_is_stored_to_the_byte(app, storage, data):
    assert code(post(app, file=field("file", data, '; filename="f"'))) == (204, None)
    assert read(storage, "key") == data


def with_body_in_pieces(app, pieces):
    """Put an application behind a server that takes the body of a request as it comes."""
    body = iter(pieces)
    changes = {
        "wsgi.input": SimpleNamespace(read=lambda size: next(body, b"")),
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
    }
    return lambda environ, start_response: app({**environ, **changes}, start_response)


def test_a_large_file_goes_to_the_disk_as_it_comes(app, storage):
    file = field("file", b"@", '; filename="f"')
    before, _, after = form({"key": "key", **signature_fields(policy())}, file).partition(b"@")
    count, piece = 500, b"0123456789abcdef\r\n" * 3600
    pieces = chain([before], repeat(piece, count), [after])
    tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy does not have it")
    tracemalloc.start()
    try:
        answer = send(with_body_in_pieces(app, pieces), "POST", f"/{BUCKET}", b"x", FORM)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert code(answer) == (204, None)
    assert storage.list_objects(BUCKET, ListingQuery()).objects[0].size == count * len(piece)
    assert peak < 4 * MIB


NOT_SIGNED = ["policy", "q-sign-algorithm", "q-ak", "q-key-time", "q-signature"]


@pytest.mark.parametrize("missing", [*NOT_SIGNED, None])
def test_a_form_has_all_fields_of_its_signature(app, files, missing):
    fields = {"key": "key", **signature_fields(policy())}
    left_out = [missing] if missing else NOT_SIGNED
    body = form({name: value for name, value in fields.items() if name not in left_out})
    assert code(send(app, "POST", f"/{PUBLIC}", body, FORM)) == (403, "AccessDenied")
    assert files() == []


@pytest.mark.parametrize(
    "changes, expected",
    [
        pytest.param({"secret": "other"}, "SignatureDoesNotMatch", id="secret"),
        pytest.param({"q_signature": "0" * 40}, "SignatureDoesNotMatch", id="signature"),
        pytest.param({"q_signature": "é"}, "SignatureDoesNotMatch", id="not ASCII"),
        pytest.param({"q_ak": "AKIDOTHER"}, "InvalidAccessKeyId", id="key id"),
        pytest.param({"q_sign_algorithm": "md5"}, "AccessDenied", id="algorithm"),
        pytest.param({"policy": "*"}, "InvalidPolicyDocument", id="not base64"),
        pytest.param({"policy": "é"}, "InvalidPolicyDocument", id="base64 not ASCII"),
        pytest.param({"policy": "e30="}, "SignatureDoesNotMatch", id="another policy"),
        pytest.param({"q_key_time": window(-120)}, "SignatureDoesNotMatch", id="another time"),
        pytest.param({"q_key_time": "now"}, "AccessDenied", id="no time"),
        pytest.param({"key_time": window(-600, -120)}, "AccessDenied", id="ended"),
        pytest.param({"key_time": window(3600, 7200)}, "RequestTimeTooSkewed", id="not begun"),
    ],
)
def test_a_signature_of_a_form_that_does_not_hold(app, files, changes, expected):
    text = policy(key_time=changes.get("key_time"))
    body = form({"key": "key", **signature_fields(text, **changes)})
    status = 400 if expected == "InvalidPolicyDocument" else 403
    assert code(send(app, "POST", f"/{BUCKET}", body, FORM)) == (status, expected)
    assert files() == []


def test_a_policy_cannot_allow_another_algorithm(app, files):
    text = policy([{"q-sign-algorithm": "md5"}], leave_out=["q-sign-algorithm"])
    body = form({"key": "key", **signature_fields(text, q_sign_algorithm="md5")})
    assert code(send(app, "POST", f"/{BUCKET}", body, FORM)) == (403, "AccessDenied")
    assert files() == []


def test_the_header_of_a_form_opens_nothing(app, files):
    now = int(time.time())
    signature = authorization("POST", f"/{BUCKET}", {"host": HOST}, now=now)
    headers = {**FORM, "Authorization": signature}
    answer = send(app, "POST", f"/{BUCKET}", form({"key": "key"}), headers)
    assert code(answer) == (403, "AccessDenied")
    assert files() == []


@pytest.mark.parametrize(
    "token, expected",
    [
        ("right", (204, None)),
        ("wrong", (403, "InvalidAccessKeyId")),
        (None, (403, "InvalidAccessKeyId")),
    ],
)
def test_a_temporary_key_comes_with_its_token(storage, token, expected):
    app = build_app(storage, {ACCESS_KEY: AccessKey(SECRET_KEY, "right")})
    answer = post(app, {} if token is None else {"x-cos-security-token": token})
    assert code(answer) == expected


DENIED = (403, "AccessDenied")


@pytest.mark.parametrize(
    "condition, expected",
    [
        pytest.param({"bucket": BUCKET}, (204, None), id="bucket"),
        pytest.param({"bucket": PUBLIC}, DENIED, id="another bucket"),
        pytest.param({"key": "dir/photo.jpg"}, (204, None), id="key"),
        pytest.param({"key": "dir/${filename}"}, DENIED, id="key with the wildcard"),
        pytest.param({"KEY": "dir/photo.jpg"}, (204, None), id="key in upper case"),
        pytest.param(["eq", "$key", "dir/photo.jpg"], (204, None), id="eq"),
        pytest.param(["eq", "$key", "dir/"], DENIED, id="eq to a prefix"),
        pytest.param(["starts-with", "$key", "dir/"], (204, None), id="prefix"),
        pytest.param(["starts-with", "$key", ""], (204, None), id="empty prefix"),
        pytest.param(["starts-with", "$key", "other/"], DENIED, id="another prefix"),
        pytest.param(["starts-with", "$Content-Type", "image/"], (204, None), id="type"),
        pytest.param(["starts-with", "$Content-Type", "text/"], DENIED, id="another type"),
        pytest.param({"success_action_status": 201}, (201, None), id="number"),
        pytest.param({"x-cos-meta-a": "1"}, DENIED, id="field that is not sent"),
        pytest.param({"acl": "default"}, DENIED, id="default that is not sent"),
        pytest.param({"bucket": BUCKET, "key": "x"}, DENIED, id="two, one wrong"),
        pytest.param({"q-ak": "AKIDOTHER"}, DENIED, id="another key id"),
        pytest.param(["content-length-range", 5, 5], (204, None), id="size"),
        pytest.param(["content-length-range", "0", "10"], (204, None), id="sizes as text"),
        pytest.param(["content-length-range", 0, 4], (400, "EntityTooLarge"), id="too large"),
        pytest.param(["content-length-range", 6, 9], (400, "EntityTooSmall"), id="too small"),
    ],
)
def test_a_condition_of_a_policy(app, storage, files, condition, expected):
    fields = {
        "key": "dir/${filename}",
        "Content-Type": "image/jpeg",
        "success_action_status": "201",
    }
    status, error = expected
    expected = (201 if status == 204 else status, error)
    assert code(post(app, fields, conditions=[condition])) == expected
    assert len(files()) == (error is None)


@pytest.mark.parametrize(
    "text, expected",
    [
        pytest.param(policy(end=0), DENIED, id="expired"),
        pytest.param(policy().replace("Z", "+08:00"), (204, None), id="time zone"),
        pytest.param(policy(leave_out=["q-ak"]), None, id="q-ak not bound"),
        pytest.param(policy(leave_out=["q-sign-time"]), None, id="time not bound"),
        pytest.param(
            policy([["starts-with", "$q-ak", ""]], leave_out=["q-ak"]), None, id="loosely bound"
        ),
        pytest.param(policy().replace("Z", ""), None, id="no time zone"),
        pytest.param(policy().replace("expiration", "expires"), None, id="no expiration"),
        pytest.param(policy().replace("conditions", "terms"), None, id="no conditions"),
        pytest.param(policy(["key"]), None, id="a word"),
        pytest.param(policy([[]]), None, id="empty condition"),
        pytest.param(policy([["ends-with", "$key", "x"]]), None, id="unknown condition"),
        pytest.param(policy([["eq", "key", "key"]]), None, id="no dollar"),
        pytest.param(policy([["eq", "$key"]]), None, id="no value"),
        pytest.param(policy([{"key": None}]), None, id="null"),
        pytest.param(policy([{"key": ["key"]}]), None, id="list"),
        pytest.param(policy([["content-length-range", 1]]), None, id="half a range"),
        pytest.param(policy([["content-length-range", "a", "b"]]), None, id="range of words"),
        pytest.param("[]", None, id="no object"),
        pytest.param("{", None, id="no JSON"),
        pytest.param("[" * 20_000, None, id="nested"),
        pytest.param(policy([json.loads("[" * 63 + "]" * 63)]), None, id="too deep"),
        pytest.param("", None, id="empty"),
    ],
)
def test_a_policy_that_is_signed_may_still_not_hold(app, files, text, expected):
    key_time = next(
        (each["q-sign-time"] for each in bound_in(text) if "q-sign-time" in each), window()
    )
    body = form({"key": "key", **signature_fields(text, key_time=key_time)})
    answer = send(app, "POST", f"/{BUCKET}", body, FORM)
    assert code(answer) == (expected or (400, "InvalidPolicyDocument"))
    assert len(files()) == (expected == (204, None))


def bound_in(text):
    """The conditions of a policy that are objects, if it is one at all."""
    try:
        return [each for each in parse_json(text)["conditions"] if isinstance(each, dict)]
    except (ValueError, TypeError, LookupError):
        return []


def test_the_file_that_comes_with_a_wrong_policy_is_not_read(app, files):
    body = form({"key": "key", **signature_fields("{}")})
    pieces = chain([body[: -len(END)]], repeat(b"x" * 10_000, 1000))
    answer = send(with_body_in_pieces(app, pieces), "POST", f"/{BUCKET}", b"x", FORM)
    assert code(answer) == (400, "InvalidPolicyDocument")
    assert len(list(pieces)) == 1000
    assert files() == []


@pytest.fixture
def sdk(example_port):
    """The SDK; the server is its proxy, so that every name leads there."""
    config = CosConfig(
        Endpoint="cos.test",
        Scheme="http",
        SecretId=ACCESS_KEY,
        SecretKey=SECRET_KEY,
        Proxies={"http": f"http://127.0.0.1:{example_port}"},
    )
    with requests.Session() as session:
        yield CosS3Client(config, retry=0, session=session)


SEEDED = "examplebucket-1250000000"


@pytest.fixture(scope="module")
def large_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "large.bin"
    path.write_bytes(os.urandom(2 * MIB + 12_345))
    return path


def megabytes(path):
    data = path.read_bytes()
    return [data[start : start + MIB] for start in range(0, len(data), MIB)]


def test_the_sdk_uploads_a_file_in_parts(sdk, large_file):
    metadata = {"x-cos-meta-author": "somebody"}
    stored = sdk.upload_file(
        SEEDED, "dir/大 file", str(large_file), PartSize=1, EnableMD5=True, Metadata=metadata
    )
    assert stored["ETag"] == f'"{etag_of_parts(*megabytes(large_file))}"'
    assert stored["Location"] == f"http://{SEEDED}.cos.test/dir/%E5%A4%A7%20file"
    got = sdk.get_object(SEEDED, "dir/大 file")
    assert got["Body"].get_raw_stream().read() == large_file.read_bytes()
    assert got["x-cos-meta-author"] == "somebody"


def test_the_sdk_downloads_in_parts(sdk, large_file, tmp_path):
    sdk.upload_file(SEEDED, "download", str(large_file), PartSize=1)
    target = tmp_path / "downloaded"
    sdk.download_file(
        SEEDED, "download", str(target), PartSize=1, DumpRecordDir=str(tmp_path / "record")
    )
    assert target.read_bytes() == large_file.read_bytes()


def test_the_sdk_resumes_an_upload(sdk, large_file):
    first, second, _ = megabytes(large_file)
    upload_id = sdk.create_multipart_upload(SEEDED, "resumed")["UploadId"]
    sdk.upload_part(SEEDED, "resumed", first, 1, upload_id)
    sdk.upload_part(SEEDED, "resumed", second, 2, upload_id)
    sent = []

    def count(response, **kwargs):
        if "partNumber" in response.request.url:
            sent.append(dict(parse_qsl(urlsplit(response.request.url).query)))

    sdk._session.hooks["response"].append(count)
    stored = sdk.upload_file(SEEDED, "resumed", str(large_file), PartSize=1)
    assert sent == [{"partNumber": "3", "uploadId": upload_id}]
    assert stored["ETag"] == f'"{etag_of_parts(*megabytes(large_file))}"'


def test_the_sdk_lists_parts_and_uploads_and_aborts(sdk):
    keys = ["uploads/a b", "uploads/中", "uploads/dir/c"]
    ids = [sdk.create_multipart_upload(SEEDED, key)["UploadId"] for key in keys]
    for number in (1, 2, 3):
        sdk.upload_part(SEEDED, keys[0], b"hello", number, ids[0])
    part = sdk.list_parts(SEEDED, keys[0], ids[0], MaxParts=2)
    assert [each["PartNumber"] for each in part["Part"]] == ["1", "2"]
    assert (part["IsTruncated"], part["NextPartNumberMarker"], part["Key"]) == (
        "true",
        "2",
        keys[0],
    )
    listing = sdk.list_multipart_uploads(SEEDED, Prefix="uploads/", Delimiter="/")
    assert [each["Key"] for each in listing["Upload"]] == keys[:2]
    assert listing["CommonPrefixes"] == [{"Prefix": "uploads/dir/"}]
    first = sdk.list_multipart_uploads(SEEDED, Prefix="uploads/", MaxUploads=1)
    rest = sdk.list_multipart_uploads(
        SEEDED,
        Prefix="uploads/",
        KeyMarker=first["NextKeyMarker"],
        UploadIdMarker=first["NextUploadIdMarker"],
    )
    assert [each["UploadId"] for each in rest["Upload"]] == [ids[2], ids[1]]
    for key, upload_id in zip(keys, ids, strict=True):
        sdk.abort_multipart_upload(SEEDED, key, upload_id)
    assert "Upload" not in sdk.list_multipart_uploads(SEEDED, Prefix="uploads/")


def test_the_sdk_copies_objects_and_parts(sdk, large_file):
    sdk.put_object(SEEDED, large_file.read_bytes(), "copies/大 source", ContentType="image/png")
    source = {"Bucket": SEEDED, "Key": "copies/大 source", "Endpoint": "cos.test"}
    copied = sdk.copy(SEEDED, "copies/whole", source)
    assert copied["ETag"] == f'"{md5(large_file.read_bytes())}"'
    assert sdk.head_object(SEEDED, "copies/whole")["Content-Type"] == "image/png"
    upload_id = sdk.create_multipart_upload(SEEDED, "copies/parts")["UploadId"]
    ranges = ("bytes=0-1048575", f"bytes=1048576-{large_file.stat().st_size - 1}")
    named = []
    for number, asked in enumerate(ranges, 1):
        part = sdk.upload_part_copy(SEEDED, "copies/parts", number, upload_id, source, asked)
        named.append({"PartNumber": number, "ETag": part["ETag"]})
    sdk.complete_multipart_upload(SEEDED, "copies/parts", upload_id, {"Part": named})
    got = sdk.get_object(SEEDED, "copies/parts")["Body"].get_raw_stream().read()
    assert got == large_file.read_bytes()


@pytest.mark.parametrize("quiet", ["true", "false"])
def test_the_sdk_deletes_many_objects(sdk, quiet):
    keys = [f"many/{quiet}/{number} <中>" for number in range(3)]
    for key in keys:
        sdk.put_object(SEEDED, b"hello", key, ACL="default", StorageClass="STANDARD")
    objects = [{"Key": key} for key in keys]
    result = sdk.delete_objects(SEEDED, {"Quiet": quiet, "Object": objects})
    deleted = [each["Key"] for each in result.get("Deleted", [])]
    assert deleted == ([] if quiet == "true" else keys)
    assert "Contents" not in sdk.list_objects(SEEDED, Prefix=f"many/{quiet}/")


def complete_unknown_upload(sdk):
    part = {"PartNumber": 1, "ETag": "x"}
    sdk.complete_multipart_upload(SEEDED, "key", "unknown", {"Part": [part]})


def copy_unknown_object(sdk):
    sdk.copy_object(SEEDED, "key", {"Bucket": SEEDED, "Key": "unknown", "Endpoint": "cos.test"})


def delete_nothing(sdk):
    sdk.delete_objects(SEEDED, {"Object": []})


@pytest.mark.parametrize(
    "act, expected",
    [
        (complete_unknown_upload, (404, "NoSuchUpload")),
        (copy_unknown_object, (404, "NoSuchKey")),
        (delete_nothing, (400, "MalformedXML")),
    ],
)
def test_the_sdk_understands_a_refusal(sdk, act, expected):
    with pytest.raises(CosServiceError) as raised:
        act(sdk)
    assert (raised.value.get_status_code(), raised.value.get_error_code()) == expected


def test_a_form_is_posted_over_a_socket(example_port, sdk, large_file):
    fields = {"key": "posted/${filename}", **signature_fields(policy([{"bucket": SEEDED}]))}
    with large_file.open("rb") as file:
        answer = requests.post(
            f"http://127.0.0.1:{example_port}/{SEEDED}",
            data=fields,
            files={"file": file},
            timeout=30,
        )
    assert answer.status_code == 204
    got = sdk.get_object(SEEDED, f"posted/{large_file.name}")["Body"].get_raw_stream().read()
    assert got == large_file.read_bytes()


def test_those_who_complete_an_upload_in_several_processes_at_once_agree(sdk, example_port):
    upload_id = sdk.create_multipart_upload(SEEDED, "contended")["UploadId"]
    parts = [os.urandom(200_000) for _ in range(3)]
    for number, data in enumerate(parts, 1):
        sdk.upload_part(SEEDED, "contended", data, number, upload_id)
    named = {"Part": [{"PartNumber": n, "ETag": md5(data)} for n, data in enumerate(parts, 1)]}
    ready = Barrier(6)

    def complete(_):
        ready.wait(30)
        try:
            return sdk.complete_multipart_upload(SEEDED, "contended", upload_id, named)["ETag"]
        except CosServiceError as error:
            return error.get_error_code()

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(complete, range(6)))
    assert sorted(results) == [f'"{etag_of_parts(*parts)}"', *["NoSuchUpload"] * 5]
    assert sdk.get_object(SEEDED, "contended")["Body"].get_raw_stream().read() == b"".join(parts)
