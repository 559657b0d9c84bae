"""Causes that only a response shows: those that are not in the rules."""

from typing import Final

from flask_bucketcors.analysis.evidence.response import (
    Seen,
    is_cached,
    is_decided,
    is_duplicated,
    is_fetched_by_cdn,
    is_from_cdn,
    is_from_proxy,
    is_own,
    lists_preflight_response,
    seen_origin,
    varies,
)
from flask_bucketcors.analysis.evidence.said import BEYOND_RULES, Said
from flask_bucketcors.analysis.explainer.case import Case
from flask_bucketcors.analysis.explainer.origin_nearness import NOT_NEAR, origin_differences
from flask_bucketcors.analysis.mistakes import Cause
from flask_bucketcors.core.browser import (
    Failure,
    cors_failure,
    passes_cors_check,
    passes_preflight,
)
from flask_bucketcors.core.headers import ALLOW_ORIGIN
from flask_bucketcors.core.wildcards import ANY

# The status of a preflight that rules refuse.
_BY_RULES: Final = 403
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


def before_rules(case: Case) -> list[Cause]:
    """What stops a request before the rules, which refuse it too, can."""
    seen = case.seen
    if is_duplicated(seen):
        return [Cause.DUPLICATE_HEADERS]
    # Anything else may be how a refusal by rules looks from outside.
    redirected = seen.says(Said.REDIRECT)
    if not case.is_about_preflight or (seen.status in (None, _BY_RULES) and not redirected):
        return []
    if is_from_cdn(seen) and not _is_fine(case):
        return [Cause.CDN_RESPONDED]
    return [_refusing(seen)] if _is_refusal(seen) else []


def after_rules(case: Case) -> list[Cause]:
    """What may stop the request once the rules no longer refuse it."""
    seen = case.seen
    # An application behind a CDN refuses without an id, but with this Vary.
    from_cdn = is_from_cdn(seen) and not is_decided(seen) and not _is_fine(case)
    return [Cause.CDN_RESPONDED] if from_cdn else []


def instead_of_rules(case: Case) -> list[Cause]:
    """Why a request fails that the rules allow; empty if nothing that was seen is wrong."""
    seen = case.seen
    if is_duplicated(seen):
        return [Cause.DUPLICATE_HEADERS]
    if not seen.is_known or _is_fine(case):
        # What cannot be read may be the reason; what the rules expose could not be read either.
        is_exposed = seen.says(Said.UNEXPOSED) and case.exchange.passes
        return [Cause.OTHER] if seen.is_unread or is_exposed else []
    if seen.has_failed or seen.says(*BEYOND_RULES):
        return [Cause.OTHER]
    if _comes_from_cache(case):
        return [Cause.VARY_MISSING]
    if is_from_cdn(seen):
        return [Cause.CDN_RESPONDED]
    if _is_refusal(seen):
        return [_refusing(seen)]
    if is_fetched_by_cdn(seen) and seen.value(ALLOW_ORIGIN) is None:
        # It asked the storage just now and did not pass on the Origin.
        return [Cause.CDN_RESPONDED]
    return _without_refusal(case)


def _refusing(seen: Seen) -> Cause:
    return Cause.CDN_RESPONDED if is_from_proxy(seen) else Cause.APP_REFUSED


def _without_refusal(case: Case) -> list[Cause]:
    seen = case.seen
    if any(each.said is Said.HEADER and "_" in each.value for each in seen.complaints):
        # The rules allow it and never saw it: servers drop such names on the way.
        return [Cause.HEADER_UNDERSCORE]
    if _holds_old_preflight(case):
        return [Cause.MAX_AGE_CACHED]
    if _was_made_for_another(case):
        return [Cause.VARY_MISSING]
    if _is_by_app(case):
        return [Cause.APP_REFUSED]
    differing = _differing_origin(case)
    if differing:
        return differing
    if is_from_proxy(seen) or _is_by_somebody(case):
        return [Cause.CDN_RESPONDED]
    return [Cause.OTHER]


