"""XML of other vendors as plain data, which :mod:`~flask_bucketcors.documents.from_json` reads.

Facts:

- Azure Storage, "Set Blob Service Properties": ``Cors`` has rules; each list is one text, with
  commas.
- Google Cloud Storage, XML API, "Set Bucket CORS": ``CorsConfig`` has one ``Cors`` for each rule;
  each list is an element with one element for each value.
"""

from typing import Any, Final
from xml.etree.ElementTree import Element  # nosec B405 # defusedxml parses

from flask_bucketcors.documents.from_xml import local_name

#: The root elements of such documents.
OTHER_ROOTS: Final = frozenset({"Cors", "CorsConfig", "StorageServiceProperties"})
# Elements with one element for each value.
_LISTS: Final = frozenset(
    {"Cors", "CorsConfig", "Origins", "Methods", "RequestHeaders", "ResponseHeaders"}
)


def as_data(element: Element) -> Any:
    """The content of an element: a text, a list, or a mapping."""
    name = local_name(element)
    children = list(element)
    if name in _LISTS and not any(len(child) == 0 and _is_field(child) for child in children):
        return [as_data(child) for child in children]
    if not children:
        return (element.text or "").strip()
    return {local_name(child): as_data(child) for child in children}


def _is_field(element: Element) -> bool:
    """Whether an element belongs to a rule and not to a list."""
    return local_name(element) == "MaxAgeSec"
