"""A model of the Fetch Standard: what a page's script may do with a cross-origin response.

Step numbers are those of the standard's review draft of June 2026. Left out: redirects (they
are followed, never read), the preflight cache, upload listeners (they force a preflight) and
headers which a page may not set. One point where Chromium 156 is laxer than the standard: there
``Access-Control-Allow-Headers: *`` still covers Authorization.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_letters, digits

#: Response headers as pairs, in order and with repeats, as they stand on the wire.
Pairs = Sequence[tuple[str, str]]

# Fetch, "CORS-safelisted method".
SAFE_METHODS = {"GET", "HEAD", "POST"}
# Fetch, "normalize a method"; others keep their case.
NORMALIZED_METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"}
# Fetch, "CORS-safelisted response-header name".
SAFE_RESPONSE_NAMES = {
    "cache-control",
    "content-language",
    "content-length",
    "content-type",
    "expires",
    "last-modified",
    "pragma",
}
# Fetch, "forbidden response-header name".
HIDDEN_RESPONSE_NAMES = {"set-cookie", "set-cookie2"}
# Fetch, "CORS non-wildcard request-header name".
NON_WILDCARD_NAME = "authorization"
# Fetch, "CORS-safelisted request-header": the three essences a form could send.
SAFE_TYPES = {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}
# Fetch, "CORS-unsafe request-header byte", beside the control characters.
UNSAFE_CHARACTERS = '"():<>?@[\\]{}\x7f'
LANGUAGE_CHARACTERS = ascii_letters + digits + " *,-.;="
# RFC 9110, 5.6.2: tchar. MIME Sniffing calls the same set "HTTP token code points".
TOKEN_CHARACTERS = ascii_letters + digits + "!#$%&'*+-.^_`|~"
REDIRECT_STATUSES = {301, 302, 303, 307, 308}


@dataclass(frozen=True)
class PageRequest:
    """A cross-origin request as a page's script makes it; ``credentials`` is mode "include"."""

    origin: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    credentials: bool = False

    @property
    def sent_method(self) -> str:
        """The method on the wire (Fetch, "normalize a method")."""
        upper = self.method.upper()
        return upper if upper in NORMALIZED_METHODS else self.method


class UnparsableListError(ValueError):
    """A response header that should be a list of tokens is none."""


def needs_preflight(request: PageRequest) -> bool:
    """Say whether a preflight goes first (Fetch, main fetch, step 12)."""
    return request.sent_method not in SAFE_METHODS or bool(unsafe_names(request.headers))


def preflight_request_headers(request: PageRequest) -> dict[str, str]:
    """Give the CORS headers of the preflight (Fetch, CORS-preflight fetch, steps 3 to 5)."""
    headers = {"Origin": request.origin, "Access-Control-Request-Method": request.sent_method}
    names = unsafe_names(request.headers)
    if names:
        headers["Access-Control-Request-Headers"] = ",".join(names)
    return headers


def passes_preflight(request: PageRequest, status: int, headers: Pairs) -> bool:
    """Judge the answer to a preflight (Fetch, CORS-preflight fetch, steps 7 and 8)."""
    # Step 7: a CORS check for the request (not the preflight), and an ok status.
    if not passes_cors_check(request, headers) or not 200 <= status <= 299:
        return False
    try:
        methods = _listed("Access-Control-Allow-Methods", headers)
        names = {name.lower() for name in _listed("Access-Control-Allow-Headers", headers)}
    except UnparsableListError:
        # Step 7.3.
        return False
    return _method_allowed(request, methods) and _headers_allowed(request, names)


def passes_cors_check(request: PageRequest, headers: Pairs) -> bool:
    """Perform the "CORS check" of Fetch on a response."""
    allowed = _get("Access-Control-Allow-Origin", headers)
    # Fetch, CORS check, step 3. (Step 2, no such header: None equals neither text.)
    if allowed == "*" and not request.credentials:
        return True
    # Step 4: byte for byte; two headers are one value with a comma in it.
    if allowed != request.origin:
        return False
    # Steps 5 to 8: "true" is case-sensitive, and only matters with credentials.
    return not request.credentials or _get("Access-Control-Allow-Credentials", headers) == "true"


def exposed_headers(request: PageRequest, headers: Pairs) -> dict[str, str]:
    """Give what the script can read of an answer that passed, by lower-case name.

    This is Fetch, main fetch, step 14.1, and "CORS filtered response".
    """
    try:
        listed = {name.lower() for name in _listed("Access-Control-Expose-Headers", headers)}
    except UnparsableListError:
        listed = set()
    present = {name.lower() for name, _ in headers}
    # Step 14.1.2: with credentials "*" is a name like any other.
    if "*" in listed and not request.credentials:
        listed = present
    readable = (SAFE_RESPONSE_NAMES | listed) - HIDDEN_RESPONSE_NAMES
    return {name: _get(name, headers) or "" for name in present & readable}


