"""Writes rule sets in the forms of vendors and tools, and says what a form cannot say.

Facts, beside those in :mod:`~flask_bucketcors.documents.rule_forms`:

- Google Cloud Storage, "Set Bucket CORS": an origin is exact, or ``*`` alone.
- Azure Storage, "Set Blob Service Properties": at most 5 rules; an origin is exact, or ``*`` alone;
  a header may end in ``*``; MaxAgeInSeconds is required.
- Backblaze B2, "CORS rules": at most 100 rules, each with a name; max-age is at most 86400.
- Azure Storage also takes PATCH, and Google Cloud Storage any method.
- Terraform, "Strings and Templates": ``$${`` and ``%%{`` stand for ``${`` and ``%{``.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from flask_bucketcors.core.dialects import DIALECTS, ELEMENTS, LIST_ELEMENTS, Dialect
from flask_bucketcors.core.errors import shown_value
from flask_bucketcors.core.fields import EXTRA_METHODS, METHODS, is_list
from flask_bucketcors.core.problems import InvalidRules
from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.core.wildcards import ANY
from flask_bucketcors.documents.any_form import parse_rules
from flask_bucketcors.documents.to_xml import format_xml

_FIELDS: Final = (*LIST_ELEMENTS, "max_age_seconds", "id")


class Form(NamedTuple):
    """How a vendor or tool writes rules in JSON.

    :param name: as the command line calls it.
    :param vendor: in words.
    :param write_rule: gives a rule, by its index, as plain data.
    :param wrap: gives the whole document of such rules, for the bucket of a name.
    :param max_rules: how many rules a bucket can have there.
    :param max_age: the longest max-age, in seconds.
    :param has_patterns: whether an origin may have a ``*`` among other characters.
    :param extra_methods: the methods that it takes beside GET, PUT, POST, DELETE and HEAD.
    :param keeps_vary: whether the document has ``response_vary`` if it is set.
    """

    name: str
    vendor: str
    write_rule: Callable[[Rule, int], dict[str, Any]]
    wrap: Callable[[list[dict[str, Any]], str], Any]
    max_rules: int | None = None
    max_age: int | None = None
    has_patterns: bool = True
    extra_methods: Collection[str] = ()
    keeps_vary: bool = False


class Written(NamedTuple):
    """Rules in another form.

    :param data: plain data, to be written as JSON; a text for a form in XML.
    :param losses: what the form cannot say, in words; empty if it says everything.
    """

    data: Any
    losses: list[str]


def write_as(rule_set: RuleSet, form: Form | Dialect, bucket: str) -> Written:
    """Write a rule set in another form.

    :param form: one of :data:`FORMS`; a dialect stands for its XML.
    :param bucket: the name of the bucket, which some forms hold.
    """
    if isinstance(form, Dialect):
        text = format_xml(rule_set, form).decode()
        losses = [*_limits(rule_set, _of_dialect(form)), *_changes(rule_set, text)]
        return Written(text, losses)
    rules = [form.write_rule(rule, index) for index, rule in enumerate(rule_set.rules)]
    data = form.wrap(rules, bucket)
    if form.keeps_vary and rule_set.response_vary is not None:
        data["response_vary"] = rule_set.response_vary
    return Written(data, [*_limits(rule_set, form), *_changes(rule_set, data)])


def _limits(rule_set: RuleSet, form: Form) -> Iterator[str]:
    """What the vendor would not accept, or take as something else."""
    if form.max_rules and len(rule_set.rules) > form.max_rules:
        yield f"{form.vendor} takes {form.max_rules} rules, and these are {len(rule_set.rules)}"
    for number, rule in enumerate(rule_set.rules, 1):
        for method in rule.allowed_methods:
            if method not in METHODS and method not in form.extra_methods:
                yield f"rule {number}: {form.vendor} has no rules for the method {method}"
        for origin in () if form.has_patterns else rule.allowed_origins:
            if ANY in origin and origin != ANY:
                yield (
                    f"rule {number}: the origin {shown_value(origin)}; "
                    f"{form.vendor} takes exact origins and * alone"
                )
        seconds = rule.max_age_seconds or 0
        if form.max_age is not None and seconds > form.max_age:
            yield f"rule {number}: max-age {seconds}; {form.vendor} takes at most {form.max_age}"


def _changes(rule_set: RuleSet, data: Any) -> Iterator[str]:
    """What is something else once the document is read back."""
    try:
        read = parse_rules(data)
    except InvalidRules as error:
        yield str(error)
        return
    if bool(read.response_vary) is not bool(rule_set.response_vary):
        yield "ResponseVary is left out"
    for number, (rule, back) in enumerate(zip(rule_set.rules, read.rules, strict=True), 1):
        for field in _FIELDS:
            value, found = getattr(rule, field), getattr(back, field)
            is_added_name = field == "id" and value is None
            if value != found and not is_added_name:
                yield f"rule {number}: {ELEMENTS[field]} becomes {_in_words(found)}"


def _in_words(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(shown_value, value)) or "an empty list"
    return "none" if value is None else shown_value(value)


#: The names of a rule's fields in S3's JSON: list elements are in the plural.
S3_NAMES: Final = {
    **{field: f"{element}s" for field, element in LIST_ELEMENTS.items()},
    **{field: ELEMENTS[field] for field in ("id", "max_age_seconds")},
}


def _of_s3(rule: Rule, index: int) -> dict[str, Any]:
    data = rule.as_dict()
    return {S3_NAMES[name]: data[name] for name in data}


def _of_gcs(rule: Rule, index: int) -> dict[str, Any]:
    data: dict[str, Any] = {
        "origin": list(rule.allowed_origins),
        "method": list(rule.allowed_methods),
    }
    if headers := list(dict.fromkeys([*rule.allowed_headers, *rule.expose_headers])):
        data["responseHeader"] = headers
    return _with_max_age(data, "maxAgeSeconds", rule)


def _of_r2(rule: Rule, index: int) -> dict[str, Any]:
    allowed = {"origins": list(rule.allowed_origins), "methods": list(rule.allowed_methods)}
    if rule.allowed_headers:
        allowed["headers"] = list(rule.allowed_headers)
    data: dict[str, Any] = {} if rule.id is None else {"id": rule.id}
    data["allowed"] = allowed
    if rule.expose_headers:
        data["exposeHeaders"] = list(rule.expose_headers)
    return _with_max_age(data, "maxAgeSeconds", rule)


def _of_b2(rule: Rule, index: int) -> dict[str, Any]:
    data = {
        "corsRuleName": rule.id or f"rule-{index + 1}",
        "allowedOrigins": list(rule.allowed_origins),
        "allowedHeaders": list(rule.allowed_headers),
        "allowedOperations": [f"s3_{method.lower()}" for method in rule.allowed_methods],
        "exposeHeaders": list(rule.expose_headers),
    }
    return _with_max_age(data, "maxAgeSeconds", rule)


def _of_azure(rule: Rule, index: int) -> dict[str, Any]:
    return {
        "allowedOrigins": list(rule.allowed_origins),
        "allowedMethods": list(rule.allowed_methods),
        "allowedHeaders": list(rule.allowed_headers),
        "exposedHeaders": list(rule.expose_headers),
        "maxAgeInSeconds": rule.max_age_seconds or 0,
    }


def _of_this_package(rule: Rule, index: int) -> dict[str, Any]:
    return rule.as_dict()


def _of_terraform(rule: Rule, index: int) -> dict[str, Any]:
    escaped: dict[str, Any] = _escaped(rule.as_dict())
    return escaped


def _escaped(value: Any) -> Any:
    """A value whose strings Terraform takes for what they are."""
    if isinstance(value, str):
        return value.replace("${", "$${").replace("%{", "%%{")
    if isinstance(value, Mapping):
        return {key: _escaped(each) for key, each in value.items()}
    return [_escaped(each) for each in value] if is_list(value) else value


def _with_max_age(data: dict[str, Any], key: str, rule: Rule) -> dict[str, Any]:
    return data if rule.max_age_seconds is None else {**data, key: rule.max_age_seconds}


def _terraform_document(rules: list[dict[str, Any]], bucket: str) -> Any:
    # A label has fewer characters than a bucket's name may have.
    label = "".join(x if x.isascii() and x.isalnum() else "_" for x in bucket)
    body = {"bucket": _escaped(bucket), "cors_rule": rules}
    return {"resource": {"aws_s3_bucket_cors_configuration": {f"bucket_{label}": body}}}


def _of_dialect(dialect: Dialect) -> Form:
    """The limits of a vendor with a dialect. Reading its XML shows what else is lost."""
    name = dialect.name.upper()
    return Form(dialect.name, name, _of_s3, lambda rules, bucket: rules, dialect.max_rules)


_ALL_FORMS: Final = (
    Form(
        "json",
        "this package",
        _of_this_package,
        lambda rules, bucket: {"rules": rules},
        extra_methods=EXTRA_METHODS,
        keeps_vary=True,
    ),
    Form("aws", "Amazon S3", _of_s3, lambda rules, bucket: {"CORSRules": rules}, max_rules=100),
    Form(
        "gcs",
        "Google Cloud Storage",
        _of_gcs,
        lambda rules, bucket: rules,
        has_patterns=False,
        extra_methods=EXTRA_METHODS,
    ),
    Form("r2", "Cloudflare R2", _of_r2, lambda rules, bucket: {"rules": rules}, max_age=86_400),
    Form(
        "b2",
        "Backblaze B2",
        _of_b2,
        lambda rules, bucket: {"corsRules": rules},
        max_rules=100,
        max_age=86_400,
    ),
    Form(
        "azure",
        "Azure Storage",
        _of_azure,
        lambda rules, bucket: {"cors": {"corsRules": rules}},
        max_rules=5,
        has_patterns=False,
        extra_methods=("PATCH",),
    ),
    Form("terraform", "Terraform", _of_terraform, _terraform_document),
)
#: The forms by name: the vendors' XML, and JSON.
FORMS: Final[Mapping[str, Form | Dialect]] = {
    **DIALECTS,
    **{form.name: form for form in _ALL_FORMS},
}
