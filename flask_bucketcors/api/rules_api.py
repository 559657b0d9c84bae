"""The ``?cors`` API: read, replace and delete the rules of a bucket, as the vendors' SDKs do.

:class:`RulesAPI` is a WSGI application that knows no framework. The middleware calls it in
place of the application, whose hooks, CSRF protection, form parsing and redirects therefore
never see a call.
"""

import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Final, NamedTuple
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.exceptions import HTTPException

from flask_bucketcors.api.bodies import check_digests, read_body
from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.dialects import Dialect, Limits, limited
from flask_bucketcors.core.errors import CallRefused, Refusal, RulesChanged, StoreUnavailable
from flask_bucketcors.core.grants import HeaderPairs
from flask_bucketcors.core.hosts import PublicSuffix
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.documents import check_size, format_xml, parse_xml
from flask_bucketcors.interval_log import IntervalLog
from flask_bucketcors.settings import check
from flask_bucketcors.signatures import (
    Keys,
    SignedRequest,
    Signer,
    find_scheme,
    has_unknown_authorization,
    verify,
)
from flask_bucketcors.stores import Store
from flask_bucketcors.wsgi.error_responses import answer_error
from flask_bucketcors.wsgi.request_ids import answer_ids
from flask_bucketcors.wsgi.resolvers import BUCKET

if TYPE_CHECKING:
    from flask_bucketcors.api.put_review import Reviewer

logger = logging.getLogger(__name__)

_ALLOW: Final = "GET, PUT, DELETE, OPTIONS"
#: With this request header, the response to a PUT has the next one. Any value will do.
LINT: Final = "X-Bucketcors-Lint"
#: The findings, as a list of RFC 9651: ``BC201;rule=1, BC312;rule=2``; ``none`` if there are none,
#: ``unknown`` if the rules could not be looked at.
FINDINGS: Final = "X-Bucketcors-Findings"

_LINT: Final = "HTTP_" + LINT.upper().replace("-", "_")


@dataclass(frozen=True, slots=True)
class RulesCall:
    """What an ``authorize`` hook is asked about.

    :param bucket: the bucket's name.
    :param method: GET, PUT or DELETE.
    :param requester: the access key id that signed the call; None if nobody did.
    :param environ: the WSGI environ, without a body to read.
    """

    bucket: str
    method: str
    requester: str | None
    environ: WSGIEnvironment


#: Whether a call may go on: True or False, or ``abort(403)``.
Authorize = Callable[[RulesCall], bool]
#: Whether there is a bucket of that name.
BucketExists = Callable[[str], bool]


