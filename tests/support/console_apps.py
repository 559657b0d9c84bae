"""An application with a console, and a person who uses it without JavaScript."""

import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_bucketcors import BucketCORS, ConsoleOptions, MemoryStore, Store

PREFIX = "/-/cors"
#: What browsers send with a form of the console, at URLs that are trustworthy.
OWN_FORM = {
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}


def console_application(
    store: Store | None = None,
    *,
    options: ConsoleOptions | None = None,
    author: str = "alice",
    **config: Any,
) -> Flask:
    """Build an application whose routes have ``<bucket>``, with a console for one author.

    :param config: settings without ``BUCKETCORS_``.
    """
    app = Flask("shop", static_folder=None)
    app.secret_key = "of the tests"
    app.config.update({f"BUCKETCORS_{name.upper()}": value for name, value in config.items()})

    @app.get("/<bucket>/<path:key>")
    def read_object(bucket: str, key: str) -> str:
        return f"{key} of {bucket}"

    options = options or ConsoleOptions(authorize=lambda call: author)
    BucketCORS(app, store=store or MemoryStore(), console=options)
    return app


@dataclass
class Button:
    """A button of a form.

    :param action: the URL to which it sends the form, in place of that of the form.
    """

    action: str
    field: tuple[str, str] | None
    label: str = ""


@dataclass
class Form:
    """A form of a page."""

    action: str
    method: str
    fields: list[tuple[str, str]]
    buttons: list[Button] = field(default_factory=list)

    @property
    def label(self) -> str:
        """The texts of its buttons."""
        return "".join(each.label for each in self.buttons)


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._text: list[str] | None = None
        self._textarea: str | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        name = found.get("name") or ""
        if tag == "form":
            action = found.get("action") or ""
            self.forms.append(Form(action, found.get("method") or "get", []))
        elif tag == "input" and self.forms and name:
            is_box = found.get("type") in ("checkbox", "radio")
            if not is_box or "checked" in found:
                self.forms[-1].fields.append((name, found.get("value") or ("on" if is_box else "")))
        elif tag == "textarea":
            self._textarea, self._text = name, []
        elif tag == "select":
            self._select = name
        elif tag == "option" and self.forms and "selected" in found:
            self.forms[-1].fields.append((self._select, found.get("value") or ""))
        elif tag == "button" and self.forms:
            own = (name, found.get("value") or "") if name else None
            self.forms[-1].buttons.append(Button(found.get("formaction") or "", own))
            self._text = []

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._text is not None and self._textarea is not None:
            # A line feed right after the tag does not count (HTML, 13.2.6.4.7).
            text = "".join(self._text).removeprefix("\n")
            self.forms[-1].fields.append((self._textarea, text))
            self._textarea = self._text = None
        elif tag == "button" and self._text is not None:
            self.forms[-1].buttons[-1].label = "".join(self._text).strip()
            self._text = None


def forms_of(page: str) -> list[Form]:
    """Read the forms of a page."""
    reader = _FormReader()
    reader.feed(page)
    return reader.forms


def text_of(page: str) -> str:
    """The text of a page, without tags, on one line."""
    without_heads = re.sub(r"<(head|script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    joined = re.sub(r"</?(bdi|a|b|code|time)\b[^>]*>", "", without_heads)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", joined)).split())


class _TableReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._is_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")
            self._is_cell = True

    def handle_data(self, data: str) -> None:
        if self._is_cell:
            self.rows[-1][-1] = " ".join(f"{self.rows[-1][-1]} {data}".split())

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td"):
            self._is_cell = False


def rows_of(page: str) -> list[list[str]]:
    """Read the texts in the cells of a page's tables, row by row."""
    reader = _TableReader()
    reader.feed(page)
    return reader.rows


def tab_stops(page: str) -> int:
    """Count what the Tab key reaches, without what closed folds hold."""
    unfolded = re.sub(r"(</summary>).*?</details>", r"\1", page, flags=re.DOTALL)
    controls = re.findall(r"<(?:a|button|input|select|textarea|summary)\b[^>]*>", unfolded)
    return sum('type="hidden"' not in each for each in controls)


@dataclass
class Person:
    """Somebody who uses the console: opens pages, and sends their forms.

    :param page: the last response.
    """

    client: FlaskClient
    page: TestResponse | None = None
    prefix: str = PREFIX

    def open(self, path: str, **options: Any) -> str:
        """Open a page below the console's prefix; give its HTML."""
        return self._receive(self.client.get(f"{self.prefix}{path}", **options))

    def send(self, label: str, **typed: str | list[str]) -> str:
        """Send the form whose button has a label, with some fields typed anew; follow redirects."""
        assert self.page is not None
        [(form, button), *_] = [
            (form, button)
            for form in forms_of(self.page.text)
            for button in form.buttons
            if button.label == label
        ]
        fields = [(name, value) for name, value in form.fields if name not in typed]
        fields += [button.field] if button.field else []
        for name, value in typed.items():
            fields += [(name, each) for each in ([value] if isinstance(value, str) else value)]
        action = button.action or form.action or self.page.request.path
        if form.method == "get":
            return self._receive(self.client.get(action, query_string=fields))
        return self._receive(self.client.post(action, data=_multi(fields), headers=OWN_FORM))

    def _receive(self, response: TestResponse) -> str:
        while response.status_code == 303:
            response = self.client.get(response.location)
        self.page = response
        return response.text


def _multi(fields: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in fields:
        found.setdefault(name, []).append(value)
    return found
