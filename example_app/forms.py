"""Bodies of multipart/form-data: a few small fields, and then one file.

The file comes last, as in COS. So everything that decides on it is known when its first byte
arrives, and it is written to disk as it arrives.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from flask import request
from werkzeug.sansio.multipart import (
    Data,
    Event,
    Field,
    File,
    MultipartDecoder,
    NeedData,
    State,
)

from example_app.bodies import body_chunks
from example_app.errors import StorageError

# The limits of the fields before the file: their size in bytes, and their number.
MAX_FIELDS_BYTES = 64 * 1024
MAX_FIELDS = 200

_FILE = "file"
_FILE_NAME = "${filename}"


@dataclass(frozen=True, slots=True)
class Form:
    """A form, read as far as its file.

    :param fields: the values by name; names are in lower case.
    :param file_name: the name of the file, as the client sent it, without folders.
    :param file: the bytes of the file; raises if other fields follow, or the body is malformed.
    """

    fields: dict[str, str]
    file_name: str
    file: Iterator[bytes]

    @property
    def key(self) -> str:
        """The key of the object; ``${filename}`` in it is replaced by the name of the file."""
        key = self.fields.get("key", "").replace(_FILE_NAME, self.file_name)
        if not key:
            raise StorageError(
                "InvalidArgument", "The form must have a field key, before the file."
            )
        return key


def read_form() -> Form:
    """Read the body of the request as far as its file."""
    fields: dict[str, str] = {}
    events = _events(_boundary())
    left = MAX_FIELDS_BYTES
    for event in events:
        if not isinstance(event, Field | File):
            continue
        # The name is None for a field without one.
        name = (event.name or "").lower()
        if name == _FILE:
            return Form(fields, _file_name(event), _file(events))
        if not name or name in fields or isinstance(event, File):
            raise StorageError(
                "MalformedPOSTRequest",
                "Give each field a different name, and send a file in the field file only.",
            )
        value = _value(events, left)
        left -= len(name.encode()) + len(value)
        fields[name] = _decode(value)
    raise StorageError("MalformedPOSTRequest", "The last field of the form must be file.")


def _boundary() -> bytes:
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not re.fullmatch("[ -~]{1,200}", boundary):
        raise StorageError(
            "MalformedPOSTRequest", "Send multipart/form-data, with its boundary in Content-Type."
        )
    return boundary.encode()


def _events(boundary: bytes) -> Iterator[Event]:
    decoder = MultipartDecoder(boundary, max_parts=MAX_FIELDS)
    for chunk in body_chunks():
        # What follows the last boundary is read, but not kept.
        if decoder.state is State.EPILOGUE:
            continue
        decoder.receive_data(chunk)
        yield from _decoded(decoder)
        if len(decoder.buffer) > MAX_FIELDS_BYTES:
            raise StorageError("MaxPostPreDataLengthExceededError")
    if decoder.state is not State.EPILOGUE:
        raise StorageError("MalformedPOSTRequest")


def _decoded(decoder: MultipartDecoder) -> Iterator[Event]:
    while True:
        try:
            event = decoder.next_event()
        except ValueError:
            raise StorageError("MalformedPOSTRequest") from None
        if isinstance(event, NeedData):
            return
        yield event


def _value(events: Iterator[Event], limit: int) -> bytes:
    value = b""
    for event in events:
        if isinstance(event, Data):
            value += event.data
            if len(value) > limit:
                raise StorageError("MaxPostPreDataLengthExceededError")
            if not event.more_data:
                break
    return value


def _decode(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise StorageError("MalformedPOSTRequest", "Send the form in UTF-8.") from None


def _file(events: Iterator[Event]) -> Iterator[bytes]:
    for event in events:
        if isinstance(event, Data):
            yield event.data
        elif isinstance(event, Field | File):
            raise StorageError("MalformedPOSTRequest", "The file must be the last field.")


def _file_name(event: Field | File) -> str:
    name = event.filename if isinstance(event, File) else ""
    return re.split(r"[/\\]", name)[-1]