class RulesAPI:
    """A WSGI application for ``?cors`` calls, to be passed as ``api=`` to the middleware.

    Without keys and hook nobody may do anything, and the log says so. It is called by the
    middleware, or a :class:`~flask_bucketcors.wsgi.rules_calls.RulesCallRouter`, which leave the
    bucket's name in the environ.

    :param store: where the rules are.
    :param access_keys: access key id to secret, as a mapping or a callable; whoever signs with
        one may do everything, unless ``authorize`` says otherwise.
    :param authorize: called with a :class:`RulesCall`; what it returns decides. With a hook,
        calls that nobody signed are its to judge as well.
    :param bucket_exists: called with a name, so that calls on other buckets are answered
        NoSuchBucket. A PUT calls it again after it has stored the rules.
    :param dialect: whose forms the answers to calls take that nobody signed: ``"cos"``,
        ``"oss"``, ``"s3"`` or ``"obs"``. Others are answered in the dialect of their signature.
    :param limits: dialect to the rules and bytes that a document may have, in place of the
        vendor's: ``{"oss": (20, 65536)}``.
    :param require_content_md5: whether PUT without Content-MD5 is refused.
    :param strict: whether rules are refused that :func:`~flask_bucketcors.lint` calls dangerous.
    :param public_suffix, allow_credentials: what lint is to know; see there.
    :param clock: seconds since 1970, UTC.
    :raises SettingRefused: if an argument does not have its form.
    """

    def __init__(
        self,
        store: Store,
        *,
        access_keys: Keys | None = None,
        authorize: Authorize | None = None,
        bucket_exists: BucketExists | None = None,
        dialect: str = "cos",
        limits: Limits | None = None,
        require_content_md5: bool = False,
        strict: bool = False,
        public_suffix: PublicSuffix | None = None,
        allow_credentials: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        check(
            store=store,
            access_keys=access_keys,
            authorize=authorize,
            bucket_exists=bucket_exists,
            dialect=dialect,
            limits=limits or {},
            require_content_md5=require_content_md5,
            strict=strict,
            public_suffix=public_suffix,
            allow_credentials=allow_credentials,
        )
        self._store = store
        self._strict = strict
        self._public_suffix = public_suffix
        self._allow_credentials = allow_credentials
        self._keys = access_keys or None
        self._authorize = authorize
        self._bucket_exists = bucket_exists
        self._dialects = limited(limits or {})
        self._dialect = self._dialects[dialect]
        self._require_content_md5 = require_content_md5
        self._clock = clock
        #: Whether calls may come from pages: a page cannot borrow a signature, but a hook may
        #: look at cookies, and a page must not widen its own access.
        self.cross_origin = authorize is None
        self._log = IntervalLog(logger)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        dialect = self._dialect
        try:
            signed = SignedRequest.from_environ(environ, environ.get(BUCKET, ""), "")
            scheme = find_scheme(signed)
            dialect = self._dialects[scheme.dialect] if scheme else dialect
            answer = self._answer(environ, signed, dialect)
        except CallRefused as error:
            return _refuse(environ, start_response, dialect, error)
        except StoreUnavailable:
            self._log_trouble(environ)
            return _refuse(environ, start_response, dialect, CallRefused(Refusal.UNAVAILABLE))
        except Exception:
            self._log_trouble(environ)
            return _refuse(environ, start_response, dialect, CallRefused(Refusal.INTERNAL_ERROR))
        start_response(answer.status, _headers(dialect, answer))
        return [answer.body]

    def _answer(
        self, environ: WSGIEnvironment, signed: SignedRequest, dialect: Dialect
    ) -> "_Answer":
        method, bucket = signed.method, signed.bucket
        # First, so that a URL which names no bucket is refused alike with every method.
        if not is_bucket_name(bucket):
            raise CallRefused(Refusal.INVALID_BUCKET_NAME)
        if method == "OPTIONS":
            return _Answer("200 OK", headers=(("Allow", _ALLOW),))
        if method not in ("GET", "PUT", "DELETE"):
            raise CallRefused(Refusal.METHOD_NOT_ALLOWED)
        signer = self._admit(environ, signed)
        requester = signer.access_key_id if signer else None
        # Before asking for the bucket: a sender may take longer than the bucket lives, and
        # the next one of its name must not get these rules.
        body = read_body(environ, dialect.max_body_bytes) if method == "PUT" else b""
        if self._bucket_exists is not None and not self._bucket_exists(bucket):
            raise CallRefused(Refusal.NO_SUCH_BUCKET)
        if method == "GET":
            return _Answer("200 OK", self._get(bucket, dialect))
        if method == "PUT":
            # The size comes before the digests, which are of the whole body and not of what
            # was kept.
            check_size(body, dialect)
            self._check_digests(environ, body, signer)
            rule_set = parse_xml(body, dialect)
            findings = self._put(environ, bucket, rule_set, dialect, requester)
            return _Answer("200 OK", headers=findings)
        self._store.delete(bucket, requester)
        return _Answer("204 No Content")

    def _admit(self, environ: WSGIEnvironment, signed: SignedRequest) -> Signer | None:
        """Give who signed the call.

        :raises CallRefused: if the signature does not hold, or whoever it is may not do this.
        """
        signer = None
        if self._keys is not None:
            signer = verify(signed, self._keys, now=self._clock(), must_sign=("cors",))
        if self._authorize is not None:
            requester = signer.access_key_id if signer else None
            call = RulesCall(signed.bucket, signed.method, requester, _bodiless(environ))
            if not _allows(self._authorize, call):
                raise CallRefused(Refusal.ACCESS_DENIED)
        elif signer is None:
            self._warn_without_keys()
            unknown = has_unknown_authorization(signed)
            raise CallRefused(Refusal.UNKNOWN_AUTHORIZATION if unknown else Refusal.ACCESS_DENIED)
        return signer

    def _warn_without_keys(self) -> None:
        if self._keys is None:
            self._log.write(
                logging.WARNING,
                "every ?cors call is refused: set BUCKETCORS_ACCESS_KEYS (access_keys=), or "
                "pass an authorize hook",
            )

    def _log_trouble(self, environ: WSGIEnvironment) -> None:
        message = "?cors call on bucket %r failed"
        self._log.write(logging.ERROR, message, environ.get(BUCKET), exc_info=True)

    def _get(self, bucket: str, dialect: Dialect) -> bytes:
        rule_set = self._store.get(bucket)
        if rule_set is None:
            raise CallRefused(Refusal.NO_SUCH_RULES)
        return format_xml(rule_set, dialect)

    @cached_property
    def _reviewer(self) -> "Reviewer":
        # Nothing else that is served needs lint, so it is loaded with the first PUT.
        from flask_bucketcors.api.put_review import Reviewer

        return Reviewer(
            public_suffix=self._public_suffix, allow_credentials=self._allow_credentials
        )

    def _put(
        self,
        environ: WSGIEnvironment,
        bucket: str,
        rule_set: RuleSet,
        dialect: Dialect,
        requester: str | None,
    ) -> HeaderPairs:
        """Store rules, and give the headers that say what is to be said of them."""
        is_asked = _LINT in environ
        if self._strict:
            self._reviewer.refuse_dangers(rule_set, dialect)
        findings = self._reviewer.review(rule_set, dialect, in_full=is_asked)
        revision = self._store.put(bucket, rule_set, requester)
        # The bucket may have been deleted since: the next one of its name must not get these rules.
        if self._bucket_exists is not None and not self._bucket_exists(bucket):
            # Later rules are those of another call, which checks them itself. Earlier ones do not
            # come back: they may be those of another call that left it to this one.
            stored = self._store.read(bucket)
            own = stored.version if stored and stored.revision == revision else None
            with suppress(RulesChanged):
                self._store.delete(bucket, requester, expected=own)
            raise CallRefused(Refusal.NO_SUCH_BUCKET)
        self._reviewer.log_findings(bucket, findings)
        return ((FINDINGS, self._reviewer.listed(findings)),) if is_asked else ()

    def _check_digests(self, environ: WSGIEnvironment, body: bytes, signer: Signer | None) -> None:
        check_digests(
            environ,
            body,
            payload_sha256=signer.payload_sha256 if signer else None,
            require_content_md5=self._require_content_md5,
        )


class _Answer(NamedTuple):
    status: str
    body: bytes = b""
    headers: HeaderPairs = ()


def _headers(dialect: Dialect, answer: _Answer) -> list[tuple[str, str]]:
    headers = [("Content-Length", str(len(answer.body))), *next(answer_ids(dialect).series)]
    if not answer.status.startswith("204"):
        headers.append(("Content-Type", "application/xml"))
    return [*headers, *answer.headers]


def _refuse(
    environ: WSGIEnvironment, start_response: StartResponse, dialect: Dialect, error: CallRefused
) -> Iterable[bytes]:
    message = error.message or dialect.errors[error.code].message
    if error.detail:
        # S3's sentences have no full stop.
        message = f"{message.removesuffix('.')}. {error.detail}"
    return answer_error(
        environ,
        start_response,
        dialect,
        error.code,
        message=message,
        headers=[("Allow", _ALLOW)] if error.code == Refusal.METHOD_NOT_ALLOWED else (),
        bucket=environ.get(BUCKET, ""),
    )


def _allows(authorize: Authorize, call: RulesCall) -> bool:
    try:
        answer: object = authorize(call)
    except HTTPException as error:
        if error.code is None or error.code >= 500:
            raise
        # abort(401) and the like are how a Flask application says no.
        return False
    if answer and answer is not True:
        # A response, a coroutine, a pair of text and status: all of them count as true.
        raise TypeError(f"the authorize hook gave {type(answer).__name__}: give True or False")
    return bool(answer)


def _bodiless(environ: WSGIEnvironment) -> WSGIEnvironment:
    # A hook that looks at request.form must not take the body away from the API.
    removed = ("HTTP_TRANSFER_ENCODING", "wsgi.input_terminated")
    kept = {key: value for key, value in environ.items() if key not in removed}
    return {**kept, "wsgi.input": BytesIO(), "CONTENT_LENGTH": "0"}
