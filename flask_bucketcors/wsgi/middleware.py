"""The middleware: responds to preflights, and decorates every other response of a bucket.

It wraps any WSGI application and knows no framework. It refuses only preflights, other OPTIONS
requests where ``plain_options`` says so, and ``?cors`` calls where there is no API for them
(501): bucket rules tell browsers what pages may read. They are not access control.

Fact (Fetch, "CORS-preflight fetch"): a preflight carries no credentials and may not be
redirected. So the middleware responds before the application's authentication and routes.
"""

import logging
import os
from collections.abc import Iterable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.bucket_paths import ReadRoutes, without_routes
from flask_bucketcors.core.closed_rules import ClosedRules
from flask_bucketcors.core.compiled import CompiledRules
from flask_bucketcors.core.decisions import Decision, Reason
from flask_bucketcors.core.dialects import Dialect, find_dialect
from flask_bucketcors.core.errors import Refusal, SettingRefused
from flask_bucketcors.core.grants import VaryMode
from flask_bucketcors.core.outcomes import API, RULES, VERSION, Outcomes, preflight_refusal
from flask_bucketcors.core.resolvers import BucketFunction, Resolver, make_resolver
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.default_rules import DefaultRules, read_default_rules
from flask_bucketcors.log_fields import fields
from flask_bucketcors.settings import (
    CACHED_BUCKETS,
    CACHED_BYTES,
    check_hosts_only,
    check_serves_requests,
    checked,
)
from flask_bucketcors.signals import preflight_refused, send_refused
from flask_bucketcors.stores.contract import Store
from flask_bucketcors.stores.forks import ForkSafeLock
from flask_bucketcors.wsgi import health_view, preflight_log
from flask_bucketcors.wsgi.environ import BUCKET, DECISION, ERROR_CODE, read_request
from flask_bucketcors.wsgi.error_responses import EMPTY_BODY, error_response
from flask_bucketcors.wsgi.hot_path import CONTENT_LENGTH, CONTENT_TYPE, make_hot_path
from flask_bucketcors.wsgi.merged_headers import Pair
from flask_bucketcors.wsgi.observers import ObservedParts
from flask_bucketcors.wsgi.request_ids import response_ids
from flask_bucketcors.wsgi.rules_cache import RulesCache
from flask_bucketcors.wsgi.rules_calls import (
    RulesCallRouter,
    find_layer,
    log_urls,
    version_response,
)

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from flask_bucketcors.refused_lately.refusal_counter import RefusalCounter

logger: Final = logging.getLogger("flask_bucketcors.routes")

#: Why default rules are not in force, and what to do.
TOO_WIDE: Final = "default rules would apply to every URL of the application"
SAY_WHICH: Final = (
    "say which URLs are about buckets with BUCKETCORS_URL_PREFIX (url_prefix=; '/' means all), "
    "BUCKETCORS_HOST_SUFFIXES (host_suffixes=), buckets=, or BUCKETCORS_ROUTE_VARIABLE in a route"
)
_NOT_IN_FORCE: Final = "BUCKETCORS_DEFAULT_RULES is not in force: %s; %s"


