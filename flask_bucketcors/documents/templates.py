"""Finds the rules in larger documents: of Terraform, CloudFormation, and in a bucket's properties.

Facts:

- Terraform, "JSON configuration syntax" and "JSON output format": a block is an object, or a list
  of objects if there are several; ``terraform show -json`` has resources with their ``values``.
- CloudFormation: a template has ``Resources``, each with ``Properties``.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from flask_bucketcors.core.fields import is_list
from flask_bucketcors.documents.key_names import RULES, is_rule, simple, value_of

# Keys, in the simple spelling, below which the rules are.
_WRAPPERS: Final = ("corsconfiguration", "properties", "cors", "values", "attributes")


class Place(NamedTuple):
    """Where a document has rules.

    :param name: of the resource; empty if the document is about one bucket.
    :param configuration: an object with the rules, or the list of them.
    """

    name: str
    configuration: Any


def find_places(data: Any) -> list[Place]:
    """Find each resource with rules in a template; none if the document is not a template."""
    if not isinstance(data, Mapping):
        return []
    found = [*_of_cloudformation(data), *_of_terraform(data), *_of_terraform_state(data)]
    return [place for place in found if _has_cors_rules(place.configuration)]


def _of_cloudformation(data: Mapping[str, Any]) -> Iterator[Place]:
    resources = data.get("Resources")
    if isinstance(resources, Mapping):
        for name, resource in resources.items():
            if isinstance(resource, Mapping) and isinstance(resource.get("Properties"), Mapping):
                yield Place(str(name), resource["Properties"])


def _of_terraform(data: Mapping[str, Any]) -> Iterator[Place]:
    kinds = data.get("resource")
    for block in _each(kinds):
        for kind, named in block.items():
            for names in _each(named):
                for name, bodies in names.items():
                    for body in _each(bodies):
                        yield Place(f"{kind}.{name}", body)


def _of_terraform_state(data: Mapping[str, Any]) -> Iterator[Place]:
    for key in ("values", "planned_values"):
        for root in _each(data.get(key)):
            for module in _each(root.get("root_module")):
                yield from _of_module(module)
    if is_list(data.get("resources")) and "terraform_version" in data:
        for resource in _each(data["resources"]):
            for instance in _each(resource.get("instances")):
                name = f"{resource.get('type')}.{resource.get('name')}"
                yield Place(name, instance.get("attributes"))


def _of_module(module: Mapping[str, Any]) -> Iterator[Place]:
    for resource in _each(module.get("resources")):
        yield Place(str(resource.get("address")), resource.get("values"))
    for child in _each(module.get("child_modules")):
        yield from _of_module(child)


def _each(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a list of blocks; one block is not in a list."""
    listed = value if is_list(value) else [value]
    return [each for each in listed if isinstance(each, Mapping)]


def _has_cors_rules(data: Any) -> bool:
    # Firewalls and life cycles have rules, too.
    rules = rules_of(data)
    return is_rule(rules) or (is_list(rules) and any(map(is_rule, rules)))


def unwrapped(data: Any) -> Any:
    """The object that has the rules, or the list of them."""
    while (inner := unwrapped_once(data)) is not data:
        data = inner
    return data


def unwrapped_once(data: Any) -> Any:
    """The next object within that may have the rules; the same if there is none."""
    if isinstance(data, Mapping) and not is_rule(data) and not rules_keys(data):
        inner = value_of(data, *_WRAPPERS)
        if isinstance(inner, Mapping) or is_list(inner):
            return inner
    return data


def rules_keys(configuration: Mapping[Any, Any]) -> list[Any]:
    """The keys of a configuration that hold rules."""
    return [
        key
        for key, value in configuration.items()
        # XML that was converted to JSON has no list for a single rule.
        if simple(key) in RULES and (is_rule(value) or is_list(value))
    ]


def rules_of(data: Any) -> Any:
    """The rules in plain data: a list, or a single rule; None if there are none."""
    data = unwrapped(data)
    if isinstance(data, Mapping) and not is_rule(data):
        keys = rules_keys(data)
        return data[keys[0]] if keys else None
    return data if is_list(data) or is_rule(data) else None
