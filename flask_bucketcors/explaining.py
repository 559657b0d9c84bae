"""Explain rules that stand in a document: text in, explanation out."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.core.explain import Explanation
from flask_bucketcors.core.explain import explain as explain_rules
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.documents import plain_configuration, read_configuration


def explain(
    rules: RuleSet | str | bytes | Mapping[str, Any] | Iterable[Any] | None,
    *,
    origin: str | None = None,
    method: str | None = "GET",
    headers: Iterable[str] = (),
    credentials: bool = False,
    kind: str = "preflight",
    dialect: Dialect | str = "cos",
    answer: Mapping[str, Any] | None = None,
) -> Explanation:
    """Say why a page's request fails under rules, and what to change.

    :param rules: a rule set; or a document as text, XML or JSON, see
        :func:`~flask_bucketcors.documents.read_rules`; or plain unchecked data; or None.

    The other parameters are those of :func:`flask_bucketcors.core.explain.explain`.

    :raises ValueError: if the document cannot be read, or the dialect or the kind is unknown.
    """
    if isinstance(rules, (str, bytes)):
        rules = read_configuration(rules)
    elif isinstance(rules, dict) or _are_mappings(rules):
        rules = plain_configuration(rules)
    return explain_rules(
        rules,
        origin=origin,
        method=method,
        headers=headers,
        credentials=credentials,
        kind=kind,
        dialect=dialect,
        answer=answer,
    )


def _are_mappings(rules: object) -> bool:
    return isinstance(rules, list) and all(isinstance(each, dict) for each in rules)
