"""Rule sets as the JSON that other tools take.

The JSON of this package is :meth:`flask_bucketcors.RuleSet.as_dict`.
"""

from typing import Any, Final

from flask_bucketcors.core.dialects import ELEMENTS, LIST_ELEMENTS
from flask_bucketcors.core.rules import RuleSet

#: The names of a rule's fields in S3's JSON: list elements are in the plural.
S3_NAMES: Final = {
    **{field: f"{element}s" for field, element in LIST_ELEMENTS.items()},
    **{field: ELEMENTS[field] for field in ("id", "max_age_seconds")},
}


def to_s3_json(rule_set: RuleSet) -> dict[str, Any]:
    """A rule set as ``aws s3api put-bucket-cors --cors-configuration`` takes it."""
    rules = [rule.as_dict() for rule in rule_set.rules]
    return {"CORSRules": [{S3_NAMES[name]: rule[name] for name in rule} for rule in rules]}
