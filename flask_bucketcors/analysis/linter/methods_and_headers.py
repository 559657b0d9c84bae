"""Methods, headers and max-age: what is missing, what does nothing, what is refused."""

from collections.abc import Iterator
from typing import Final

from flask_bucketcors.analysis.linter.findings import Finding, Witness
from flask_bucketcors.analysis.linter.subject import Subject
from flask_bucketcors.analysis.mistakes import Check
from flask_bucketcors.analysis.spelling.lookalikes import shown, without_invisible
from flask_bucketcors.analysis.spelling.unchecked import PlainRule, as_text
from flask_bucketcors.core.fields import method_problem, problem_of
from flask_bucketcors.core.problems import ProblemReason
from flask_bucketcors.core.wildcards import ANY

# Seconds for which browsers keep the response to a preflight, whatever it says. Chromium:
# services/network/public/cpp/cors/preflight_result.cc; WebKit: CrossOriginPreflightResultCache;
# Firefox: nsCORSListenerProxy.
_CHROMIUM_KEEPS: Final = 7200
_WEBKIT_KEEPS: Final = 600
_FIREFOX_KEEPS: Final = 86400
_ETAG: Final = "etag"


def header_findings(subject: Subject) -> Iterator[Finding]:
    """Look at all of the rules but their origins."""
    for index, rule in enumerate(subject.plain.rules):
        for field in ("allowed_methods", "allowed_headers", "expose_headers"):
            for value in dict.fromkeys(getattr(rule, field)):
                yield from _of_value(subject, index, field, value)
        yield from _of_max_age(subject, index, rule.max_age_seconds)
        if rule.id is not None and (reason := problem_of("id", rule.id)):
            yield _refused(subject, index, "id", rule.id, reason)
        yield from _of_uploads(subject, index, rule)


def _of_value(subject: Subject, index: int, field: str, value: str) -> Iterator[Finding]:
    if field == "allowed_methods":
        reason = method_problem(value, subject.dialect.extra_methods)
    else:
        reason = problem_of(field, value)
    # A blank within is seen well enough.
    if without_invisible(value) != value and " " not in value.strip():
        text = f"{shown(value)} contains an invisible character."
        yield _about_name(subject, Check.INVISIBLE_CHARACTER, index, field, value, text)
    elif reason is not None:
        yield _refused(subject, index, field, value, reason)
    elif field == "allowed_headers" and "_" in value:
        text = f"'{value}' contains an underscore; many servers drop such headers."
        help = f"write '{value.replace('_', '-')}' here and in the page"
        yield _about_name(subject, Check.UNDERSCORE, index, field, value, text, help)


def _about_name(
    subject: Subject, check: Check, index: int, field: str, value: str, text: str, help: str = ""
) -> Finding:
    """Give a finding with a request that has the name as it should be."""
    origin, method, _, _ = subject.any_witness(index)
    right = without_invisible(value).replace("_", "-").replace(ANY, "example").lower()
    names = (right,) if field == "allowed_headers" else ()
    witness = subject.witness(origin, method, names)
    return subject.finding(check, index, text, witness, help=help, field=field, value=value)


def _refused(subject: Subject, index: int, field: str, value: object, reason: str) -> Finding:
    """Give a finding of a value that the API rejects."""
    held, witness = as_text(value), subject.any_witness(index)
    text, help = f"The API rejects {shown(held)}: it {reason}.", ""
    if reason is ProblemReason.EXTRA_METHOD:
        help = (
            f"if the settings list it, lint with extra_methods=['{held}'] or --extra-method {held}"
        )
    return subject.finding(
        Check.REFUSED_VALUE, index, text, witness, help=help, field=field, value=held
    )


def _of_max_age(subject: Subject, index: int, seconds: object) -> Iterator[Finding]:
    field = "max_age_seconds"
    reason = None if seconds is None else problem_of(field, seconds)
    if reason is not None:
        yield _refused(subject, index, field, seconds, reason)
    elif isinstance(seconds, int) and seconds > _CHROMIUM_KEEPS:
        text = (
            f"{seconds} seconds is longer than Chromium ({_CHROMIUM_KEEPS}) and WebKit "
            f"({_WEBKIT_KEEPS}) keep a preflight response; Firefox keeps it for up to "
            f"{_FIREFOX_KEEPS}."
        )
        witness = subject.any_witness(index)
        yield subject.finding(Check.LONG_MAX_AGE, index, text, witness, field=field, value=seconds)


def _of_uploads(subject: Subject, index: int, rule: PlainRule) -> Iterator[Finding]:
    exposed = {name.lower() for name in rule.expose_headers}
    upload = subject.decided_by(index, ("PUT", "POST"))
    if upload is not None and _ETAG not in exposed:
        text = (
            f"{upload.method} is allowed, but ETag is not exposed: a page cannot read it, and the "
            "vendors' SDKs need it for multipart uploads."
        )
        yield subject.finding(Check.ETAG_NOT_EXPOSED, index, text, upload, field="expose_headers")
    bare = None if rule.allowed_headers else _refused_upload(subject, index)
    if bare is not None:
        text = (
            "PUT is allowed, but no header with it: a page can send neither Authorization nor the "
            "Content-Type of most files."
        )
        yield subject.finding(Check.NO_ALLOWED_HEADER, index, text, bare, field="allowed_headers")


def _refused_upload(subject: Subject, index: int) -> Witness | None:
    """Give an upload with a header that is refused, from an origin of the rule."""
    upload = subject.decided_by(index, ("PUT",))
    if upload is None:
        return None
    witness = subject.witness(upload.origin, "PUT", ("content-type",))
    return witness if witness.rule is None else None
