"""The middleware: answers preflights, and decorates every other answer of a bucket.

It wraps any WSGI application and knows no framework. It refuses nothing but preflights, other
OPTIONS where ``plain_options`` says so, and ``?cors`` calls where there is no API for them
(501): bucket rules tell browsers what pages may read, they are not access control.

Fact (Fetch, "CORS-preflight fetch"): a preflight carries no credentials and may not be
redirected, so it is answered here, before the application's authentication and routes.
"""

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask_bucketcors.core.compiled import ClosedRules, CompiledRules, Decision, Reason
from flask_bucketcors.core.dialects import find_dialect
from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.core.fields import METHODS
from flask_bucketcors.core.grants import VaryMode
from flask_bucketcors.core.headers import parse_requested_headers
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.settings import CACHED_BUCKETS, check
from flask_bucketcors.stores import Store
from flask_bucketcors.wsgi.error_responses import (
    EMPTY_BODY,
    answer_error,
    names_bucket,
    requested_method,
)
from flask_bucketcors.wsgi.hot_path import CONTENT_LENGTH, CONTENT_TYPE, DECISION, make_hot_path
from flask_bucketcors.wsgi.merged_headers import Pair
from flask_bucketcors.wsgi.request_ids import answer_ids
from flask_bucketcors.wsgi.reserved import FindReserved, Reserved
from flask_bucketcors.wsgi.resolvers import BUCKET, BucketFunction, Kind, Resolved, make_resolver
from flask_bucketcors.wsgi.rules_cache import Rules, RulesCache
from flask_bucketcors.wsgi.rules_calls import (
    RulesCallRouter,
    answer_version,
    asks_for_version,
    find_layer,
    names_rules,
)


