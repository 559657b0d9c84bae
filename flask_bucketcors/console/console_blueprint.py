"""The blueprint of the console: its URLs, and who reaches which page."""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

from flask import Blueprint, request
from werkzeug.exceptions import (
    Forbidden,
    HTTPException,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
    ServiceUnavailable,
)
from werkzeug.wrappers import Response

from flask_bucketcors.api.rules_writer import NoSuchBucket
from flask_bucketcors.console import (
    bucket_list,
    changes_page,
    history_page,
    refused_page,
    rule_form,
    rules_page,
    text_page,
    try_page,
)
from flask_bucketcors.console.assets import asset_response
from flask_bucketcors.console.form_tokens import TOKEN_FIELD, is_token
from flask_bucketcors.console.options import ConsoleAction
from flask_bucketcors.console.request_checks import (
    comes_from_console,
    is_navigation,
    is_trustworthy,
)
from flask_bucketcors.console.visit import Console, Visit, admit, page
from flask_bucketcors.core.errors import InvalidBucketName, StoreUnavailable
from flask_bucketcors.settings import CONSOLE

# Not the variable that an application's routes have: these URLs are not about its objects.
_BUCKET: Final = "bucketcors_console_bucket"
# Beside a document, a form has the rule that it was and the headers of a request, in bytes. A
# form sends most characters of a document as three bytes.
_FORM_OVERHEAD: Final = 65_536

_INSECURE: Final = (
    "The console needs https, or an address of this machine such as 127.0.0.1. By plain http, a "
    "page that somebody uploaded to a bucket of this host could read and change rules. If a proxy "
    "serves https, apply ProxyFix, so that the application knows. If nobody else can reach this "
    "host, set BUCKETCORS_CONSOLE_INSECURE to True."
)
_NOT_OPENED: Final = "Open this page in a window of its own: another page tried to load it."
_FOREIGN_FORM: Final = "Another site sent this form."
_STALE_FORM: Final = (
    "Nothing was saved. This form is more than 12 hours old, or somebody else has logged in. Go "
    "back and send the form again."
)


class _Page(NamedTuple):
    """A page of the console.

    :param name: what other pages call it.
    :param path: its URL below the console.
    :param view: gives the response to a visit; takes the variables of the path, too.
    """

    name: str
    path: str
    action: ConsoleAction
    view: Callable[..., Response]
    methods: tuple[str, ...] = ("GET",)


_READING: Final = frozenset({"GET", "HEAD"})
# So that each response is the console's. Flask would respond to OPTIONS, and Flask-CORS allow it.
_ANY_METHOD: Final = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
# Flask would redirect to a URL with other slashes, also where there is no console, and without the
# console's headers.
_AS_REQUESTED: Final[Mapping[str, Any]] = {
    "methods": _ANY_METHOD,
    "strict_slashes": False,
    "merge_slashes": False,
}
_B: Final = f"/b/<{_BUCKET}>"
_PAGES: Final = (
    _Page("buckets", "/", ConsoleAction.LIST, bucket_list.show),
    _Page("open", "/open", ConsoleAction.LIST, bucket_list.open_bucket),
    _Page("rules", f"{_B}/", ConsoleAction.READ, rules_page.show),
    _Page("try", f"{_B}/try", ConsoleAction.READ, try_page.show, ("GET", "POST")),
    _Page("refused", f"{_B}/refused", ConsoleAction.READ, refused_page.show),
    _Page("history", f"{_B}/history", ConsoleAction.READ, history_page.show),
    _Page("text", f"{_B}/text", ConsoleAction.READ, text_page.show),
    _Page("add", f"{_B}/add", ConsoleAction.WRITE, rule_form.show_add),
    _Page("edit", f"{_B}/rules/<int:number>", ConsoleAction.WRITE, rule_form.show_edit),
    _Page("changes", f"{_B}/changes", ConsoleAction.WRITE, changes_page.show, ("POST",)),
    _Page("save", f"{_B}/save", ConsoleAction.WRITE, changes_page.save, ("POST",)),
)


