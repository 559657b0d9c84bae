"""Python objects as the data that JSON stands for: dictionaries, lists and single values."""

from collections.abc import Mapping
from typing import Any

from flask_bucketcors.core.errors import shown_value
from flask_bucketcors.core.fields import is_list
from flask_bucketcors.core.json_text import MAX_DEPTH
from flask_bucketcors.core.problems import InvalidRules
from flask_bucketcors.core.rules import Rule


def as_plain(data: Any) -> Any:
    """Copy data: mappings as dictionaries with texts as keys, what has an order as lists.

    Iterators are read once. Other values stay as they are.

    :raises InvalidRules: if it is nested more than 64 deep, or contains itself.
    """
    return _copy(data, {}, 0)


def _copy(data: Any, copies: dict[int, tuple[Any, Any]], depth: int) -> Any:
    """Copy data.

    :param copies: objects by their id, each with its copy. It keeps them alive, so that no other
        object gets the id.
    """
    if isinstance(data, Rule):
        return data.as_dict()
    is_mapping = isinstance(data, Mapping)
    if not is_mapping and not is_list(data):
        return data
    if depth >= MAX_DEPTH:
        raise InvalidRules(detail=f"nested more than {MAX_DEPTH} deep")
    if id(data) not in copies:
        if is_mapping:
            copy: Any = {_key(k): _copy(v, copies, depth + 1) for k, v in data.items()}
        else:
            copy = [_copy(each, copies, depth + 1) for each in data]
        copies[id(data)] = data, copy
    return copies[id(data)][1]


def _key(key: Any) -> str:
    return str(key) if isinstance(key, str) else shown_value(key)
