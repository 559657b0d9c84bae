"""Finding the reason step by step: everything is allowed first, and then one thing less at a time.

It is the debugging procedure of Alibaba OSS ("OSS CORS", Troubleshooting), but with rules that
nobody stores: all origins, all methods, all headers, and no exposed headers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

from flask_bucketcors.analysis.explainer.exchange import PageRequest, play
from flask_bucketcors.core.problems import InvalidRules
from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.core.wildcards import ANY

#: How many steps there are, if the first one does not say everything.
STEPS: Final = 5

_ANY_ORIGIN: Final = (ANY,)
# Browsers do not accept a "*" for a request with cookies, so the response has to name the origin.
_ANY_NAMED_ORIGIN: Final = ("https://*", "http://*")


class _Part(NamedTuple):
    """A part of a rule that may be the reason.

    :param all_of_it: what the open rule allows, in words.
    """

    field: str
    name: str
    names: str
    all_of_it: str


_PARTS: Final = (
    _Part("allowed_origins", "origin", "origins", "all origins"),
    _Part("allowed_methods", "method", "methods", "all methods"),
    _Part("allowed_headers", "headers", "headers", "all headers"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """A try of the request with a rule that is not stored.

    :param title: what the rule allows.
    :param passes: whether a browser lets the page have the response.
    :param proves: what follows, in a sentence or two.
    :param reason: the part of the rules that is a reason; ``""`` for none.
    """

    title: str
    passes: bool
    proves: str
    reason: str = ""


def first_steps(request: PageRequest, near: int | None, rules: RuleSet | None, count: int) -> "Try":
    """Take the first steps.

    :param near: index of the nearest rule; None if there is none.
    :param rules: the rules in force.
    :param count: of the steps.
    """
    return Try(tuple(islice(_steps(request, near, rules), count)))


@dataclass(frozen=True, slots=True)
class Try:
    """Steps that were taken."""

    steps: tuple[Step, ...]

    @property
    def is_complete(self) -> bool:
        """Whether there is no further step."""
        return len(self.steps) == STEPS or not self.steps[0].passes

    @property
    def reasons(self) -> tuple[str, ...]:
        """What the steps found to be a reason."""
        return tuple(each.reason for each in self.steps if each.reason)


def _steps(request: PageRequest, near: int | None, rules: RuleSet | None) -> Iterator[Step]:
    open_rule = _open_rule(request)
    passes = _passes(open_rule, request)
    yield _first(request, passes, has_rules=rules is not None)
    if not passes:
        return
    rule = rules.rules[near] if rules is not None and near is not None else None
    for part in _PARTS:
        if rule is None or near is None:
            yield _by_request(part, request, open_rule)
        else:
            yield _by_rule(part, request, open_rule, rule, near + 1)
    yield Step(
        "Expose no response header",
        _passes(open_rule, request),
        "Exposed headers never decide whether a request passes. They decide what a script can read "
        "of the response: without any, it cannot read ETag, which SDKs need for multipart uploads.",
    )


def _open_rule(request: PageRequest) -> Rule:
    origins = _ANY_NAMED_ORIGIN if request.credentials else _ANY_ORIGIN
    return Rule(origins, request.dialect.methods, [ANY])


def _first(request: PageRequest, passes: bool, *, has_rules: bool) -> Step:
    title = "Allow all origins, all methods and all headers"
    if not passes:
        return Step(
            title,
            False,
            "A rule that allows everything does not help. So no change of the rules does. The "
            "lines above say what stops the request.",
        )
    found = "the rules of the bucket are" if has_rules else "that the bucket has no rules is"
    text = f"With this rule the request passes. So {found} the reason, and nothing else."
    if request.credentials:
        text += " The response has to name the origin: with cookies, browsers do not accept `*`."
    return Step(title, True, text)


def _by_rule(part: _Part, request: PageRequest, open_rule: Rule, rule: Rule, number: int) -> Step:
    """Allow what a rule does of one part, and all of the others."""
    held = getattr(rule, part.field)
    title = f"Allow only the {part.names} of rule {number}, and everything else"
    if _passes(_with(open_rule, part, held), request):
        proves = f"The request still passes. So the {part.name} {_is(part)} not the reason."
        return Step(title, True, proves)
    proves = (
        f"With {part.all_of_it} the request passes, and with the {part.names} of rule {number} it "
        f"does not. So the {part.name} {_is(part)} a reason."
    )
    if part.field == "allowed_origins" and request.credentials and ANY in held:
        proves += " Browsers do not accept `*` with cookies."
    return Step(title, False, proves, reason=part.name)


def _by_request(part: _Part, request: PageRequest, open_rule: Rule) -> Step:
    """Allow what the request needs of one part, and all of the others."""
    needed = {
        "allowed_origins": [request.origin],
        "allowed_methods": [request.method],
        "allowed_headers": list(dict.fromkeys(request.headers)),
    }
    title = f"Allow only the {part.name} of the request, and everything else"
    try:
        passes = _passes(_with(open_rule, part, needed[part.field]), request)
    except InvalidRules:
        # A "*" allows origins that no rule can name.
        return Step(title, False, f"No rule can name this {part.name} alone.")
    return Step(title, passes, f"A rule need not allow more {part.names} than that.")


def _is(part: _Part) -> str:
    return "are" if part.name == part.names else "is"


def _with(rule: Rule, part: _Part, values: object) -> Rule:
    return Rule(**{**rule.as_dict(), part.field: values})


def _passes(rule: Rule, request: PageRequest) -> bool:
    return play(RuleSet([rule]), request).passes
