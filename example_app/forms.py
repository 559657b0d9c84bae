"""Bodies of multipart/form-data, with fields that are few and small and then one file.

The file comes last, as COS has it: so all that decides on it is known when its first byte
arrives, and it goes to the disk as it comes.
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

# All that comes before the file, in bytes and in number.
MAX_FIELDS_BYTES = 64 * 1024
MAX_FIELDS = 200

_FILE = "file"
_FILE_NAME = "${filename}"


@dataclass(frozen=True, slots=True)
class Form:
    """A form, read as far as its file.

    :param fields: names in lower case.
    :param file_name: of the file, as its sender calls it, without folders.
    :param file: the bytes of the file; raises if more follows, or if the body is broken.
    """

    fields: dict[str, str]
    file_name: str
    file: Iterator[bytes]

    @property
    def key(self) -> str:
        """The key of the object, in which ``${filename}`` stands for the name of the file."""
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
        # Werkzeug gives None for what has no name.
        name = (event.name or "").lower()
        if name == _FILE:
            return Form(fields, _file_name(event), _file(events))
        if not name or name in fields or isinstance(event, File):
            raise StorageError(
                "MalformedPOSTRequest", "Give each field a name of its own, and only file a file."
            )
        value = _value(events, left)
        left -= len(name.encode()) + len(value)
        fields[name] = _decode(value)
    raise StorageError("MalformedPOSTRequest", "The form must end with a field file.")


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