class BucketCORSMiddleware:
    """A WSGI application with the CORS rules of its buckets.

    :param app: the WSGI application.
    :param store: where the rules are; see :class:`~flask_bucketcors.Store`.
    :param api: WSGI application for ``?cors`` calls on buckets, such as a
        :class:`~flask_bucketcors.RulesAPI`; without one they are answered 501. The
        wrapped application never gets them: to it, ``DELETE /bucket?cors`` would mean the
        bucket.
    :param buckets: function of the environ that says which bucket a request is about; see
        :data:`~flask_bucketcors.BucketFunction`. By default the first segment of the
        path does.
    :param host_suffixes: host names below which each bucket has its own name.
    :param url_prefix: path below which the buckets are.
    :param reserved: first segments of paths that are the application's own, such as
        ``["api", "static"]``: no bucket has one of these names, and no object on a bucket's
        host begins with one. ``buckets`` decides without them.
    :param dialect: the name of the dialect of responses, such as ``"cos"``.
    :param vary: ``"safe"`` or ``"vendor"``; see :class:`~flask_bucketcors.VaryMode`.
    :param allow_credentials: whether answers that name the origin allow credentials.
    :param plain_options: what becomes of an OPTIONS without Origin or requested method:
        ``"app"`` passes it on, ``"refuse"`` answers it like a refused preflight.
    :param no_rules: what becomes of a preflight for a bucket without rules: ``"refuse"``
        answers it, ``"pass"`` hands it to the application.
    :param api_cross_origin: whether ``?cors`` calls take part in CORS themselves. None leaves it
        to the API's ``cross_origin``: a :class:`~flask_bucketcors.RulesAPI` says yes as long as
        signatures alone decide there; one that does not say so does not.
    :param cached_buckets: how many buckets' compiled rules to keep in memory.
    :raises SettingRefused: if an argument does not have its form.
    :raises ValueError: if ``app`` is wrapped already.
    """

    # Not a method: Python takes longer to call an object by a method of its class.
    __slots__ = ("__call__", "__dict__", "__weakref__")

    if TYPE_CHECKING:

        def __call__(
            self, environ: WSGIEnvironment, start_response: StartResponse
        ) -> Iterable[bytes]: ...

    def __init__(
        self,
        app: WSGIApplication,
        *,
        store: Store,
        api: WSGIApplication | None = None,
        buckets: BucketFunction | None = None,
        host_suffixes: Iterable[str] = (),
        url_prefix: str = "",
        reserved: Iterable[str] | FindReserved = (),
        dialect: str = "cos",
        vary: str = "safe",
        allow_credentials: bool = True,
        plain_options: str = "app",
        no_rules: str = "refuse",
        api_cross_origin: bool | None = None,
        cached_buckets: int = CACHED_BUCKETS,
    ) -> None:
        check(
            app=app,
            store=store,
            api=api,
            buckets=buckets,
            host_suffixes=host_suffixes,
            url_prefix=url_prefix,
            reserved=reserved,
            dialect=dialect,
            vary=vary,
            allow_credentials=allow_credentials,
            plain_options=plain_options,
            no_rules=no_rules,
            api_cross_origin=api_cross_origin,
            cached_buckets=cached_buckets,
        )
        if find_layer(app, BucketCORSMiddleware) is not None:
            raise ValueError("the application is wrapped in BucketCORSMiddleware already")
        inside = getattr(find_layer(app, RulesCallRouter), "api", None)
        self.api = inside if api is None else api
        self.resolve = make_resolver(
            buckets,
            host_suffixes=host_suffixes,
            url_prefix=url_prefix,
            find_reserved=partial(self._find_reserved, reserved, url_prefix),
        )
        self._dialect = find_dialect(dialect)
        self._vary = VaryMode(vary)
        self._without_rules = self._closed_rules(Reason.NO_RULES)
        self._rules_call = self._closed_rules(Reason.RULES_CALL)
        self._dot_segment = self._closed_rules(Reason.DOT_SEGMENT)
        self._allow_credentials = allow_credentials
        self._plain_options = plain_options
        self._no_rules = no_rules
        self._api_cross_origin = api_cross_origin
        self._rules = RulesCache(
            store,
            self._compile,
            cached_buckets=cached_buckets,
            make_closed=partial(self._closed_rules, Reason.UNREADABLE),
        )
        self.wrap(app)

    def wrap(self, app: WSGIApplication) -> None:
        """Have ``app`` in the place of the application."""
        self.app = app
        hot_path = make_hot_path(
            app,
            self._consider,
            self._answer_preflight,
            cache=self._rules,
            resolver=self.resolve,
            ids=answer_ids(self._dialect),
            passes_options=self._plain_options == "app",
            decides_by_requested=self._dialect.decides_by_requested,
        )
        # By the slot, so that a class below this one may have a method of that name.
        vars(BucketCORSMiddleware)["__call__"].__set__(self, hot_path)

    def _find_reserved(self, reserved: Iterable[str] | FindReserved, url_prefix: str) -> Reserved:
        given = reserved() if callable(reserved) else Reserved.these(reserved)
        # Asked at the first request: a blueprint knows the routes, and may come later.
        router = find_layer(self.app, RulesCallRouter)
        further = router.find_reserved(url_prefix) if router else Reserved()
        return Reserved(*map(frozenset.union, given, further))

    def _consider(self, environ: WSGIEnvironment) -> tuple[WSGIApplication, list[Pair] | None]:
        """Say who answers a request, and which headers are added to the answer."""
        resolved = self.resolve(environ)
        if resolved is None:
            return self.app, None
        is_rules_call = resolved.is_root and names_rules(environ)
        if is_rules_call:
            environ[BUCKET] = resolved.bucket
        if resolved.kind is Kind.RESERVED:
            return (self._answer_rules_call if is_rules_call else self.app), None
        rules = self._rules_for(resolved, is_rules_call)
        if environ["REQUEST_METHOD"] == "OPTIONS" and self._keeps_options(environ, rules):
            return partial(self._answer_preflight, rules or self._without_rules), None
        added = None if rules is None else self._added(environ, rules)
        if is_rules_call:
            return self._answer_rules_call, added
        if self.api is not None and asks_for_version(environ, resolved):
            return partial(answer_version, self.app), added
        return self.app, added

    def _rules_for(self, resolved: Resolved, is_rules_call: bool) -> Rules | None:
        if resolved.kind is Kind.DOT_SEGMENT:
            return self._dot_segment
        if is_rules_call and not self._is_api_cross_origin():
            return self._rules_call
        return self._rules.get(resolved.bucket)

    def _is_api_cross_origin(self) -> bool:
        # Asked for at each call: a blueprint may bring the API later.
        if self._api_cross_origin is None:
            return self.api is None or bool(getattr(self.api, "cross_origin", False))
        return self._api_cross_origin

    def _closed_rules(self, reason: Reason) -> ClosedRules:
        return ClosedRules(reason, self._dialect, vary=self._vary)

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

    def _added(self, environ: WSGIEnvironment, rules: Rules) -> list[Pair]:
        """What an actual response carries; decided before the application runs."""
        origin = environ.get("HTTP_ORIGIN")
        if origin is None:
            return rules.without_origin
        method, headers = environ["REQUEST_METHOD"], ""
        if self._dialect.decides_by_requested:
            method = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", method)
            headers = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
        environ[DECISION] = decision = rules.actual(origin, method, headers)
        return list(decision.headers)

    def _answer_preflight(
        self, rules: Rules, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        environ[DECISION] = decision = rules.preflight(
            environ.get("HTTP_ORIGIN", ""),
            environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", ""),
            environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", ""),
        )
        if not decision.allowed:
            refusal, message = _refusal(environ, decision), None
            if refusal is not _REFUSED:
                message = self._dialect.errors[refusal].message
                message = message.replace("{value}", requested_method(environ))
            return self._error(environ, start_response, refusal, decision.headers, message)
        ids = next(answer_ids(self._dialect).series)
        start_response("200 OK", [CONTENT_TYPE, CONTENT_LENGTH, *decision.headers, *ids])
        return EMPTY_BODY

    def _answer_rules_call(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        if self.api is not None:
            return self.api(environ, start_response)
        refusal = Refusal.NOT_IMPLEMENTED if environ[BUCKET] else Refusal.INVALID_BUCKET_NAME
        return self._error(environ, start_response, refusal)

    def _error(
        self,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        refusal: Refusal,
        headers: Iterable[Pair] = (),
        message: str | None = None,
    ) -> Iterable[bytes]:
        about = None
        if names_bucket(self._dialect, refusal):
            about = self.resolve(environ)
        about = about or Resolved("", True)
        return answer_error(
            environ,
            start_response,
            self._dialect,
            refusal,
            headers=headers,
            message=message,
            bucket=about.bucket,
            is_root=about.is_root,
        )


def is_preflight(environ: WSGIEnvironment) -> bool:
    """Whether an OPTIONS request is a preflight (Fetch, "CORS protocol": it has both headers)."""
    return "HTTP_ORIGIN" in environ and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


# An attribute of an enumeration takes as long as a step of the work.
_REFUSED: Final = Refusal.PREFLIGHT_REFUSED
_BY_REASON: Final = {
    Reason.UNREADABLE.value: Refusal.UNAVAILABLE,
    Reason.NO_RULES.value: Refusal.PREFLIGHT_NO_RULES,
}


def _refusal(environ: WSGIEnvironment, decision: Decision) -> Refusal:
    """Why a preflight is refused, as far as any dialect tells it (recorded answers of S3)."""
    if "HTTP_ORIGIN" not in environ and decision.reason is not Reason.UNREADABLE:
        return Refusal.PREFLIGHT_NO_ORIGIN
    if decision.reason in _BY_REASON:
        return _BY_REASON[decision.reason]
    if environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD") not in METHODS:
        return Refusal.PREFLIGHT_METHOD
    if decision.reason is Reason.HEADERS:
        headers = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
        if parse_requested_headers(headers) is None:
            return Refusal.PREFLIGHT_HEADERS
    return _REFUSED
