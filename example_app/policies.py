"""The signed policy of a form upload (COS, document 436/14690).

Facts::

    SignKey      = hex(HMAC-SHA1(secret, q-key-time))
    StringToSign = hex(SHA1(the text of the policy))
    q-signature  = hex(HMAC-SHA1(SignKey as its 40 hex characters, StringToSign))

The policy is JSON, sent as base64, with an expiration and conditions on the fields of the
form. It must bind the three fields of the signature. Fields that it does not name may have any
value.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from example_app.errors import StorageError
from example_app.forms import Form
from flask_bucketcors import AccessKey
from flask_bucketcors.signatures import Keys
from flask_bucketcors.signatures.keys import find_key

SECURITY_TOKEN: Final = "x-cos-security-token"
# The largest difference between the clocks of client and server (COS 436/7730,
# RequestTimeTooSkewed).
MAX_SKEW_SECONDS = 15 * 60
_SIGNATURE_FIELDS = ("policy", "q-sign-algorithm", "q-ak", "q-key-time", "q-signature")
_MUST_BE_BOUND = ("q-sign-algorithm", "q-ak", "q-sign-time")
_TIME = re.compile("([0-9]{1,11});([0-9]{1,11})")


@dataclass(frozen=True, slots=True)
class _Condition:
    kind: str
    field: str
    value: str

    def holds(self, values: Mapping[str, str]) -> bool:
        sent = values.get(self.field)
        if sent is None:
            return False
        return sent.startswith(self.value) if self.kind == "starts-with" else sent == self.value


@dataclass(frozen=True, slots=True)
class Policy:
    """What the signer of a form allows.

    :param expiration: in Unix seconds.
    :param sizes: the smallest and the largest size of the file, in bytes, for each such condition.
    """

    expiration: float
    conditions: list[_Condition]
    sizes: list[tuple[int, int]]

    def check(self, values: Mapping[str, str], now: float) -> None:
        """Check the fields of a form against the conditions.

        :param now: in Unix seconds.
        """
        if self.expiration < now:
            raise StorageError("AccessDenied", "The policy has expired; sign a new one.")
        bound = {condition.field for condition in self.conditions if condition.kind == "eq"}
        for name in _MUST_BE_BOUND:
            if name not in bound:
                raise StorageError(
                    "InvalidPolicyDocument", f"The policy must have a condition on {name}."
                )
        for condition in self.conditions:
            if not condition.holds(values):
                raise StorageError(
                    "AccessDenied",
                    f"Condition key {condition.field[:64]} doesn't match the value "
                    f"{condition.value[:64]}",
                )

    def bounded(self, file: Iterator[bytes]) -> Iterator[bytes]:
        """Give the bytes of a file, and raise if their number is not allowed."""
        smallest = max((low for low, _ in self.sizes), default=0)
        largest = min((high for _, high in self.sizes), default=None)
        size = 0
        for chunk in file:
            size += len(chunk)
            if largest is not None and size > largest:
                raise StorageError("EntityTooLarge")
            yield chunk
        if size < smallest:
            raise StorageError("EntityTooSmall")


def verify_form(form: Form, bucket: str, keys: Keys, *, now: float) -> Policy:
    """Check who signed a form, and that its policy allows it.

    :param keys: as for :func:`flask_bucketcors.signatures.verify`.
    """
    fields = form.fields
    missing = [name for name in _SIGNATURE_FIELDS if name not in fields]
    if missing:
        raise StorageError("AccessDenied", f"The form has no field {missing[0]} before the file.")
    if fields["q-sign-algorithm"] != "sha1":
        raise StorageError("AccessDenied", "The signature algorithm must be sha1.")
    _check_time(fields["q-key-time"], now)
    text = _decode(fields["policy"])
    _check_signature(fields, _find_key(fields, keys), text)
    policy = _parse(text)
    signed = {"q-sign-time": fields["q-key-time"], "bucket": bucket, "key": form.key}
    policy.check({**fields, **signed}, now)
    return policy


def _check_time(key_time: str, now: float) -> None:
    match = _TIME.fullmatch(key_time)
    if match is None:
        raise StorageError("AccessDenied", "q-key-time must be START;END in Unix seconds.")
    start, end = map(int, match.groups())
    if start > now + MAX_SKEW_SECONDS:
        raise StorageError("RequestTimeTooSkewed")
    if end < now:
        raise StorageError("AccessDenied", "Request has expired")


def _find_key(fields: Mapping[str, str], keys: Keys) -> AccessKey:
    key = find_key(keys, fields["q-ak"])
    if key is None:
        raise StorageError("InvalidAccessKeyId")
    sent = fields.get(SECURITY_TOKEN, "").encode()
    if key.security_token and not hmac.compare_digest(sent, key.security_token.encode()):
        raise StorageError("InvalidAccessKeyId")
    return key


def _decode(policy: str) -> bytes:
    try:
        return base64.b64decode(policy, validate=True)
    except ValueError:
        raise StorageError("InvalidPolicyDocument") from None


def _check_signature(fields: Mapping[str, str], key: AccessKey, policy: bytes) -> None:
    sign_key = _hmac_sha1(key.secret, fields["q-key-time"])
    digest = hashlib.sha1(policy, usedforsecurity=False).hexdigest()
    expected = _hmac_sha1(sign_key, digest)
    if not hmac.compare_digest(expected.encode(), fields["q-signature"].encode()):
        raise StorageError("SignatureDoesNotMatch")


def _hmac_sha1(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha1).hexdigest()


def _parse(text: bytes) -> Policy:
    try:
        document = json.loads(text)
        expiration = datetime.fromisoformat(document["expiration"])
        if expiration.tzinfo is None:
            raise ValueError("a time without its zone")
        conditions = document["conditions"]
        sizes = [(_size(each[1]), _size(each[2])) for each in conditions if _is_range(each)]
        rest = [each for each in conditions if not _is_range(each)]
        found = [condition for each in rest for condition in _conditions(each)]
        return Policy(expiration.timestamp(), found, sizes)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise StorageError("InvalidPolicyDocument") from None


def _size(value: object) -> int:
    # Numbers in JSON can be of any length, and true is 1 in Python. A number may be in quotes.
    if isinstance(value, bool) or not re.fullmatch("[0-9]{1,18}", str(value)):
        raise ValueError("a size that is no whole number")
    return int(str(value))


def _is_range(condition: Any) -> bool:
    return isinstance(condition, list) and condition[0] == "content-length-range"


def _conditions(condition: Any) -> Iterator[_Condition]:
    if isinstance(condition, dict):
        for name, value in condition.items():
            yield _Condition("eq", name.lower(), _text(value))
        return
    kind, name, value = condition
    if kind not in ("eq", "starts-with") or not name.startswith("$"):
        raise ValueError("neither eq nor starts-with, or no field")
    yield _Condition(kind, name[1:].lower(), _text(value))


def _text(value: Any) -> str:
    if not isinstance(value, str | int):
        raise TypeError("a condition compares texts")
    return str(value)
