"""Methods, headers and max-age: what is missing, what does nothing, what is refused."""

from collections.abc import Iterator
from typing import Final

from flask_bucketcors.analysis.linter.findings import Check, Finding, Witness
from flask_bucketcors.analysis.linter.subject import Subject
from flask_bucketcors.analysis.spelling.lookalikes import shown, without_invisible
from flask_bucketcors.analysis.spelling.unchecked import PlainRule, as_text
from flask_bucketcors.core.fields import problem_of
from flask_bucketcors.core.wildcards import ANY

# Seconds for which browsers keep the answer to a preflight, whatever it says. Chromium:
# services/network/public/cpp/cors/preflight_result.cc; WebKit: CrossOriginPreflightResultCache;
# Firefox: nsCORSListenerProxy.
_CHROMIUM_KEEPS: Final = 7200
_WEBKIT_KEEPS: Final = 600
_FIREFOX_KEEPS: Final = 86400
_ETAG: Final = "etag"


def header_findings(subject: Subject) -> Iterator[Finding]:
    """Look at all of the rules but their origins."""
    for index, rule in subject.written():
        for field in ("allowed_methods", "allowed_headers", "expose_headers"):
            for value in dict.fromkeys(getattr(rule, field)):
                yield from _of_value(subject, index, field, value)
        yield from _of_max_age(subject, index, rule.max_age_seconds)
        if rule.id is not None and (reason := problem_of("id", rule.id)):
            yield _refused(subject, index, "id", rule.id, reason)
        yield from _of_uploads(subject, index, rule)


def _of_value(subject: Subject, index: int, field: str, value: str) -> Iterator[Finding]:
    reason = problem_of(field, value)
    # A blank within is seen well enough.
    if without_invisible(value) != value and " " not in value.strip():
        text = f"{shown(value)} holds a character that cannot be seen."
        mend = "Delete the value and type it in by hand."
        yield _about_name(subject, Check.INVISIBLE_CHARACTER, index, field, value, text, mend)
    elif reason is not None:
        yield _refused(subject, index, field, value, reason)
    elif field == "allowed_headers" and "_" in value:
        text = f"'{value}' has an underscore; many servers drop headers with one."
        mend = f"Write '{value.replace('_', '-')}', and have the page send that."
        yield _about_name(subject, Check.UNDERSCORE, index, field, value, text, mend)


def _about_name(
    subject: Subject, check: Check, index: int, field: str, value: str, text: str, mend: str
) -> Finding:
    """Give a finding with a request that has the name as it should be."""
    origin, method, _, _ = subject.any_witness(index)
    right = without_invisible(value).replace("_", "-").replace(ANY, "example").lower()
    names = (right,) if field == "allowed_headers" else ()
    return Finding(
        check, index, text, mend, (subject.witness(origin, method, names),), field, value
    )


def _refused(subject: Subject, index: int, field: str, value: object, reason: str) -> Finding:
    text = as_text(value)
    return Finding(
        Check.REFUSED_VALUE,
        index,
        f"{shown(text)} is refused when it is put.",
        f"It {reason}.",
        (subject.any_witness(index),),
        field,
        text,
    )


def _of_max_age(subject: Subject, index: int, seconds: object) -> Iterator[Finding]:
    reason = None if seconds is None else problem_of("max_age_seconds", seconds)
    if reason is not None:
        yield _refused(subject, index, "max_age_seconds", seconds, reason)
    elif isinstance(seconds, int) and seconds > _CHROMIUM_KEEPS:
        yield Finding(
            Check.LONG_MAX_AGE,
            index,
            f"{seconds} seconds are longer than Chromium ({_CHROMIUM_KEEPS}) and WebKit "
            f"({_WEBKIT_KEEPS}) keep an answer; Firefox keeps it for up to {_FIREFOX_KEEPS}.",
            f"Write {_CHROMIUM_KEEPS} or less.",
            (subject.any_witness(index),),
            "max_age_seconds",
            seconds,
        )


def _of_uploads(subject: Subject, index: int, rule: PlainRule) -> Iterator[Finding]:
    exposed = {name.lower() for name in rule.expose_headers}
    upload = subject.decided_by(index, ("PUT", "POST"))
    if upload is not None and _ETAG not in exposed:
        yield Finding(
            Check.ETAG_NOT_EXPOSED,
            index,
            f"{upload.method} is allowed and ETag is not exposed: a page cannot read it, and "
            "the vendors' SDKs need it to put parts together.",
            "Write ETag in ExposeHeader.",
            (upload,),
            "expose_headers",
        )
    bare = None if rule.allowed_headers else _refused_upload(subject, index)
    if bare is not None:
        yield Finding(
            Check.NO_ALLOWED_HEADER,
            index,
            "PUT is allowed and no header with it: a page cannot send Authorization, nor the "
            "Content-Type of most files.",
            "Write the headers that the page sends in AllowedHeader, such as authorization, "
            "content-type and x-cos-*.",
            (bare,),
            "allowed_headers",
        )


def _refused_upload(subject: Subject, index: int) -> Witness | None:
    """Give an upload with a header that is refused, from an origin of the rule."""
    upload = subject.decided_by(index, ("PUT",))
    if upload is None:
        return None
    witness = subject.witness(upload.origin, "PUT", ("content-type",))
    return witness if witness.rule is None else None
