"""The operation of a form upload, POST Object: a browser posts a form that a server has signed."""

import re
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from flask import Response, g

from example_app.addressing import Target
from example_app.errors import StorageError
from example_app.forms import Form
from example_app.headers import (
    METADATA_PREFIX,
    STORED_HEADERS,
    check_supported,
    header_value,
    headers_to_store,
    precondition,
)
from example_app.index import StoredObject
from example_app.operations import empty_response, object_url, request_path
from example_app.storage import Storage

_STATUSES = {"": 204, "200": 200, "201": 201, "204": 204}
_METADATA_NAME = re.compile(f"{METADATA_PREFIX}[0-9a-z-]+")


def post_object(storage: Storage, target: Target) -> Response:
    """POST Object. The check of the signature has read the form into ``g.form``."""
    form: Form = g.form
    success = _Success(form.fields)
    check_supported(form.fields, public=storage.get_bucket(target.bucket).public)
    stored = storage.put_object(
        target.bucket,
        form.key,
        form.file,
        headers_to_store(_headers(form.fields)),
        form.fields.get("content-md5"),
        precondition(form.fields),
    )
    return success.response(target.bucket, stored)


class _Success:
    """The response that the form requests, checked before anything is stored."""

    def __init__(self, fields: dict[str, str]) -> None:
        self._redirect = fields.get("success_action_redirect", "")
        status = fields.get("success_action_status", "")
        if status not in _STATUSES:
            raise StorageError("InvalidArgument", "success_action_status must be 200, 201 or 204.")
        self._status = _STATUSES[status]
        if self._redirect and not _is_web_address(self._redirect):
            raise StorageError(
                "InvalidArgument", "success_action_redirect must be an http or https URL."
            )

    def response(self, bucket: str, stored: StoredObject) -> Response:
        """Give the response for the stored object."""
        response = empty_response(303 if self._redirect else self._status)
        response.set_etag(stored.etag)
        response.headers["Location"] = self._location(bucket, stored)
        return response

    def _location(self, bucket: str, stored: StoredObject) -> str:
        if not self._redirect:
            path = request_path().removesuffix(b"/") + b"/" + stored.key.encode()
            return object_url(path)
        address = urlsplit(self._redirect)
        about = {"bucket": bucket, "key": stored.key, "etag": f'"{stored.etag}"'}
        query = "&".join(filter(None, [address.query, urlencode(about, quote_via=quote)]))
        return urlunsplit(address._replace(query=query))


def _is_web_address(text: str) -> bool:
    try:
        address = urlsplit(text)
    except ValueError:
        return False
    # The standard library drops line ends, and browsers treat a backslash as a slash.
    plain = re.fullmatch(r"[!-\[\]-~]+", text) is not None
    return plain and address.scheme in ("http", "https") and bool(address.netloc)


def _headers(fields: dict[str, str]) -> dict[str, str]:
    headers = {}
    for name, value in fields.items():
        if name.startswith(METADATA_PREFIX) and not _METADATA_NAME.fullmatch(name):
            raise StorageError(
                "InvalidArgument",
                f"After {METADATA_PREFIX}, write letters, digits and hyphens only.",
            )
        if name in STORED_HEADERS or name.startswith(METADATA_PREFIX):
            headers[name] = header_value(name, value)
    return headers
