"""How vendors and tools spell the keys of rules in JSON and YAML.

Only letters and digits count: ``AllowedOrigins``, ``allowedOrigins`` and ``allowed_origins`` are
one key.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from flask_bucketcors.core.dialects import ELEMENTS

_SPELLINGS: Final = {
    "allowed_origins": "allowedorigins allowedorigin origins origin",
    # Backblaze B2 allows operations.
    "allowed_methods": "allowedmethods allowedmethod methods method allowedoperations",
    "allowed_headers": "allowedheaders allowedheader headers",
    # Google Cloud Storage calls them response headers.
    "expose_headers": "exposeheaders exposeheader exposedheaders exposedheader "
    "responseheaders responseheader",
    # CloudFormation, Azure, the OBS SDK for Python, and XML of Google Cloud Storage.
    "max_age_seconds": "maxageseconds maxage maxageinseconds maxagesecond maxagesec",
    "id": "id corsrulename",
}
_FIELDS: Final = {key: field for field, keys in _SPELLINGS.items() for key in keys.split()}
#: Keys, in the simple spelling, under which a list is one value.
ONE_VALUE: Final = frozenset(
    {
        "allowedorigin",
        "allowedmethod",
        "allowedheader",
        "exposeheader",
        "exposedheader",
        "origin",
        "method",
        "responseheader",
    }
)
#: Keys, in the simple spelling, that hold a list of rules.
RULES: Final = frozenset({"rules", "corsrules", "corsrule", "cors", "corsconfig"})
# What is suggested for a misspelled key.
_USUAL: Final = {
    "allowed_origins": "AllowedOrigins",
    "allowed_methods": "AllowedMethods",
    "allowed_headers": "AllowedHeaders",
    "expose_headers": "ExposeHeaders",
    "max_age_seconds": "MaxAgeSeconds",
    "id": "ID",
    "rules": "CORSRules",
    "response_vary": "ResponseVary",
    "configuration": "CORSConfiguration",
}
_MEANINGS: Final = {
    **_FIELDS,
    **dict.fromkeys(RULES, "rules"),
    "responsevary": "response_vary",
    "corsconfiguration": "configuration",
}
# Headers of responses begin with it; people take their names for those of fields.
_OF_RESPONSES: Final = "accesscontrol"


def simple(key: object) -> str:
    """The key without what spellings differ in: case, ``_``, ``-`` and spaces."""
    return "".join(filter(str.isalnum, str(key))).lower()


def field_of(key: str) -> str | None:
    """The field of :class:`~flask_bucketcors.Rule` that a key in the simple spelling means."""
    return _FIELDS.get(key)


def is_rule(data: object) -> bool:
    """Whether an object is a rule: it says which origins are allowed."""
    if not isinstance(data, Mapping):
        return False
    keys = set(map(simple, data))
    return any(_FIELDS.get(key) == "allowed_origins" for key in keys) or (
        "allowed" in keys and isinstance(value_of(data, "allowed"), Mapping)
    )


def may_be_rule(data: object) -> bool:
    """Whether an object is a rule that may lack its origins, or spell them wrongly."""
    return isinstance(data, Mapping) and any(
        _FIELDS.get(simple(key)) in ("allowed_origins", "allowed_methods") for key in data
    )


def value_of(data: Mapping[str, Any], *keys: str) -> Any:
    """The value under the first of some keys, in the simple spelling; None if there is none."""
    return next((data[key] for wanted in keys for key in data if simple(key) == wanted), None)


def suggestion(key: object) -> str | None:
    """The key of JSON or YAML that was probably meant by an unknown one.

    A key that is right, and only in the wrong place, gets none.
    """
    found = _USUAL.get(_meant(key) or "")
    return None if found and simple(found) == simple(key) else found


def element_for(name: str) -> str | None:
    """The element of XML that was probably meant by an unknown one; see :func:`suggestion`."""
    meant = _meant(name)
    found = ELEMENTS.get(meant, _USUAL[meant]) if meant else None
    return None if found == name else found


def _meant(key: object) -> str | None:
    text = simple(key)[:64].removeprefix(_OF_RESPONSES)
    near = [text] if text in _MEANINGS else get_close_matches(text, list(_MEANINGS), 1, 0.75)
    return _MEANINGS[near[0]] if near else None
