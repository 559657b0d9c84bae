"""The stylesheet and the script, under names that change with their content."""

from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from flask_bucketcors.console.console_response import ConsoleResponse

_TYPES: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_NAMES: Final = ("console.css", "console.js", "console.svg")


@cache
def _read() -> dict[str, tuple[str, bytes]]:
    """Content by the name in the URL, each with the name of the file."""
    found = {}
    for name in _NAMES:
        content = files(__package__).joinpath("static", name).read_bytes()
        stem, _, ending = name.partition(".")
        found[f"{stem}-{sha256(content).hexdigest()[:12]}.{ending}"] = (name, content)
    return found


def asset_name(file: str) -> str:
    """Give the name of a file in URLs."""
    return next(name for name, (each, _) in _read().items() if each == file)


def asset_response(name: str) -> ConsoleResponse | None:
    """Give a file by its name in URLs; None if there is no such file."""
    found = _read().get(name)
    if found is None:
        return None
    response = ConsoleResponse(
        found[1], content_type=f"{_TYPES[name.rpartition('.')[2]]}; charset=utf-8"
    )
    response.cache_control_value = "public, max-age=31536000, immutable"
    return response
