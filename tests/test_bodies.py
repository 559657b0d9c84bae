"""Bodies and what came with them: digests of the body, its signature, and checksums."""

import errno
import platform
import sys
from base64 import b64encode
from typing import Any

import pytest

from flask_bucketcors.api.bodies import check_digests, read_body
from flask_bucketcors.core.dialects import COS
from flask_bucketcors.core.errors import CallRefused, Refusal
from tests.support.tables import in_one_test

# What catalogues of checksums give as the check value of each.
BODY = b"123456789"
DIGESTS = {
    "crc32": bytes.fromhex("cbf43926"),
    "crc32c": bytes.fromhex("e3069283"),
    "crc64nvme": bytes.fromhex("ae8b14860a799888"),
    "sha1": bytes.fromhex("f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
    "sha256": bytes.fromhex("15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
}
MD5 = b64encode(bytes.fromhex("25f9e794323b453885f5181f1b624d0b")).decode()
CHECKSUMS = [pytest.param(name, id=name) for name in DIGESTS]


def environ(**headers: str) -> dict[str, Any]:
    """Of a request with these headers."""
    return {f"HTTP_{name.upper()}": value for name, value in headers.items()}


def leave_out_on_pypy(name: str) -> None:
    """Skip a checksum that takes a package which has no wheel for PyPy."""
    if name in ("crc32c", "crc64nvme") and platform.python_implementation() == "PyPy":
        pytest.importorskip("awscrt", reason="awscrt has no wheel for PyPy")


def checksum(name: str, digest: bytes | str) -> dict[str, Any]:
    """The environ with one checksum."""
    text = digest if isinstance(digest, str) else b64encode(digest).decode()
    return environ(**{f"x_amz_checksum_{name}": text})


def refused(headers: dict[str, Any], body: bytes = BODY, **options: Any) -> tuple[str, str | None]:
    """Code and text that a body is refused with."""
    with pytest.raises(CallRefused) as refusal:
        check_digests(headers, body, **options)
    assert refusal.value.code in COS.errors
    return refusal.value.code, refusal.value.message


@pytest.mark.parametrize("name", CHECKSUMS)
def test_a_checksum_that_is_right(name: str) -> None:
    leave_out_on_pypy(name)
    check_digests(checksum(name, DIGESTS[name]), BODY)


@pytest.mark.parametrize("name", CHECKSUMS)
def test_a_checksum_of_another_body(name: str) -> None:
    leave_out_on_pypy(name)
    text = f"The {name.upper()} you specified did not match the calculated checksum."
    assert refused(checksum(name, DIGESTS[name]), b"12345678") == (Refusal.BAD_DIGEST, text)
    backwards = DIGESTS[name][::-1]
    assert refused(checksum(name, backwards)) == (Refusal.BAD_DIGEST, text)


@in_one_test
@pytest.mark.parametrize("digest", ["", "x", "AAAA", "AAAAAA==\u00e4", b"", b"\x00" * 64])
@pytest.mark.parametrize("name", CHECKSUMS)
def test_a_checksum_that_is_none(name: str, digest: bytes | str) -> None:
    leave_out_on_pypy(name)
    text = f"Value for x-amz-checksum-{name} header is invalid."
    assert refused(checksum(name, digest)) == (Refusal.INVALID_REQUEST, text)


@pytest.mark.parametrize("name", ["sha512", "md5", "xxhash64", "x" * 200])
def test_a_checksum_that_nobody_here_can_compute(name: str) -> None:
    code, text = refused(checksum(name, b"\x00" * 8))
    assert code == Refusal.NOT_IMPLEMENTED
    assert f"x-amz-checksum-{name[:32]};" in str(text)


@pytest.mark.parametrize("name", ["crc32c", "crc64nvme"])
def test_a_checksum_that_takes_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "awscrt.checksums", None)
    code, text = refused(checksum(name, DIGESTS[name]))
    assert code == Refusal.NOT_IMPLEMENTED
    assert "flask-bucketcors[checksums]" in str(text)
    check_digests(checksum("crc32", DIGESTS["crc32"]), BODY)


def test_what_is_said_about_checksums_is_none() -> None:
    names = ("checksum_algorithm", "checksum_type", "checksum_mode", "sdk_checksum_algorithm")
    check_digests(environ(**{f"x_amz_{name}": "CRC32" for name in names}), BODY)


def test_every_checksum_counts() -> None:
    right, wrong = checksum("sha1", DIGESTS["sha1"]), checksum("crc32", b"\x00" * 4)
    assert refused({**right, **wrong})[0] == Refusal.BAD_DIGEST


@in_one_test
@pytest.mark.parametrize(
    "sent, required, expected",
    [
        (None, False, None),
        (None, True, Refusal.MISSING_DIGEST),
        (MD5, True, None),
        ("1B2M2Y8AsgTpgAmY7PhCfg==", False, Refusal.BAD_DIGEST),
        ("", False, Refusal.INVALID_DIGEST),
        ("25f9e794323b453885f5181f1b624d0b", False, Refusal.INVALID_DIGEST),
        (MD5[:-1], False, Refusal.INVALID_DIGEST),
        ("\u00e4", False, Refusal.INVALID_DIGEST),
    ],
)
def test_content_md5(sent: str | None, required: bool, expected: Refusal | None) -> None:
    headers = {} if sent is None else environ(content_md5=sent)
    if expected is None:
        check_digests(headers, BODY, require_content_md5=required)
    else:
        assert refused(headers, require_content_md5=required) == (expected, None)


def test_what_the_signature_says_of_the_body() -> None:
    signed = DIGESTS["sha256"].hex()
    check_digests({}, BODY, payload_sha256=signed)
    assert refused({}, b"other", payload_sha256=signed) == (Refusal.PAYLOAD_MISMATCH, None)


@pytest.mark.parametrize(
    "query, expected",
    [
        ("cors&x-amz-checksum-crc32=y%2FQ5Jg%3D%3D&x-amz-sdk-checksum-algorithm=CRC32", None),
        ("cors&X-Amz-Checksum-Crc32=AAAAAA%3D%3D", Refusal.BAD_DIGEST),
        ("x-amz-checksum-sha1=", Refusal.INVALID_REQUEST),
        ("x-amz-checksum-%C3%BC=x", Refusal.NOT_IMPLEMENTED),
        ("x-amz-checksum-mode=ENABLED", None),
    ],
)
def test_a_checksum_in_a_pre_signed_url(query: str, expected: Refusal | None) -> None:
    """An SDK that signs a URL puts it there; whoever has the URL must not leave it out."""
    if expected is None:
        check_digests({"QUERY_STRING": query}, BODY)
    else:
        assert refused({"QUERY_STRING": query})[0] == expected


class Failing:
    """A stream that cannot be read."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, size: int = -1) -> bytes:
        raise self._error


CHUNKED = {"wsgi.input_terminated": True}


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EMFILE, "Too many open files"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
    ids=repr,
)
def test_a_machine_without_room_is_not_the_senders_fault(error: Exception) -> None:
    with pytest.raises(type(error)):
        read_body({"wsgi.input": Failing(error), **CHUNKED}, 100)


@pytest.mark.parametrize(
    "error",
    [ConnectionResetError(errno.ECONNRESET, "reset"), TimeoutError(), ValueError()],
    ids=repr,
)
def test_a_body_that_breaks_off_is_the_senders_fault(error: Exception) -> None:
    with pytest.raises(CallRefused) as refusal:
        read_body({"wsgi.input": Failing(error), **CHUNKED}, 100)
    assert refusal.value.code == Refusal.INCOMPLETE_BODY
