"""The middleware: answers preflights, and decorates every other answer of a bucket.

It wraps any WSGI application and knows no framework. It never refuses a request but a
preflight: bucket rules tell browsers what pages may read, they are not access control.

Facts:

- Fetch, "CORS-preflight fetch": a preflight carries no credentials and may not be redirected,
  so it is answered here, before the application's authentication and routes.
- PEP 3333: the list of headers belongs to the application, ``exc_info`` and ``write`` to the
  server; the iterable is returned as it came, so that a server can still send a file itself.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask_bucketcors.answers import answer_error, request_ids
from flask_bucketcors.buckets import BucketFunction, Resolver, make_resolver
from flask_bucketcors.cache import RulesCache
from flask_bucketcors.core.compiled import (
    VARY,
    ClosedRules,
    CompiledRules,
    HeaderPairs,
    Reason,
    VaryMode,
)
from flask_bucketcors.core.dialects import find_dialect
from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.stores import Store

#: Keys of the environ under which the application finds what was learnt about a request:
#: the bucket's name, and the :class:`~flask_bucketcors.core.compiled.Decision`.
BUCKET: Final = "flask_bucketcors.bucket"
DECISION: Final = "flask_bucketcors.decision"

CACHED_BUCKETS: Final = 100_000

# An application may hold itself, or make up attributes; a real stack is not that high.
MAX_LAYERS: Final = 100

PLAIN_OPTIONS: Final = ("app", "refuse")
NO_RULES: Final = ("refuse", "pass")

Rules = CompiledRules | ClosedRules

_CORS_PREFIX: Final = "access-control-"
_PREFIX_LENGTH: Final = len(_CORS_PREFIX)
_RULES_CALL: Final = ClosedRules(Reason.RULES_CALL)


class BucketCORSMiddleware:
    """A WSGI application with the CORS rules of its buckets.

    :param app: the WSGI application.
    :param store: where the rules are; see :class:`flask_bucketcors.stores.Store`.
    :param api: WSGI application for ``?cors`` calls on buckets, such as a
        :class:`~flask_bucketcors.api.RulesAPI`; without one they are answered 501. The
        wrapped application never gets them: to it, ``DELETE /bucket?cors`` would mean the
        bucket.
    :param buckets: function of the environ that says which bucket a request is about; see
        :data:`~flask_bucketcors.buckets.BucketFunction`. By default the first segment of the
        path does.
    :param host_suffixes: host names below which each bucket has its own name.
    :param url_prefix: path below which the buckets are.
    :param dialect: whose forms answers take: ``"cos"``.
    :param vary: ``"safe"`` or ``"vendor"``; see :class:`~flask_bucketcors.core.compiled.VaryMode`.
    :param allow_credentials: whether answers that name the origin allow credentials.
    :param plain_options: what becomes of an OPTIONS without Origin or requested method:
        ``"app"`` passes it on, ``"refuse"`` answers it like a refused preflight.
    :param no_rules: what becomes of a preflight for a bucket without rules: ``"refuse"``
        answers it, ``"pass"`` hands it to the application.
    :param api_cross_origin: whether ``?cors`` calls take part in CORS themselves. None leaves it
        to the API's ``cross_origin``: a :class:`~flask_bucketcors.RulesAPI` says yes as long as
        signatures alone decide there; one that does not say so does not.
    :param cached_buckets: how many buckets' compiled rules to keep in memory.
    :raises ValueError: if an argument is not one of those named, or ``app`` is wrapped already.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        store: Store,
        api: WSGIApplication | None = None,
        buckets: BucketFunction | None = None,
        host_suffixes: Iterable[str] = (),
        url_prefix: str = "",
        dialect: str = "cos",
        vary: str = "safe",
        allow_credentials: bool = True,
        plain_options: str = "app",
        no_rules: str = "refuse",
        api_cross_origin: bool | None = None,
        cached_buckets: int = CACHED_BUCKETS,
    ) -> None:
        if find_layer(app, BucketCORSMiddleware) is not None:
            raise ValueError("the application is wrapped in BucketCORSMiddleware already")
        router = find_layer(app, RulesCallRouter)
        self.app = app
        self.api = router.api if api is None and router is not None else api
        self.resolve = make_resolver(buckets, host_suffixes=host_suffixes, url_prefix=url_prefix)
        self._dialect = find_dialect(dialect)
        self._vary = VaryMode(_one_of("vary", vary, VaryMode))
        self._without_rules = ClosedRules(Reason.NO_RULES, vary=self._vary)
        self._allow_credentials = _flag("allow_credentials", allow_credentials)
        self._plain_options = _one_of("plain_options", plain_options, PLAIN_OPTIONS)
        self._no_rules = _one_of("no_rules", no_rules, NO_RULES)
        self._api_cross_origin = (
            None if api_cross_origin is None else _flag("api_cross_origin", api_cross_origin)
        )
        self._rules = RulesCache(store, self._compile, cached_buckets=cached_buckets)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        resolved = self.resolve(environ)
        # A second middleware further in leaves the answer to the one that saw it first.
        if resolved is None or BUCKET in environ:
            return self.app(environ, start_response)
        environ[BUCKET] = bucket = resolved[0]
        is_rules_call = resolved[1] and names_rules(environ)
        closed = is_rules_call and not self._is_api_cross_origin()
        rules = _RULES_CALL if closed else self._rules.get(bucket)
        if environ["REQUEST_METHOD"] == "OPTIONS" and self._keeps_options(environ, rules):
            return self._preflight(environ, start_response, rules or self._without_rules)
        if rules is not None:
            start_response = _decorated(environ, start_response, rules)
        if is_rules_call:
            return self._answer_rules_call(environ, start_response)
        return self.app(environ, start_response)

    def _is_api_cross_origin(self) -> bool:
        # Asked for at each call: a blueprint may bring the API later.
        if self._api_cross_origin is None:
            return self.api is None or bool(getattr(self.api, "cross_origin", False))
        return self._api_cross_origin

    def _compile(self, rule_set: RuleSet) -> CompiledRules:
        return CompiledRules(
            rule_set,
            self._dialect,
            vary=self._vary,
            allow_credentials=self._allow_credentials,
        )

    def _keeps_options(self, environ: WSGIEnvironment, rules: Rules | None) -> bool:
        """Whether an OPTIONS request is answered here and not by the application."""
        if rules is None and self._no_rules == "pass":
            return False
        return is_preflight(environ) or self._plain_options == "refuse"

    def _preflight(
        self, environ: WSGIEnvironment, start_response: StartResponse, rules: Rules
    ) -> Iterable[bytes]:
        environ[DECISION] = decision = rules.preflight(
            environ.get("HTTP_ORIGIN", ""),
            environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", ""),
            environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", ""),
        )
        if not decision.allowed:
            unreadable = decision.reason is Reason.UNREADABLE
            code = Refusal.UNAVAILABLE if unreadable else Refusal.PREFLIGHT_REFUSED
            return self._error(environ, start_response, code, decision.headers)
        # The one form that wsgiref.validate, Werkzeug's lint and WebTest's lint all accept.
        start_response(
            "200 OK",
            [
                ("Content-Type", "text/plain"),
                ("Content-Length", "0"),
                *decision.headers,
                (self._dialect.request_id_header, request_ids.next()),
            ],
        )
        return []

    def _answer_rules_call(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        if self.api is None:
            return self._error(environ, start_response, Refusal.NOT_IMPLEMENTED)
        return self.api(environ, start_response)

    def _error(
        self,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        code: Refusal,
        headers: HeaderPairs = (),
    ) -> Iterable[bytes]:
        return answer_error(environ, start_response, self._dialect, code, headers=headers)


class RulesCallRouter:
    """Sends ``?cors`` calls on buckets to the API, and everything else to the application.

    It is the half of the middleware that an application needs which serves the API alone.
    """

    def __init__(self, app: WSGIApplication, api: WSGIApplication, resolve: Resolver) -> None:
        self.app = app
        self.api = api
        self._resolve = resolve

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        resolved = self._resolve(environ)
        if resolved is None or not resolved[1] or not names_rules(environ):
            return self.app(environ, start_response)
        environ[BUCKET] = resolved[0]
        return self.api(environ, start_response)


_Layer = TypeVar("_Layer")


def find_layer(app: object, kind: type[_Layer]) -> _Layer | None:
    """Find a layer of a stack of WSGI applications.

    Middlewares of Werkzeug and of this package keep what they wrap as ``app``, Flask as
    ``wsgi_app``; what is behind one that does neither is out of sight.
    """
    for _ in range(MAX_LAYERS):
        if isinstance(app, kind):
            return app
        app = getattr(app, "app", None) or getattr(app, "wsgi_app", None)
    return None


def is_preflight(environ: WSGIEnvironment) -> bool:
    """Whether an OPTIONS request is a preflight (Fetch, "CORS protocol": it has both headers)."""
    return "HTTP_ORIGIN" in environ and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


def names_rules(environ: WSGIEnvironment) -> bool:
    """Whether the query names the rules of a bucket: ``?cors``, ``?cors=``, alone or not."""
    query = environ.get("QUERY_STRING", "")
    if "cors" not in query and "%" not in query:
        return False
    return any(name == "cors" for name, _ in parse_qsl(query, keep_blank_values=True))


def _decorated(
    environ: WSGIEnvironment, start_response: StartResponse, rules: Rules
) -> StartResponse:
    """Wrap ``start_response``; what it adds is decided now, before the application runs."""
    origin = environ.get("HTTP_ORIGIN")
    pairs: HeaderPairs = ()
    if origin is not None:
        environ[DECISION] = decision = rules.actual(origin, environ["REQUEST_METHOD"])
        pairs = decision.headers
    varies = rules.varies

    def decorate(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        # A new list: the application may use its own again. Its CORS headers give way.
        kept = [pair for pair in headers if pair[0][:_PREFIX_LENGTH].lower() != _CORS_PREFIX]
        if varies:
            _add_vary(kept)
        kept.extend(pairs)
        if exc_info is None:
            return start_response(status, kept)
        return start_response(status, kept, exc_info)

    return decorate


def _add_vary(headers: list[tuple[str, str]]) -> None:
    """Have ``Vary`` name the origin, beside what the application names there."""
    for index, (name, value) in enumerate(headers):
        # The length first: it spares most names from being copied.
        if len(name) == 4 and name.lower() == "vary" and value.strip():
            names = {each.strip().lower() for each in value.split(",")}
            if names.isdisjoint(("*", "origin")):
                headers[index] = (name, f"{value}, Origin")
            return
    headers.append((VARY, "Origin"))


def _one_of(name: str, value: str, allowed: Iterable[str]) -> str:
    choices = tuple(map(str, allowed))
    if value not in choices:
        raise ValueError(f"{name} is {value!r}: write one of {', '.join(map(repr, choices))}")
    return value


def _flag(name: str, value: bool) -> bool:
    # The text "False" is true.
    if not isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}: write True or False")
    return value
