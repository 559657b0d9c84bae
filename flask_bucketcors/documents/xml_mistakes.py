"""What is wrong with a text that is not well-formed XML, and what to write, in words."""

import re
from typing import Final
from xml.etree.ElementTree import ParseError  # nosec B405 # defusedxml parses
from xml.parsers.expat import ErrorString  # nosec B407 # only names errors

AN_HTML_PAGE: Final = "This is an HTML page, such as a login page, and not an XML document"
_HTML: Final = re.compile(r"\s*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_JSON: Final = re.compile(r"\s*[{\[]")
_QUOTES: Final = re.compile("=\\s*[\u201c\u201d\u201e\u2018\u2019]")
_AMPERSAND: Final = re.compile(r"&(?!(?:[A-Za-z]+|#[0-9]+|#x[0-9A-Fa-f]+);)")
_ENDS_EARLY: Final = ("no element found", "unclosed token", "unclosed CDATA section")


def is_html(text: str) -> bool:
    """Whether a text begins as pages of HTML do."""
    return _HTML.match(text) is not None


def what_is_wrong(text: str, error: ParseError) -> str:
    """Say in a sentence what is wrong and what to write; the place follows in parentheses."""
    line, column = error.position
    return f"{_mistake(text, error)} (line {line}, column {column + 1})"


def _mistake(text: str, error: ParseError) -> str:
    if is_html(text):
        return AN_HTML_PAGE
    if _JSON.match(text):
        return "This is JSON: write XML"
    if _QUOTES.search(text):
        return "An attribute has typographic quotes: write straight ones"
    message = ErrorString(error.code) or "it is wrong"
    if message in _ENDS_EARLY:
        return "The document ends too early: an element is not closed, or it was cut off"
    if message == "mismatched tag":
        return "An end tag does not match its start tag: write </ and the name of the start tag"
    if _AMPERSAND.search(text):
        return "A & stands for itself: write &amp;"
    return f"The document is not well-formed XML: {message}"
