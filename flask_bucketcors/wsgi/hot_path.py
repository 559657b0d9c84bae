"""The hot path: what runs for every request, and what runs for every answer.

It is one function inside another, and longer than others here, because at this point each
call and each attribute takes as long as a step of the work. Whatever is not usual raises, and
is left to the caller's ``consider``, which knows every case. Nothing is decided here that
``consider`` would not decide alike; ``tests/test_hot_path.py`` holds the two together.

Facts:

- PEP 3333: the list of headers belongs to the application, ``exc_info`` and ``write`` to the
  server; the iterable is returned as it came, so that a server can still send a file itself.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask_bucketcors.wsgi.error_responses import EMPTY_BODY
from flask_bucketcors.wsgi.merged_headers import Pair, merge, plain_names
from flask_bucketcors.wsgi.request_ids import Ids
from flask_bucketcors.wsgi.resolvers import Resolver
from flask_bucketcors.wsgi.rules_cache import Rules, RulesCache

#: The key of the environ under which the application finds the
#: :class:`~flask_bucketcors.core.compiled.Decision` about a request that names an origin.
DECISION: Final = "flask_bucketcors.decision"

# The one form that wsgiref.validate, Werkzeug's lint and WebTest's lint all accept.
CONTENT_TYPE: Final = ("Content-Type", "text/plain")
CONTENT_LENGTH: Final = ("Content-Length", "0")


#: Says who answers a request, and which headers are added to the answer: none for one that is
#: not touched.
Consider = Callable[[WSGIEnvironment], tuple[WSGIApplication, list[Pair] | None]]
#: Answers a preflight by a bucket's rules.
AnswerPreflight = Callable[[Rules, WSGIEnvironment, StartResponse], Iterable[bytes]]


def make_hot_path(
    app: WSGIApplication,
    consider: Consider,
    answer_preflight: AnswerPreflight,
    *,
    cache: RulesCache,
    resolver: Resolver,
    ids: Ids,
    passes_options: bool,
    decides_by_requested: bool,
) -> WSGIApplication:
    """Give a WSGI application that answers usual requests at once.

    Usual are requests about an object in a bucket whose rules are in memory and fresh, from
    no origin, from one that the rules spell out, or from one that they refuse.

    :param consider: says what to do with the others.
    :param answer_preflight: answers preflights with what the rules decide.
    :param ids: gives each preflight's answer its ids.
    :param passes_options: whether an OPTIONS that is no preflight is the application's.
    :param decides_by_requested: see :class:`~flask_bucketcors.core.dialects.Dialect`.
    """
    clock, name_bucket = cache.clock, resolver.name_bucket
    by_path = resolver.is_plain_path

    def hot_path(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        pairs: list[Pair] | None
        answerer = app
        try:
            generation = cache.generation
            if generation.signal[0] != generation.seen or clock() >= generation.until:
                raise LookupError
            path = environ["PATH_INFO"]
            if ".." in path:
                raise LookupError
            if by_path:
                # "/bucket/key", where the key does not begin with another slash.
                parts = path.split("/", 3)
                if parts[0] or not parts[2]:
                    raise LookupError
                rules = generation.by_bucket[parts[1]]
            else:
                rules = generation.by_bucket[name_bucket(environ)]
            if "HTTP_ORIGIN" in environ:
                origin = environ["HTTP_ORIGIN"]
                method = environ["REQUEST_METHOD"]
                candidate = rules.by_origin.get(origin)
                if method == "OPTIONS":
                    pairs = answer = None
                    method = environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"]
                    headers = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
                    while candidate is not None and method not in candidate.methods:
                        candidate = candidate.next
                    if candidate is None:
                        answerer = partial(answer_preflight, rules)
                    else:
                        answer = [
                            CONTENT_TYPE,
                            CONTENT_LENGTH,
                            *candidate.own_pairs,
                            *candidate.preflights[headers],
                            *next(ids.series),
                        ]
                elif decides_by_requested and asks_for_more(environ):
                    raise LookupError
                else:
                    while candidate is not None and method not in candidate.methods:
                        candidate = candidate.next
                    if candidate is None:
                        environ[DECISION] = decision = rules.actual(origin, method)
                        pairs = list(decision.headers)
                    else:
                        environ[DECISION] = candidate.decision
                        pairs = candidate.added_headers
            elif passes_options or environ["REQUEST_METHOD"] != "OPTIONS":
                pairs = rules.without_origin
            else:
                raise LookupError
        except Exception:
            answer = None
            answerer, pairs = consider(environ)
        if pairs is None:
            if answer is None:
                return answerer(environ, start_response)
            start_response("200 OK", answer)
            return EMPTY_BODY

        # Annotations would be evaluated for each answer.
        def start_decorated(status, headers, exc_info=None):  # type: ignore[no-untyped-def]
            try:
                added = headers + pairs
            except TypeError:
                # Something else than PEP 3333's list, which servers may put up with.
                added = merge(list(headers), pairs)
            else:
                for pair in headers:
                    if pair[0] not in plain_names:
                        added = merge(headers, pairs)
                        break
            if exc_info is None:
                return start_response(status, added)
            return start_response(status, added, exc_info)

        return answerer(environ, start_decorated)

    return hot_path


def asks_for_more(environ: WSGIEnvironment) -> bool:
    """Whether a request names a method or headers, as a preflight does."""
    return (
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        or "HTTP_ACCESS_CONTROL_REQUEST_HEADERS" in environ
    )