def may_proceed(
    request: PageRequest,
    preflight: tuple[int, Pairs] | None,
    actual: tuple[int, Pairs],
) -> bool:
    """Say whether the script may read the actual answer, whatever its status.

    The answers are (status, headers); ``preflight`` is None if none was asked for.
    """
    # Fetch, HTTP fetch, step 4.1.
    admitted = preflight is not None and passes_preflight(request, *preflight)
    if needs_preflight(request) and not admitted:
        return False
    status, headers = actual
    # Fetch, HTTP fetch, step 6: a redirect is followed; without a Location it is an answer.
    followed = status in REDIRECT_STATUSES and _get("Location", headers) is not None
    # Fetch, HTTP fetch, step 4.4.
    return not followed and passes_cors_check(request, headers)


def unsafe_names(headers: Mapping[str, str]) -> list[str]:
    """List the "CORS-unsafe request-header names" of Fetch: lower case, sorted, each once."""
    unsafe = {name for name, value in headers.items() if not is_safelisted(name, value)}
    safe_size = sum(len(_trim(headers[name])) for name in headers if name not in unsafe)
    # Step 5: many small safelisted values are as unsafe as a big one.
    if safe_size > 1024:
        unsafe = set(headers)
    return sorted({name.lower() for name in unsafe})


def is_safelisted(name: str, value: str) -> bool:
    """Say whether a header is a "CORS-safelisted request-header" of Fetch."""
    value = _trim(value)
    if len(value) > 128:
        return False
    match name.lower():
        case "accept":
            return not _has_unsafe_character(value)
        case "accept-language" | "content-language":
            return all(character in LANGUAGE_CHARACTERS for character in value)
        case "content-type":
            return not _has_unsafe_character(value) and _essence(value) in SAFE_TYPES
        case "range":
            return _is_simple_range(value)
    return False


def _method_allowed(request: PageRequest, methods: Sequence[str]) -> bool:
    # Fetch, CORS-preflight fetch, step 7.5.
    method = request.sent_method
    wildcard = "*" in methods and not request.credentials
    return method in methods or method in SAFE_METHODS or wildcard


def _headers_allowed(request: PageRequest, names: set[str]) -> bool:
    # Fetch, CORS-preflight fetch, steps 7.6 and 7.7.
    wildcard = "*" in names and not request.credentials
    return all(
        name in names or (wildcard and name != NON_WILDCARD_NAME)
        for name in unsafe_names(request.headers)
    )


def _get(name: str, headers: Pairs) -> str | None:
    # Fetch, header lists, "get": repeated headers are joined by a comma and a space.
    values = [value.strip(" \t") for key, value in headers if key.lower() == name.lower()]
    return ", ".join(values) if values else None


def _listed(name: str, headers: Pairs) -> list[str]:
    # Fetch, "extract header list values". That the header is absent (null there) and that it
    # is empty come to the same here. RFC 9110, 5.6.1.2: empty items are ignored.
    text = _get(name, headers) or ""
    items = [item.strip(" \t") for item in text.split(",")]
    items = [item for item in items if item]
    if not all(_is_token(item) for item in items):
        raise UnparsableListError(text)
    return items


def _trim(value: str) -> str:
    # Fetch, header value, "normalize": HTTP whitespace at both ends goes.
    return value.strip(" \t\r\n")


def _is_token(text: str) -> bool:
    return text != "" and all(character in TOKEN_CHARACTERS for character in text)


def _has_unsafe_character(value: str) -> bool:
    return any((c < " " and c != "\t") or c in UNSAFE_CHARACTERS for c in value)


def _essence(value: str) -> str | None:
    # MIME Sniffing, "parse a MIME type"; parameters never make it fail.
    kind, slash, subtype = value.partition(";")[0].rstrip(" \t\r\n").partition("/")
    return f"{kind}/{subtype}".lower() if slash and _is_token(kind) and _is_token(subtype) else None


def _is_simple_range(value: str) -> bool:
    # Fetch, "parse a single range header value"; the safelist wants a start as well.
    unit, equals, span = value.partition("=")
    start, dash, end = span.partition("-")
    if unit != "bytes" or not equals or not dash or not _is_number(start):
        return False
    return end == "" or (_is_number(end) and int(start) <= int(end))


def _is_number(text: str) -> bool:
    return text != "" and all(character in digits for character in text)