def make_console_blueprint(console: Console) -> Blueprint:
    """Create the blueprint; register it below the console's prefix."""
    blueprint = Blueprint(CONSOLE, __name__)
    views: dict[str, tuple[str, Callable[..., Response]]] = {
        **{each.name: (each.path, partial(_serve, console, each)) for each in _PAGES},
        "asset": ("/static/<file>", partial(_serve_asset, console)),
        "missing": ("/<path:rest>", partial(_serve_missing, console)),
    }
    for name, (path, view) in views.items():
        blueprint.add_url_rule(path, name, _named(name, view), **_AS_REQUESTED)
    return blueprint


def _named(name: str, view: Callable[..., Response]) -> Callable[..., Response]:
    """Give a view the names of a function, by which Flask-WTF knows views."""

    def serve(**variables: Any) -> Response:
        return view(**variables)

    serve.__name__ = serve.__qualname__ = name
    return serve


def _serve(console: Console, page_: _Page, **variables: Any) -> Response:
    _check_place(console)
    bucket = variables.pop(_BUCKET, None)
    try:
        _refuse_unwanted(console, page_.methods)
        visit = admit(console, page_.action, bucket)
        if not isinstance(visit, Visit):
            return visit
        _check_form(console, visit)
        _catch_up(visit)
        if bucket is not None:
            _check_bucket(visit)
        return page_.view(visit, **variables)
    except StoreUnavailable:
        return _error_page(ServiceUnavailable("The rules cannot be read or written now."))
    except HTTPException as error:
        return _error_page(error)


def _serve_asset(console: Console, file: str) -> Response:
    _check_place(console)
    found = asset_response(file) if request.method in _READING else None
    return _error_page(NotFound()) if found is None else found


def _serve_missing(console: Console, rest: str) -> Response:
    _check_place(console)
    return _error_page(NotFound())


def _check_place(console: Console) -> None:
    """Let the application respond as to any URL that it lacks, where there is no console.

    :raises NotFound: if nobody may use the console, or the host is a bucket's.
    """
    if console.options.authorize is None or console.is_bucket_host(request.environ):
        raise NotFound


def _refuse_unwanted(console: Console, methods: Collection[str]) -> None:
    """Refuse what nobody asks for who uses the console in a browser.

    :param methods: those of the page.
    :raises HTTPException: with the text for the person.
    """
    if request.method not in methods and not (request.method in _READING and "GET" in methods):
        raise MethodNotAllowed(methods)
    if not console.is_insecure_allowed and not is_trustworthy(request):
        raise Forbidden(_INSECURE)
    if not is_navigation(request):
        raise Forbidden(_NOT_OPENED)
    if request.method == "POST" and not comes_from_console(request):
        raise Forbidden(_FOREIGN_FORM)


def _check_form(console: Console, visit: Visit) -> None:
    """Refuse a form that is too large, or that the console has not made for this person."""
    if request.method != "POST":
        return
    most = 3 * console.writer.dialect.max_body_bytes + _FORM_OVERHEAD
    if request.content_length is None or request.content_length > most:
        raise RequestEntityTooLarge
    if not is_token(console.secret_keys(), visit.author, request.form.get(TOKEN_FIELD, "")):
        raise Forbidden(_STALE_FORM)


def _catch_up(visit: Visit) -> None:
    """Read what another host has saved, if the page that led here was about that.

    A load balancer may send each request to another host, faster than a change gets there.
    """
    store = visit.console.store
    shown = max(request.args.get("saved", 0, int), request.form.get("seen", 0, int))
    if shown and shown > store.revision:
        # Without it, the page is as it would be a moment earlier.
        with suppress(StoreUnavailable):
            store.catch_up()


def _check_bucket(visit: Visit) -> None:
    """Refuse a name that is no bucket's, unless rules remain under it."""
    try:
        visit.console.writer.check_bucket(visit.bucket)
    except InvalidBucketName:
        raise NotFound("No bucket can have this name.") from None
    except NoSuchBucket:
        if visit.stored is None:
            raise NotFound("The application has no bucket of this name.") from None


def _error_page(error: HTTPException) -> Response:
    """Show an error to people; a response that a hook chose stays."""
    if error.response is not None or error.code is None:
        return error.get_response()
    response = page("error.html", status=error.code, error=error)
    for name, value in error.get_headers():
        if name.lower() != "content-type":
            response.headers[name] = value
    return response
