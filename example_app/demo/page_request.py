"""A request of the page to the store, which the server of the demo repeats.

A browser tells a page only that a request failed. The server can send the same request and read
the response.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import abort, request

from example_app.demo.client import StoreClient

_METHOD = re.compile("[A-Za-z]{1,16}")
_HEADER_NAME = re.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request of the page.

    :param path: decoded, with a leading slash.
    :param query: names and values of the parameters.
    :param headers: the requested headers of the preflight.
    :param message: what the page was told when the request failed; ``""`` if it did not.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: tuple[str, ...]
    message: str

    def tries(self, client: StoreClient, origin: str) -> Iterator[dict[str, Any]]:
        """Send the preflight and a HEAD request to the store, and give the responses."""
        path = quote(self.path)
        asks = {"Origin": origin, "Access-Control-Request-Method": self.method}
        if self.headers:
            names = ",".join(sorted(map(str.lower, self.headers)))
            asks["Access-Control-Request-Headers"] = names
        for method, headers in (("OPTIONS", asks), ("HEAD", {"Origin": origin})):
            response = client.send(method, path, headers)
            yield {
                "request": f"{method} {path} (sent by the demo's server)",
                "status": response.status,
                "headers": response.headers,
            }


def read_json() -> dict[str, Any]:
    """Read the JSON object in Flask's request; the response to anything else is 400 or 415."""
    data = request.get_json()
    return data if isinstance(data, dict) else abort(400)


def read_page_request() -> PageRequest:
    """Read a request of the page as JSON; the response to anything else is 400 or 415."""
    data = read_json()
    method, path, message = (data.get(name, "") for name in ("method", "path", "message"))
    query, headers = data.get("query", {}), data.get("headers", [])
    if not isinstance(query, dict) or not isinstance(headers, list):
        abort(400)
    if not _fits(method, _METHOD) or not isinstance(path, str) or not path.startswith("/"):
        abort(400)
    if not all(_fits(name, _HEADER_NAME) for name in headers) or not isinstance(message, str):
        abort(400)
    # Some parameters of the vendor's SDK are numbers.
    parameters = {name: str(value) for name, value in query.items()}
    return PageRequest(method, path, parameters, tuple(headers), message)


def _fits(value: object, form: re.Pattern[str]) -> bool:
    return isinstance(value, str) and bool(form.fullmatch(value))