def _is_fine(case: Case) -> bool:
    """Whether nothing that was seen stops a browser."""
    seen, request = case.seen, case.request
    if seen.has_failed or (seen.complaints and not _complains_of_exposing_only(seen)):
        return False
    if case.is_about_preflight and seen.status is not None and not 200 <= seen.status <= 299:
        return False
    if seen.pairs is None:
        return not _is_refusal(seen)
    if not _passes_check(case):
        return False
    if not (case.is_about_preflight and lists_preflight_response(seen)):
        return not _is_refusal(seen)
    return passes_preflight(
        request.origin, request.method, request.headers, request.credentials, seen.pairs
    )


def _complains_of_exposing_only(seen: Seen) -> bool:
    return all(each.said is Said.UNEXPOSED for each in seen.complaints)


def _is_refusal(seen: Seen) -> bool:
    if seen.says(Said.STATUS, Said.REDIRECT):
        return True
    status = seen.status
    return status is not None and (status >= 400 or status in _REDIRECTS)


def _comes_from_cache(case: Case) -> bool:
    """Whether a cache sent a response that the storage made for another page."""
    seen = case.seen
    if varies(seen) or _is_refusal(seen):
        return False
    if is_cached(seen) and (is_own(seen) or not is_from_cdn(seen)):
        return True
    return _is_of_another_origin(case)


def _is_of_another_origin(case: Case) -> bool:
    """Whether the response names another origin that the rules allow too."""
    value = seen_origin(case.seen)
    return (
        value not in (None, "", ANY, case.request.origin)
        and not varies(case.seen)
        and case.allows(value or "")
    )


def _was_made_for_another(case: Case) -> bool:
    """Whether the response to the request itself looks made for a request without Origin."""
    seen = case.seen
    if case.is_about_preflight or varies(seen):
        return False
    absent = seen.says(Said.NO_ALLOW_ORIGIN) or (
        seen.pairs is not None and seen.value(ALLOW_ORIGIN) is None
    )
    kept = case.request.is_cacheable and not is_from_proxy(seen)
    return (absent and kept) or _is_of_another_origin(case)


def _is_by_app(case: Case) -> bool:
    """Whether an application responded to a preflight itself, as frameworks do to OPTIONS."""
    seen = case.seen
    known = case.is_about_preflight and seen.pairs is not None and not is_own(seen)
    if not known or seen.value(ALLOW_ORIGIN) is not None:
        return False
    return seen.value("Allow") is not None or not is_from_proxy(seen)


def _is_by_somebody(case: Case) -> bool:
    """Whether a response of good status lacks what storage adds by these rules."""
    seen = case.seen
    bare = seen.pairs is None and seen.says(Said.NO_ALLOW_ORIGIN)
    return bare and seen.status is not None


def _passes_check(case: Case) -> bool:
    request = case.request
    return passes_cors_check(request.origin, request.credentials, case.seen.pairs or ())


def _holds_old_preflight(case: Case) -> bool:
    """Whether what was seen is by earlier rules, and the browser still keeps it."""
    seen = case.seen
    age = seen.max_age if seen.max_age is not None else case.max_age
    if not case.is_about_preflight or age == 0 or is_from_proxy(seen):
        return False
    if seen.says(Said.METHOD, Said.HEADER) or (seen.complaints and _passes_check(case)):
        return True
    if seen.says(Said.NO_ALLOW_ORIGIN) and seen.pairs is None and seen.status is None:
        return bool(age)
    return lists_preflight_response(seen) and _passes_check(case)


def _differing_origin(case: Case) -> list[Cause]:
    """What differs between the page's origin and the one in the response."""
    seen, request = case.seen, case.request
    value = seen_origin(seen)
    pairs = [(ALLOW_ORIGIN, value or "")]
    failure = cors_failure(request.origin, request.credentials, pairs)
    if seen.says(Said.WILDCARD) or failure is Failure.CREDENTIALS_WILDCARD:
        return [Cause.CREDENTIALS_WILDCARD]
    if not value or failure is not Failure.OTHER_ORIGIN:
        return []
    causes = origin_differences(value, request.origin)
    return [] if causes == NOT_NEAR else list(causes)
