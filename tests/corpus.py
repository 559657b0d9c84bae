"""The test data: what vendors documented, recorded or sent."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from flask_bucketcors import Rule, RuleSet

_FOLDER = Path(__file__).parent / "data"


@cache
def load(name: str) -> Any:
    """The parsed file; callers do not change it."""
    return json.loads((_FOLDER / name).read_text(encoding="utf-8"))


def vectors(name: str) -> list[Any]:
    """The vectors of one kind as parameters, named as they are or by their order."""
    return [
        pytest.param(vector, id=vector.get("name", str(index)))
        for index, vector in enumerate(load("vectors.json")[name])
    ]


def rule_set(config: list[dict[str, Any]], response_vary: bool | None = None) -> RuleSet:
    """The rule set of a case in a corpus."""
    return RuleSet([Rule(**fields) for fields in config], response_vary)


def vector_rule_set(config: dict[str, Any]) -> RuleSet:
    """The rule set of a vector, which has shorter names for the fields."""
    names = {
        "origins": "allowed_origins",
        "methods": "allowed_methods",
        "headers": "allowed_headers",
        "expose": "expose_headers",
        "max_age": "max_age_seconds",
        "id": "id",
    }
    rules = [Rule(**{names[key]: value for key, value in rule.items()}) for rule in config["rules"]]
    return RuleSet(rules, config["response_vary"] or None)
