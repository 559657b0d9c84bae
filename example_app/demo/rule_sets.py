"""The three rule sets that the page switches between, as the documents that a client puts."""

from collections.abc import Iterable, Iterator
from html import escape

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")
# What the page and the vendor's SDK send beyond what a browser always may.
REQUEST_HEADERS = (
    "authorization",
    "cache-control",
    "content-md5",
    "content-type",
    "x-cos-meta-demo",
)
EXPOSED_HEADERS = ("ETag", "Content-Length", "x-cos-meta-demo", "x-cos-request-id")


def rule_sets(origin: str) -> dict[str, str | None]:
    """The rule sets by name; None stands for no rules. ``origin`` is the page's own."""
    return {
        "none": None,
        "least": _document("*", ["*"], EXPOSED_HEADERS),
        "most": _document(origin, REQUEST_HEADERS, ["ETag"]),
    }


def _document(origin: str, headers: Iterable[str], exposed: Iterable[str]) -> str:
    lines = (
        *_elements("AllowedOrigin", [origin]),
        *_elements("AllowedMethod", METHODS),
        *_elements("AllowedHeader", headers),
        *_elements("ExposeHeader", exposed),
        # The browser keeps no preflight, so that a switch is seen at once.
        *_elements("MaxAgeSeconds", ["0"]),
    )
    return f"<CORSConfiguration><CORSRule>{''.join(lines)}</CORSRule></CORSConfiguration>"


def _elements(name: str, texts: Iterable[str]) -> Iterator[str]:
    return (f"<{name}>{escape(text)}</{name}>" for text in texts)
