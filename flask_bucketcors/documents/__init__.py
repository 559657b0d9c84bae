"""Rules and errors as text: XML in and out, JSON, and the forms of other tools.

This package is private: it may change without notice.

The JSON form of a rule set itself is :meth:`flask_bucketcors.RuleSet.as_dict`.
"""

from flask_bucketcors.documents.any_form import (
    MAX_RULES_TEXT_BYTES,
    RULES_KEYS,
    AnyRules,
    UnreadableRules,
    plain_configuration,
    read_configuration,
    read_rule_set,
    read_rules,
    unwrapped,
)
from flask_bucketcors.documents.elements import in_element_names, shortened_integer
from flask_bucketcors.documents.error_documents import error_places, fill_error
from flask_bucketcors.documents.from_xml import (
    MAX_PROBLEMS_SHOWN,
    DocumentError,
    check_size,
    parse_xml,
)
from flask_bucketcors.documents.to_xml import escape_text, format_xml

__all__ = [
    "MAX_PROBLEMS_SHOWN",
    "MAX_RULES_TEXT_BYTES",
    "RULES_KEYS",
    "AnyRules",
    "DocumentError",
    "UnreadableRules",
    "check_size",
    "error_places",
    "escape_text",
    "fill_error",
    "format_xml",
    "in_element_names",
    "parse_xml",
    "plain_configuration",
    "read_configuration",
    "read_rule_set",
    "read_rules",
    "shortened_integer",
    "unwrapped",
]
