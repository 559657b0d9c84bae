"""What every client is asked to do, in its own words: put, get and delete the rules of a bucket.

A module ``with_...`` has it done by one SDK. Its ``Calls(where, keys)`` has ``put``, ``get``,
``delete`` and ``close``; its ``read_error(error)`` gives status and code of an error as the SDK
understood them, or None if it is no answer.

Rules go in and come out as JSON could hold them, whatever the SDK has of its own::

    {"rules": [{"id": "1", "origins": [...], "methods": [...], "headers": [...],
                "expose": [...], "max_age": 600}], "vary": true}
"""

import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

Configuration = dict[str, Any]
Keys = tuple[str, str]

# The element of a document for each entry of a rule.
ELEMENTS = {
    "id": "ID",
    "origins": "AllowedOrigin",
    "methods": "AllowedMethod",
    "headers": "AllowedHeader",
    "expose": "ExposeHeader",
    "max_age": "MaxAgeSeconds",
}
# What S3's SDKs call them.
PLURALS = {
    "id": "ID",
    "origins": "AllowedOrigins",
    "methods": "AllowedMethods",
    "headers": "AllowedHeaders",
    "expose": "ExposeHeaders",
    "max_age": "MaxAgeSeconds",
}


@dataclass(frozen=True)
class Where:
    """Where a client is to go, and how.

    :param style: ``"path"``; ``"host"``, for a bucket that is a host name; or ``"ip"``, for one
        that is a host name without the port, which the client does not look up.
    :param version: of the signature, if the SDK has several.
    :param package: its package, if there are several of it.
    """

    port: int
    bucket: str
    suffix: str
    style: str
    version: str = ""
    package: str = ""

    @property
    def virtual(self) -> bool:
        return self.style != "path"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def server(self) -> str:
        """Host and port below which, or at which, the bucket is."""
        return f"{self.suffix}:{self.port}" if self.virtual else self.address

    @property
    def endpoint(self) -> str:
        return f"http://{self.server}"


class Refused(Exception):
    """An answer that the client understood as an error."""

    def __init__(self, status: int | None, code: str) -> None:
        super().__init__(status, code)
        self.status, self.code = status, code


@contextmanager
def names_of_this_machine(suffix: str) -> Iterator[None]:
    """Resolve the suffix and all names below it to this machine; there is no name server.

    The clients cannot be told otherwise, and all of them look names up here. They still send
    the name as Host, and sign it.
    """
    look_up = socket.getaddrinfo

    def look_up_here(host: Any, *rest: Any, **named: Any) -> Any:
        is_here = isinstance(host, str) and f".{host}".endswith(f".{suffix}")
        return look_up("127.0.0.1" if is_here else host, *rest, **named)

    socket.getaddrinfo = look_up_here
    try:
        yield
    finally:
        socket.getaddrinfo = look_up


def renamed(rule: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A rule in the words of an SDK; what it does not have is left out."""
    return {name: rule[key] for key, name in names.items() if rule[key] not in (None, [])}


def plain(rule: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A rule of an SDK in the words of this module."""
    return {key: rule.get(name) for key, name in names.items()}


def format_xml(configuration: Configuration, indent: str = "") -> str:
    """Write a document, for clients that take one as it is."""
    lines = ["<CORSConfiguration>"]
    for rule in configuration["rules"]:
        lines.append(f"{indent}<CORSRule>")
        for key, name in ELEMENTS.items():
            values = rule[key] if isinstance(rule[key], list) else [rule[key]]
            lines += [
                f"{indent * 2}<{name}>{escape(str(value))}</{name}>"
                for value in values
                if value is not None
            ]
        lines.append(f"{indent}</CORSRule>")
    lines.append("</CORSConfiguration>")
    return ("\n" if indent else "").join(lines)


def parse_xml(text: str | bytes) -> Configuration:
    """Read a document, for clients that hand one over as it came, with a namespace or without."""
    root = ElementTree.fromstring(text)
    rules = []
    for rule in root.iter():
        if _name(rule) != "CORSRule":
            continue
        found: dict[str, list[str | None]] = {}
        for child in rule:
            found.setdefault(_name(child), []).append(child.text)
        single = ("id", "max_age")
        rules.append(
            {
                key: found.get(name, [None])[0] if key in single else found.get(name, [])
                for key, name in ELEMENTS.items()
            }
        )
    vary = (each.text for each in root if _name(each) == "ResponseVary")
    return {"rules": rules, "vary": next(vary, None)}


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def normal(configuration: Configuration) -> Configuration:
    """A configuration with its numbers and flags as such, and nothing where there is nothing."""
    vary = configuration.get("vary")
    return {
        "rules": [
            {
                "id": rule.get("id") or None,
                "max_age": None if rule.get("max_age") in (None, "") else int(rule["max_age"]),
                **{
                    key: _texts(rule.get(key))
                    for key in ("origins", "methods", "headers", "expose")
                },
            }
            for rule in configuration["rules"]
        ],
        "vary": None if vary is None else str(vary).lower() == "true",
    }


def _texts(value: str | Iterable[str] | None) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)
