"""The rule sets that the page switches between, as documents for PUT."""

from collections.abc import Iterable, Iterator
from html import escape

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")
# The headers of the page and the vendor's SDK that need a preflight.
REQUEST_HEADERS = (
    "authorization",
    "cache-control",
    "content-md5",
    "content-type",
    "x-cos-meta-demo",
)
EXPOSED_HEADERS = ("ETag", "Content-Length", "x-cos-meta-demo", "x-cos-request-id")


def rule_sets(origin: str) -> dict[str, str | None]:
    """The rule sets by name; None for no rules.

    :param origin: the origin of the page.
    """
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
        # The browser caches no preflight response, so a switch has an effect at once.
        *_elements("MaxAgeSeconds", ["0"]),
    )
    return f"<CORSConfiguration><CORSRule>{''.join(lines)}</CORSRule></CORSConfiguration>"


def _elements(name: str, texts: Iterable[str]) -> Iterator[str]:
    return (f"<{name}>{escape(text)}</{name}>" for text in texts)
