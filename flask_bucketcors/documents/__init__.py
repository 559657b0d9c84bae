"""Rules and errors as text: XML in and out, JSON, and the forms of other tools.

This package is private: it may change without notice.
"""

from flask_bucketcors.documents.any_form import (
    MAX_RULES_TEXT_BYTES,
    AnyRules,
    parse_rules,
    read_rule_set,
    read_rules,
)
from flask_bucketcors.documents.error_documents import error_places, fill_error
from flask_bucketcors.documents.from_json import load_json
from flask_bucketcors.documents.from_xml import DocumentError, check_size, parse_xml
from flask_bucketcors.documents.to_json import to_s3_json
from flask_bucketcors.documents.to_xml import escape_text, format_xml

__all__ = [
    "MAX_RULES_TEXT_BYTES",
    "AnyRules",
    "DocumentError",
    "check_size",
    "error_places",
    "escape_text",
    "fill_error",
    "format_xml",
    "load_json",
    "parse_rules",
    "parse_xml",
    "read_rule_set",
    "read_rules",
    "to_s3_json",
]
