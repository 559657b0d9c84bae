"""Rule sets as SQL stores keep them: JSON text, formatted and parsed."""

import json
from collections.abc import Callable, Sequence
from functools import partial

from flask_bucketcors.core.errors import StoredRulesInvalid
from flask_bucketcors.core.json_text import parse_json
from flask_bucketcors.core.problems import InvalidRules
from flask_bucketcors.core.rules import Rule, RuleSet, rule_set_of
from flask_bucketcors.stores.usual_text import read_usual_text


def format_rule_set(rules: RuleSet) -> str:
    """Format a rule set as JSON, with the content of its ``as_dict``.

    Without json.dumps, which takes three times as long and would slow down an import.
    """
    text = ",".join([_format_rule(rule) for rule in rules.rules])
    if rules.response_vary is None:
        return f'{{"rules":[{text}]}}'
    return f'{{"rules":[{text}],"response_vary":{"true" if rules.response_vary else "false"}}}'


def _format_rule(rule: Rule) -> str:
    parts = [
        f'"allowed_origins":{_format_list(rule.allowed_origins)}',
        f'"allowed_methods":{_format_list(rule.allowed_methods)}',
    ]
    if rule.allowed_headers:
        parts.append(f'"allowed_headers":{_format_list(rule.allowed_headers)}')
    if rule.expose_headers:
        parts.append(f'"expose_headers":{_format_list(rule.expose_headers)}')
    if rule.max_age_seconds is not None:
        parts.append(f'"max_age_seconds":{int(rule.max_age_seconds)}')
    if rule.id is not None:
        parts.append(f'"id":{json.dumps(rule.id, ensure_ascii=False)}')
    return f"{{{','.join(parts)}}}"


def _format_list(values: Sequence[str]) -> str:
    # The characters of origin patterns, methods and header names need no escape.
    return '["' + '","'.join(values) + '"]'


def parse_rule_set(bucket: str, document: str) -> RuleSet:
    """Parse the text that is stored for a bucket.

    :raises StoredRulesInvalid: if it is not a rule set.
    """
    try:
        # Other tools may store bytes.
        usual = read_usual_text(document) if isinstance(document, str) else None
        return rule_set_of(usual) if usual else RuleSet.from_dict(parse_json(document))
    except (InvalidRules, ValueError, TypeError) as error:
        raise StoredRulesInvalid(f"the stored rules of bucket {bucket!r}: {error}") from error


def text_of(parse: Callable[[], RuleSet]) -> str | None:
    """Give the text that ``parse`` would parse; None if it is not ``partial(parse_rule_set, ...)``.

    Equal texts are equal rules, so a text that was parsed once needs no other parse.
    """
    if type(parse) is partial and parse.func is parse_rule_set:
        text = parse.args[1]
        return text if isinstance(text, str) else None
    return None
