"""The hot path: what runs for every request, and what runs for every response.

It is one function inside another, and longer than other functions here, because each call and
each attribute would slow it down. An unusual request raises LookupError, and is left to the
caller's ``consider``, which handles every case. The hot path decides as ``consider`` would;
``tests/test_hot_path.py`` compares the two.

Facts:

- PEP 3333: the list of headers belongs to the application, ``exc_info`` and ``write`` to the
  server; the iterable is returned as it came, so that a server can still send a file itself.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask_bucketcors.core.candidates import Candidate
from flask_bucketcors.core.decisions import Decision
from flask_bucketcors.core.resolvers import Resolver
from flask_bucketcors.wsgi.environ import DECISION
from flask_bucketcors.wsgi.error_responses import EMPTY_BODY
from flask_bucketcors.wsgi.kept_rules import Entry, is_plain_name
from flask_bucketcors.wsgi.merged_headers import Pair, merge, plain_names
from flask_bucketcors.wsgi.request_ids import IdSeries
from flask_bucketcors.wsgi.rules_cache import RulesCache

# The one form that wsgiref.validate, Werkzeug's lint and WebTest's lint all accept.
CONTENT_TYPE: Final = ("Content-Type", "text/plain")
CONTENT_LENGTH: Final = ("Content-Length", "0")

# What is known of buckets when it may be old.
NOTHING: Final[dict[str | bytes, Entry]] = {}

#: Returns who responds to a request, and which headers are added to the response; None if the
#: response stays as it is.
Consider = Callable[[WSGIEnvironment], tuple[WSGIApplication, list[Pair] | None]]
#: Responds to a preflight: decision, name of the bucket, whether the request is about the bucket
#: itself, its ``preflight_headers``, and the arguments of PEP 3333.
RespondToPreflight = Callable[
    [Decision, str, bool, tuple[str | None, str | None, str], WSGIEnvironment, StartResponse],
    Iterable[bytes],
]


def make_hot_path(
    app: WSGIApplication,
    consider: Consider,
    respond_to_preflight: RespondToPreflight,
    *,
    cache: RulesCache,
    resolver: Resolver,
    ids: IdSeries,
    passes_options: bool,
    decides_by_requested: bool,
) -> WSGIApplication:
    """Create a WSGI application that responds to usual requests at once.

    A usual request is about an object in a bucket with rules. It has no origin, or one that the
    rules spell out, or one that they refuse.

    :param consider: decides what to do with other requests.
    :param respond_to_preflight: responds to preflights of origins that no rule spells out.
    :param ids: the IDs of responses to preflights.
    :param passes_options: whether the application gets OPTIONS requests that are not preflights.
    :param decides_by_requested: see :class:`~flask_bucketcors.core.dialects.Dialect`.
    """
    clock, name_bucket = cache.clock, resolver.name_bucket
    by_path = resolver.is_plain_path

    def find_or_consider(
        environ: WSGIEnvironment, missing: str | None
    ) -> tuple[WSGIApplication, list[Pair] | None]:
        # Here, since each variable that the hot path shares with this function slows it down.
        found = None if missing is None else find_entry(cache, resolver, missing)
        return consider(environ) if found is None else (partial(respond_first, found), None)

    def respond_first(
        found: Entry, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        was_used = found.used
        response = hot_path(environ, start_response)
        # The first request of a bucket leaves no mark.
        found.used = was_used
        return response

    def hot_path(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        pairs: list[Pair] | None
        bucket: Any
        responder = app
        bucket = None
        try:
            generation = cache.generation
            if generation.signal == generation.seen and clock() < generation.until:
                by_bucket = generation.by_bucket
            else:
                by_bucket = NOTHING
        except Exception:
            # A store's signal may raise anything. The cache logs it.
            by_bucket = NOTHING
        try:
            path = environ["PATH_INFO"]
            if ".." in path:
                raise LookupError
            if by_path:
                # "/bucket/key", where the key does not begin with another slash. The first look at
                # the key is the faster one: only characters before "0" need another.
                try:
                    empty, bucket, key = path.split("/", 2)
                except ValueError:
                    raise LookupError from None
                if empty != "" or (key < "0" and key[0] == "/"):
                    raise LookupError
            else:
                bucket = name_bucket(path, environ["HTTP_HOST"])
            entry = by_bucket[bucket]
            entry.used = True
            if "HTTP_ORIGIN" in environ:
                origin = environ["HTTP_ORIGIN"]
                method = environ["REQUEST_METHOD"]
                # A Pending, which is no Candidate, raises LookupError when it is used as one.
                known = entry.first if origin == entry.origin else entry.by_origin.get(origin)
                candidate: Candidate | None = known  # type: ignore[assignment]
                if method == "OPTIONS":
                    pairs = granted = refused = None
                    method = environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"]
                    headers = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
                    while candidate is not None and method not in candidate.methods:
                        candidate = candidate.next
                    if candidate is None:
                        sent = (origin, method, headers)
                        if known is None and entry.refused is not None:
                            refused = entry.refused.preflight
                        else:
                            refused = entry.rules.preflight(*sent)
                        environ[DECISION] = refused
                    else:
                        granted = [
                            CONTENT_TYPE,
                            CONTENT_LENGTH,
                            *(candidate.own_pairs or candidate.make_own_pairs(origin)),
                            *candidate.preflights[headers],
                            *next(ids.series),
                        ]
                elif decides_by_requested and asks_for_more(environ):
                    raise LookupError
                elif known is None and entry.refused is not None:
                    environ[DECISION] = entry.refused.actual
                    pairs = entry.without_origin
                else:
                    while candidate is not None and method not in candidate.methods:
                        candidate = candidate.next
                    if candidate is None:
                        decision = entry.rules.actual(origin, method)
                        pairs = list(decision.headers)
                    elif candidate.decision is None:
                        decision = candidate.decide(origin)
                        pairs = list(decision.headers)
                    else:
                        decision = candidate.decision
                        pairs = candidate.added_headers
                    environ[DECISION] = decision
            elif passes_options or environ["REQUEST_METHOD"] != "OPTIONS":
                pairs = entry.without_origin
            else:
                raise LookupError
        except LookupError:
            granted = refused = None
            responder, pairs = find_or_consider(environ, None if bucket in by_bucket else bucket)
        if pairs is None:
            if refused is not None:
                return respond_to_preflight(refused, bucket, False, sent, environ, start_response)
            if granted is None:
                return responder(environ, start_response)
            start_response("200 OK", granted)
            return EMPTY_BODY

        # Without annotations, which would be evaluated for each response, and with defaults in
        # place of variables that both functions share, which would slow down both.
        def start_decorated(  # type: ignore[no-untyped-def]
            status,
            headers,
            exc_info=None,
            pairs=pairs,
            start_response=start_response,
            plain_names=plain_names,
        ):
            try:
                added = headers + pairs
            except TypeError:
                # Not the list that PEP 3333 requires, but servers may accept it.
                added = merge(list(headers), pairs)
            else:
                for name, _ in headers:
                    if name not in plain_names:
                        added = merge(headers, pairs)
                        break
            if exc_info is None:
                return start_response(status, added)
            return start_response(status, added, exc_info)

        return responder(environ, start_decorated)

    return hot_path


def find_entry(cache: RulesCache, resolver: Resolver, bucket: str) -> Entry | None:
    """Read a bucket that is not in memory, or may have changed.

    :param bucket: its name, as PEP 3333 passes it.
    :returns: None if the hot path would not find it, so that the request has to be considered.
    """
    # Other names might be spelt differently in the store.
    if not is_plain_name(bucket) or not resolver.may_be_bucket(bucket):
        return None
    entry = cache.find(bucket, bucket)
    generation = cache.generation
    if entry is None or generation.by_bucket.get(bucket) is not entry:
        return None
    try:
        is_fresh = generation.signal == generation.seen and cache.clock() < generation.until
    except Exception:
        return None
    return entry if is_fresh else None


def asks_for_more(environ: WSGIEnvironment) -> bool:
    """Whether a request names a method or headers, as a preflight does."""
    return (
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        or "HTTP_ACCESS_CONTROL_REQUEST_HEADERS" in environ
    )
