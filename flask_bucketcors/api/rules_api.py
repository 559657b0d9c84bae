"""The ``?cors`` API: read, replace and delete the rules of a bucket, as the vendors' SDKs do.

:class:`RulesAPI` is a WSGI application and needs no framework. The middleware calls it instead of
your application, so your hooks, CSRF protection, form parsing and redirects never see a call.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, NamedTuple
from wsgiref.types import StartResponse, WSGIEnvironment

from flask_bucketcors.api.authorize import Authorize, RulesCall, ask, bodiless
from flask_bucketcors.api.bodies import check_digests, read_body
from flask_bucketcors.api.forked_workers import load_before_forks
from flask_bucketcors.api.kept_settings import keep_settings
from flask_bucketcors.api.rules_writer import BucketExists, NoSuchBucket, RulesWriter, Written
from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.dialects import Dialect, Limits, limited
from flask_bucketcors.core.errors import (
    CallRefused,
    Refusal,
    RefusedByLint,
    SettingRefused,
    StoreUnavailable,
)
from flask_bucketcors.core.grants import HeaderPairs
from flask_bucketcors.core.hosts import PublicSuffix
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.documents.from_xml import check_size, parse_xml
from flask_bucketcors.documents.to_xml import format_xml
from flask_bucketcors.interval_log import IntervalLog
from flask_bucketcors.log_fields import fields
from flask_bucketcors.settings import checked
from flask_bucketcors.signatures import (
    Keys,
    SignatureError,
    SignedRequest,
    Signer,
    find_scheme,
    has_unknown_authorization,
    verify,
)
from flask_bucketcors.signatures.failure_log import FailureLog
from flask_bucketcors.stores.checked_arguments import MAX_AUTHOR_LENGTH
from flask_bucketcors.stores.contract import Store
from flask_bucketcors.wsgi.environ import BUCKET, ERROR_CODE
from flask_bucketcors.wsgi.error_responses import error_response
from flask_bucketcors.wsgi.request_ids import response_ids

logger: Final = logging.getLogger("flask_bucketcors.api")

_ALLOW: Final = "GET, PUT, DELETE, OPTIONS"
#: If a PUT has this header, with any value, its response has the next one.
LINT: Final = "X-Bucketcors-Lint"
#: The findings of lint, as :func:`~flask_bucketcors.api.put_review.format_findings` writes it.
FINDINGS: Final = "X-Bucketcors-Findings"

_NO_KEYS: Final = (
    "every ?cors call is refused: set BUCKETCORS_ACCESS_KEYS (access_keys=), or pass an authorize "
    "hook"
)
_LINT: Final = "HTTP_" + LINT.upper().replace("-", "_")


class RulesAPI:
    """A WSGI application for ``?cors`` calls, to be passed as ``api=`` to the middleware.

    Without keys or a hook, every call is refused, which is logged. The middleware or the blueprint
    calls it, with the bucket's name in the environ.

    :param store: where the rules are. It keeps dialect, limits and strictness, so that the command
        line applies them without the application.
    :param access_keys: access key ids and their secrets, as a mapping or a function. A signed call
        is allowed, unless ``authorize`` refuses it.
    :param authorize: called with a :class:`RulesCall`; returns whether to allow it, or the name
        of the author. The hook then decides unsigned calls, too.
    :param bucket_exists: called with a name. If it returns False, the response is NoSuchBucket.
        A PUT calls it again after it has stored the rules.
    :param dialect: the name of the dialect, such as ``"cos"``, of responses to unsigned calls. A
        signed call gets its response in the dialect of its signature.
    :param limits: by dialect, the rules and bytes that a document may have, instead of the
        vendor's: ``{"oss": (20, 65536)}``.
    :param extra_methods: the methods beyond GET, PUT, POST, DELETE and HEAD that rules may have,
        such as ``["PATCH"]``; see :class:`~flask_bucketcors.Rule`.
    :param require_content_md5: whether to refuse a PUT without Content-MD5.
    :param strict: ``"dangers"`` refuses rules that :func:`~flask_bucketcors.lint` calls dangerous,
        ``"warnings"`` also those with a warning, ``"off"`` none.
    :param public_suffix, allow_credentials: see :func:`~flask_bucketcors.lint`.
    :param clock: seconds since 1970, UTC.
    :raises SettingRefused: if an argument does not have its form.
    """

    @checked
    def __init__(
        self,
        store: Store,
        *,
        access_keys: Keys | None = None,
        authorize: Authorize | None = None,
        bucket_exists: BucketExists | None = None,
        dialect: str = "cos",
        limits: Limits | None = None,
        extra_methods: Iterable[str] = (),
        require_content_md5: bool = False,
        strict: str = "off",
        public_suffix: PublicSuffix | None = None,
        allow_credentials: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = access_keys or None
        self._authorize = authorize
        methods = tuple(extra_methods)
        self._dialects = limited(limits or {}, methods)
        self._dialect = self._dialects[dialect]
        #: Writes the rules, also for the command line.
        self.writer: RulesWriter = RulesWriter(
            store=store,
            dialect=self._dialect,
            bucket_exists=bucket_exists,
            strict=strict,
            public_suffix=public_suffix,
            allow_credentials=allow_credentials,
        )
        keep_settings(
            store,
            dialect=dialect,
            limits=limits or {},
            extra_methods=methods,
            strict=strict,
            public_suffix=public_suffix,
            allow_credentials=allow_credentials,
        )
        self._require_content_md5 = require_content_md5
        self._clock = clock
        #: Whether calls may come from pages: a page cannot borrow a signature, but a hook may
        #: look at cookies, and a page must not widen its own access.
        self.cross_origin: bool = authorize is None
        self._log = IntervalLog(logger)
        self._failures = FailureLog()
        load_before_forks()

    def use_default_rules(self, rule_set: RuleSet, find: Callable[[str], RuleSet | None]) -> None:
        """Lint default rules, log what lint finds, and compare writes with them.

        :param find: gives those that apply to a bucket; None if they do not.
        :raises SettingRefused: if ``strict`` refuses them.
        """
        self.writer = replace(self.writer, find_default_rules=find)
        try:
            self.writer.review_default_rules(rule_set)
        except RefusedByLint as error:
            raise SettingRefused(f"the default rules are refused: {error}") from None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        dialect = self._dialect
        try:
            signed = SignedRequest.from_environ(environ, environ.get(BUCKET, ""), "")
            scheme = find_scheme(signed)
            dialect = self._dialects[scheme.dialect] if scheme else dialect
            response = self._respond(environ, signed, dialect)
        except Exception as error:
            return _refuse(environ, start_response, dialect, self._refusal(environ, error))
        start_response(response.status, _headers(dialect, response))
        return [response.body]

    def _respond(
        self, environ: WSGIEnvironment, signed: SignedRequest, dialect: Dialect
    ) -> "_Response":
        method, bucket = signed.method, signed.bucket
        # First, so that a URL without a bucket is refused in the same way for every method.
        if not is_bucket_name(bucket):
            raise CallRefused(Refusal.INVALID_BUCKET_NAME)
        if method == "OPTIONS":
            return _Response("200 OK", headers=(("Allow", _ALLOW),))
        if method not in ("GET", "PUT", "DELETE"):
            raise CallRefused(Refusal.METHOD_NOT_ALLOWED)
        try:
            signer, author = self._admit(environ, signed)
        except CallRefused as error:
            if isinstance(error, SignatureError) or error.code is Refusal.UNKNOWN_AUTHORIZATION:
                self._failures.write(signed, find_scheme(signed), error, _message(dialect, error))
            raise
        # Before checking the bucket: it may be deleted while the body arrives, and the next bucket
        # of that name must not get these rules.
        body = read_body(environ, dialect.max_body_bytes) if method == "PUT" else b""
        self.writer.check_bucket(bucket)
        if method == "GET":
            return _Response("200 OK", self._get(bucket, dialect))
        if method == "PUT":
            # Size first: digests are of the whole body, of which only a part was kept if it is
            # too large.
            check_size(body, dialect)
            payload = signer.payload_sha256 if signer else None
            check_digests(environ, body, payload, require_content_md5=self._require_content_md5)
            in_full = _LINT in environ
            rules = parse_xml(body, dialect)
            done = self.writer.put(bucket, rules, author, dialect=dialect, in_full=in_full)
            return _Response("200 OK", headers=_findings_header(done) if in_full else ())
        self.writer.delete(bucket, author)
        return _Response("204 No Content")

    def _admit(
        self, environ: WSGIEnvironment, signed: SignedRequest
    ) -> tuple[Signer | None, str | None]:
        """Determine who signed the call, and the author; None if it is unsigned or unknown.

        A name that is too long for a store is cut, because no label should stop a write.

        :raises CallRefused: if the signature is invalid, or the call is not allowed.
        """
        signer = None
        if self._keys is not None:
            signer = verify(signed, self._keys, now=self._clock(), must_sign=("cors",))
        requester = signer.access_key_id if signer else None
        author = requester
        if self._authorize is not None:
            call = RulesCall(signed.bucket, signed.method, requester, bodiless(environ))
            verdict = ask(self._authorize, call)
            if not verdict.allowed:
                raise CallRefused(Refusal.ACCESS_DENIED)
            author = verdict.author or requester
        elif signer is None:
            if self._keys is None:
                self._log.write(logging.WARNING, _NO_KEYS, extra=fields("no_keys"))
            unknown = has_unknown_authorization(signed)
            raise CallRefused(Refusal.UNKNOWN_AUTHORIZATION if unknown else Refusal.ACCESS_DENIED)
        return signer, author and author[:MAX_AUTHOR_LENGTH]

    def _refusal(self, environ: WSGIEnvironment, error: Exception) -> CallRefused:
        """Turn an error into a refusal, and log it if it is not the fault of the caller."""
        if isinstance(error, CallRefused):
            return error
        if isinstance(error, NoSuchBucket):
            return CallRefused(Refusal.NO_SUCH_BUCKET)
        if isinstance(error, RefusedByLint):
            return CallRefused(Refusal.INVALID_VALUE, str(error))
        message = "?cors call on bucket %r failed"
        bucket = environ.get(BUCKET)
        said = fields("rules_call_failed", bucket=bucket, error=error)
        self._log.write(logging.ERROR, message, bucket, exc_info=True, extra=said)
        is_store = isinstance(error, StoreUnavailable)
        return CallRefused(Refusal.UNAVAILABLE if is_store else Refusal.INTERNAL_ERROR)

    def _get(self, bucket: str, dialect: Dialect) -> bytes:
        rule_set = self.writer.store.get(bucket)
        if rule_set is None:
            raise CallRefused(Refusal.NO_SUCH_RULES)
        return format_xml(rule_set, dialect)


class _Response(NamedTuple):
    status: str
    body: bytes = b""
    headers: HeaderPairs = ()


def _findings_header(done: Written) -> HeaderPairs:
    # The write has already imported this module, and lint with it.
    from flask_bucketcors.api.put_review import format_findings

    return ((FINDINGS, format_findings(done.findings)),)


def _headers(dialect: Dialect, response: _Response) -> list[tuple[str, str]]:
    headers = [("Content-Length", str(len(response.body))), *next(response_ids(dialect).series)]
    if not response.status.startswith("204"):
        headers.append(("Content-Type", dialect.content_type))
    return [*headers, *response.headers]


def _refuse(
    environ: WSGIEnvironment, start_response: StartResponse, dialect: Dialect, error: CallRefused
) -> Iterable[bytes]:
    environ[ERROR_CODE] = dialect.errors[error.code].code
    return error_response(
        environ,
        start_response,
        dialect,
        error.code,
        message=_message(dialect, error),
        headers=[("Allow", _ALLOW)] if error.code == Refusal.METHOD_NOT_ALLOWED else (),
        bucket=environ.get(BUCKET, ""),
    )


def _message(dialect: Dialect, error: CallRefused) -> str:
    message = error.message or dialect.errors[error.code].message
    # Messages of S3 have no full stop.
    return f"{message.removesuffix('.')}. {error.detail}" if error.detail else message