class BucketCORSMiddleware:
    """A WSGI application with the CORS rules of its buckets.

    :param app: the WSGI application.
    :param store: where the rules are; see :class:`~flask_bucketcors.Store`.
    :param api: WSGI application for ``?cors`` calls on buckets, such as a
        :class:`~flask_bucketcors.RulesAPI`. Without one, such calls get 501. The
        wrapped application never gets them, because it would delete the bucket at
        ``DELETE /bucket?cors``.
    :param buckets: function that takes a :class:`~flask_bucketcors.Request` and returns
        ``(bucket, key)``, or None if the request is about no bucket. A key that is empty, or
        has only slashes, stands for the bucket itself. By default the first segment of the path
        names the bucket.
    :param host_suffixes: host names below which each bucket has its own name. On such a host, the
        whole path is the key.
    :param hosts_only: whether only hosts name buckets, and paths on other hosts do not.
    :param url_prefix: path below which the buckets are; by default all paths, unless the
        application has the blueprint of :func:`~flask_bucketcors.create_blueprint`, which reads
        its routes.
    :param reserved: first segments of paths that belong to the application, such as
        ``["api", "static"]``. No bucket has one of these names, and on a bucket's host no key
        begins with one. With ``buckets=``, nothing is reserved.
    :param dialect: the name of the dialect of responses, such as ``"cos"``.
    :param extra_methods: the ``extra_methods`` of the API. S3 has an error of its own for methods
        that no rule can have; stored rules are in force in any case.
    :param vary: ``"safe"`` or ``"vendor"``; see :class:`~flask_bucketcors.VaryMode`.
    :param allow_credentials: whether responses that name the origin allow credentials.
    :param timing_allow_origin: whether responses to actual requests carry Timing-Allow-Origin,
        so that a page that a rule allows may read their timing.
    :param default_rules: the rules of buckets that have none of their own: a
        :class:`~flask_bucketcors.RuleSet`, a document in XML or JSON, or the path of a file. They
        need ``url_prefix``, ``host_suffixes`` or ``buckets``, because otherwise they would apply to
        every URL of the application. With ``host_suffixes`` alone, they apply on hosts below a
        suffix. A :class:`~flask_bucketcors.RulesAPI` as ``api`` lints them, and may refuse them.
    :param plain_options: what to do with an OPTIONS request without Origin or requested method:
        ``"app"`` passes it to the application, ``"refuse"`` refuses it like a preflight.
    :param no_rules: what to do with a preflight for a bucket without rules, if there are no
        default rules: ``"refuse"`` refuses it, ``"pass"`` passes it to the application.
    :param api_cross_origin: whether ``?cors`` calls take part in CORS themselves. None
        uses the API's ``cross_origin``, which is True for a :class:`~flask_bucketcors.RulesAPI`
        without an ``authorize`` hook. Calls to an API without that attribute take no part.
    :param cached_buckets: for how many buckets to keep compiled rules in memory.
    :param cached_bytes: how many bytes of memory they may take, as estimated. Those of buckets
        that requests used lately stay.
    :param refusals: whether to count refused preflights for ``bucketcors refused``, in a file
        beside the database of the store; or the path of a file.
    :param metrics: whether to count decisions and calls for Prometheus, in the default registry of
        prometheus_client (extra ``metrics``); or another ``CollectorRegistry``.
    :raises SettingRefused: if an argument does not have its form.
    :raises ValueError: if ``app`` is wrapped already.
    """

    #: Counts refused preflights; None if nobody wants to know.
    refusals: "RefusalCounter | None" = None

    # Not a method, because Python calls a function in a slot faster.
    __slots__ = ("__call__", "__dict__", "__weakref__")

    if TYPE_CHECKING:

        def __call__(
            self, environ: WSGIEnvironment, start_response: StartResponse
        ) -> Iterable[bytes]: ...

    @checked
    def __init__(
        self,
        app: WSGIApplication,
        *,
        store: Store,
        api: WSGIApplication | None = None,
        buckets: BucketFunction | None = None,
        host_suffixes: Iterable[str] = (),
        hosts_only: bool = False,
        url_prefix: str = "",
        reserved: Iterable[str] = (),
        dialect: str = "cos",
        extra_methods: Iterable[str] = (),
        vary: str = "safe",
        allow_credentials: bool = True,
        timing_allow_origin: bool = False,
        default_rules: DefaultRules = None,
        plain_options: str = "app",
        no_rules: str = "refuse",
        api_cross_origin: bool | None = None,
        cached_buckets: int = CACHED_BUCKETS,
        cached_bytes: int = CACHED_BYTES,
        refusals: bool | str | os.PathLike[str] = False,
        metrics: "bool | CollectorRegistry" = False,
    ) -> None:
        if find_layer(app, BucketCORSMiddleware) is not None:
            raise ValueError("the application is wrapped in BucketCORSMiddleware already")
        check_hosts_only(hosts_only, host_suffixes)
        check_serves_requests(store)
        inside = getattr(find_layer(app, RulesCallRouter), "api", None)
        self.api: WSGIApplication | None = inside if api is None else api
        self.read_routes: ReadRoutes | None = None
        self._make_resolver = partial(
            make_resolver,
            buckets,
            host_suffixes=tuple(host_suffixes),
            hosts_only=hosts_only,
            url_prefix=url_prefix,
            reserved=tuple(reserved),
        )
        self._beginning = ForkSafeLock()
        #: Where the rules are, and the form of responses, for what explains a decision.
        self.store = store
        self.dialect: Dialect = find_dialect(dialect, extra_methods)
        self._methods = self.dialect.methods
        self.vary: VaryMode = VaryMode(vary)
        self.allow_credentials = allow_credentials
        self._plain_options = plain_options
        self._api_cross_origin = api_cross_origin
        self.count_refusals(refusals)
        self._keep_rules(timing_allow_origin, cached_buckets, cached_bytes)
        ids = response_ids(self.dialect)
        self._parts = ObservedParts(app, self._respond_to_preflight, ids)
        self._count_for_prometheus(metrics)
        says_which = buckets or host_suffixes or url_prefix or find_layer(app, RulesCallRouter)
        self._read_default_rules(default_rules, bool(says_which))
        self._make_outcomes = partial(
            Outcomes,
            find_rules=self._rules.get,
            dialect=self.dialect,
            vary=self.vary,
            plain_options=plain_options,
            no_rules=no_rules,
        )
        self.wrap(app)

    def _keep_rules(
        self, timing_allow_origin: bool, cached_buckets: int, cached_bytes: int
    ) -> None:
        compile_rules = partial(
            CompiledRules,
            dialect=self.dialect,
            vary=self.vary,
            allow_credentials=self.allow_credentials,
            timing_allow_origin=timing_allow_origin,
        )
        self._rules = RulesCache(
            self.store,
            compile_rules,
            cached_buckets=cached_buckets,
            cached_bytes=cached_bytes,
            closed=ClosedRules(Reason.UNREADABLE, self.dialect, vary=self.vary),
        )
        self._compile_default = partial(compile_rules, is_default=True)
        self._default_rules: RuleSet | None = None
        self._compiled_default: CompiledRules | None = None

    @cached_property
    def resolve(self) -> Resolver:
        """Finds the bucket of a request. It is built when it is first needed.

        Routes may be added until then, and so may a blueprint, which reads them.
        """
        router = find_layer(self.app, RulesCallRouter)
        inside = without_routes if router is None else router.read_routes
        resolver = self._make_resolver(read_routes=self.read_routes or inside)
        if self._default_rules is not None:
            if resolver.is_assumed:
                said = fields("default_rules_not_in_force")
                logger.error(_NOT_IN_FORCE, TOO_WIDE, SAY_WHICH, extra=said)
            else:
                self._rules.default = self._compiled_default
        return resolver

    @property
    def default_rules(self) -> RuleSet | None:
        """The rules of buckets without rules of their own; None if none are in force."""
        return None if self.resolve.is_assumed else self._default_rules

    def _read_default_rules(self, given: DefaultRules, says_which: bool) -> None:
        rules = read_default_rules(given)
        if rules is not None and not says_which:
            raise SettingRefused(f"{TOO_WIDE}: {SAY_WHICH}")
        if rules is not None:
            self.use_default_rules(rules)

    def use_default_rules(self, rules: RuleSet) -> None:
        """Set the rules of buckets without rules of their own, before the first request.

        They come into force with the first request, if anything says by then which URLs are about
        buckets.

        :raises SettingRefused: if the API refuses them.
        """
        self._default_rules = rules
        # One object, even if several threads build the resolver: `Outcomes` looks for it.
        self._compiled_default = self._compile_default(rules)
        self.tell_default_rules()

    def tell_default_rules(self) -> None:
        """Let the API lint the default rules, and compare writes with them.

        :raises SettingRefused: if the API refuses them.
        """
        tell = getattr(self.api, "use_default_rules", None)
        if self._default_rules is not None and tell is not None:
            tell(self._default_rules, self.find_default_rules)

    def find_default_rules(self, bucket: str) -> RuleSet | None:
        """Give the default rules in force, unless no bucket can have this name."""
        is_name = is_bucket_name(bucket) and bucket not in self.resolve.reserved.names
        return self.default_rules if is_name else None

    @cached_property
    def _outcomes(self) -> Outcomes:
        return self._make_outcomes(self.resolve, default=self._rules.default)

    def health(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond whether this host can be used: 200 or 503, with JSON that anyone may see.

        This is a WSGI application. Mount it at a path that belongs to no bucket. In Flask,
        ``BUCKETCORS_HEALTH_PATH`` does that. docs/health.md describes the response.
        """
        return health_view.respond(self.store, self._rules, environ, start_response)

    def count_refusals(
        self,
        setting: bool | str | os.PathLike[str],
        folder: str | os.PathLike[str] = "",
        key: str = "refusals",
    ) -> None:
        """Count refused preflights from now on.

        :param setting: where, or False for not at all.
        :param folder: the folder of relative paths; by default the current folder.
        :param key: the name of the setting, for the error.
        :raises SettingRefused: if the file is the database itself.
        """
        if setting is not False:
            # Most applications do without.
            from flask_bucketcors.refused_lately.refusal_places import open_counter

            self.refusals = open_counter(setting, self.store, folder, key)

    def _count_for_prometheus(self, metrics: "bool | CollectorRegistry") -> None:
        if metrics is not False:
            # Most applications do without.
            from flask_bucketcors.wsgi.prometheus_metrics import find_metrics

            found = find_metrics(metrics)
            self._parts.add(found.observe(self.dialect.name, self._rules, self.store))

    def wrap(self, app: WSGIApplication) -> None:
        """Wrap ``app`` in place of the application."""
        self.app = app
        self._parts.wrap(app)
        _CALL.__set__(self, self._begin)

    def _begin(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to the first request, and let the hot path respond to all others."""
        with self._beginning:
            # Another thread may have been first.
            if _CALL.__get__(self) == self._begin:
                log_urls(self.resolve)
                self._parts.describe_spans(self.dialect.name)
                _CALL.__set__(self, self._build_hot_path())
        respond: WSGIApplication = _CALL.__get__(self)
        return respond(environ, start_response)

    def _build_hot_path(self) -> WSGIApplication:
        return make_hot_path(
            self._parts.app,
            self._consider,
            self._parts.respond_to_preflight,
            cache=self._rules,
            resolver=self.resolve,
            ids=self._parts.ids,
            passes_options=self._plain_options == "app",
            decides_by_requested=self.dialect.decides_by_requested,
        )

    def _consider(self, environ: WSGIEnvironment) -> tuple[WSGIApplication, list[Pair] | None]:
        """Determine who responds to a request, and which headers are added to the response."""
        request = read_request(environ)
        responder, resolved, decision, headers = self._outcomes.find(
            request, self.api is not None, self._is_api_cross_origin
        )
        if decision is not None:
            environ[DECISION] = decision
        if resolved is None:
            return self._parts.app, headers
        bucket, is_root = resolved.bucket, resolved.is_root
        if responder is RULES and decision is not None:
            sent = request.preflight_headers
            respond = self._parts.respond_to_preflight
            return partial(respond, decision, bucket, is_root, sent), None
        if responder is API:
            environ[BUCKET] = bucket
            return self._respond_to_rules_call, headers
        if responder is VERSION:
            return partial(version_response, self._parts.app), headers
        return self._parts.app, headers

    def _is_api_cross_origin(self) -> bool:
        # Checked at each call, because a blueprint may add the API later.
        if self._api_cross_origin is None:
            return self.api is None or bool(getattr(self.api, "cross_origin", False))
        return self._api_cross_origin

    def _respond_to_preflight(
        self,
        decision: Decision,
        bucket: str,
        is_root: bool,
        sent: tuple[str | None, str | None, str],
        environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        reason = decision.reason
        if reason is None:
            ids = next(response_ids(self.dialect).series)
            start_response("200 OK", [CONTENT_TYPE, CONTENT_LENGTH, *decision.headers, *ids])
            return EMPTY_BODY
        if preflight_log.logger.isEnabledFor(logging.DEBUG):
            preflight_log.log_refused(reason, bucket, sent, self._rules.get)
        if self.refusals is not None:
            self.refusals.count(bucket, decision, sent)
        if preflight_refused.receivers:
            send_refused(self.store, bucket, decision, sent, environ)
        return error_response(
            environ,
            start_response,
            self.dialect,
            preflight_refusal(reason, *sent, self._methods),
            headers=decision.headers,
            bucket=bucket,
            is_root=is_root,
        )

    def _respond_to_rules_call(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        start_response = self._parts.observed_call(environ, start_response)
        if self.api is not None:
            return self.api(environ, start_response)
        bucket = environ[BUCKET]
        refusal = Refusal.NOT_IMPLEMENTED if bucket else Refusal.INVALID_BUCKET_NAME
        environ[ERROR_CODE] = self.dialect.errors[refusal].code
        return error_response(environ, start_response, self.dialect, refusal, bucket=bucket)


# The slot, so that a subclass may have a method of that name.
_CALL: Final = vars(BucketCORSMiddleware)["__call__"]
