"""Finds the rules in larger documents: templates of tools, and the properties of a bucket.

Facts:

- Terraform, "JSON configuration syntax" and "JSON output format": a block is an object, or a list
  of objects if there are several; ``terraform show -json`` has resources with their ``values``.
- Terraform, "Strings and Templates": ``$${`` and ``%%{`` stand for ``${`` and ``%{``.
- CloudFormation: a template has ``Resources``, each with ``Properties``. Pulumi YAML writes them in
  lower case, and ``pulumi stack export`` lists them with ``inputs`` and ``outputs``.
- Azure Resource Manager: ``resources`` is a list, or an object by symbolic names; a resource may
  have ``resources`` of its own.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from flask_bucketcors.core.fields import is_list
from flask_bucketcors.documents.key_names import RULES, is_rule, may_be_rule, simple, value_of

# Keys, in the simple spelling, below which the rules are.
_WRAPPERS: Final = (
    *("corsconfiguration", "properties", "cors", "values", "attributes"),
    # azurerm_storage_account of Terraform.
    "blobproperties",
)


# Objects and lists in which rules are searched.
_MAX_SEARCHED: Final = 10_000


class Place(NamedTuple):
    """Where a document has rules.

    :param name: of the resource; empty if the document is about one bucket.
    :param configuration: an object with the rules, or the list of them.
    """

    name: str
    configuration: Any


def find_places(data: Any) -> list[Place]:
    """Find each resource with rules in a template; none if the document is not a template.

    Each name occurs once: the second resource of a name gets a number.
    """
    if not isinstance(data, Mapping):
        return []
    found = [*_of_template(data), *_of_terraform(data), *_of_terraform_state(data)]
    return _numbered(each for each in found if _has_cors_rules(each.configuration))


def _numbered(found: Iterable[Place]) -> list[Place]:
    counts: Counter[str] = Counter()
    places = []
    for name, configuration in found:
        counts[name] += 1
        numbered = name if counts[name] == 1 else f"{name}#{counts[name]}"
        places.append(Place(numbered, configuration))
    return places


def _of_template(data: Mapping[str, Any]) -> Iterator[Place]:
    yield from _of_resources(value_of(data, "resources"))
    deployment = data.get("deployment")
    if isinstance(deployment, Mapping):
        yield from _of_resources(value_of(deployment, "resources"))


def _of_resources(resources: Any) -> Iterator[Place]:
    if isinstance(resources, Mapping):
        named = list(resources.items())
    else:
        named = [(_name_of(each), each) for each in _each(resources)]
    for name, resource in named:
        if not isinstance(resource, Mapping):
            continue
        body = value_of(resource, "properties", "inputs", "outputs")
        if isinstance(body, Mapping):
            yield Place(name, body)
        # Serverless Framework has "Resources" below "resources".
        inner = resource if simple(name) == "resources" else value_of(resource, "resources")
        yield from _of_resources(inner)


def _name_of(resource: Mapping[str, Any]) -> str:
    name = resource.get("name", resource.get("urn"))
    return name.rpartition("::")[2] if isinstance(name, str) else "unnamed"


def _of_terraform(data: Mapping[str, Any]) -> Iterator[Place]:
    for block in _each(data.get("resource")):
        for kind, named in block.items():
            for names in _each(named):
                for name, bodies in names.items():
                    for body in _each(bodies):
                        yield Place(f"{kind}.{name}", _unescaped(body))


def _unescaped(value: Any) -> Any:
    """A value with its strings as Terraform takes them."""
    if isinstance(value, str):
        return value.replace("$${", "${").replace("%%{", "%{")
    if isinstance(value, Mapping):
        return {key: _unescaped(each) for key, each in value.items()}
    return [_unescaped(each) for each in value] if is_list(value) else value


def _of_terraform_state(data: Mapping[str, Any]) -> Iterator[Place]:
    for key in ("values", "planned_values"):
        for root in _each(data.get(key)):
            for module in _each(root.get("root_module")):
                yield from _of_module(module)
    if "terraform_version" in data:
        for resource in _each(data.get("resources")):
            for instance in _each(resource.get("instances")):
                name = ".".join(str(resource.get(key)) for key in ("type", "name"))
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


def places_within(data: Any) -> list[Place]:
    """Find the objects with rules anywhere in a document of a form that is not known."""
    found: list[Place] = []
    waiting = [("", data)]
    for _ in range(_MAX_SEARCHED):
        if not waiting:
            break
        name, value = waiting.pop()
        if isinstance(value, Mapping) and rules_keys(value) and _has_cors_rules(value):
            named = value_of(value, "bucket", "bucketname", "name")
            found.append(Place(named if isinstance(named, str) else name, value))
        elif isinstance(value, Mapping):
            waiting += [(str(key), each) for key, each in reversed(list(value.items()))]
        elif is_list(value):
            waiting += [(name, each) for each in reversed(list(value))]
    return _numbered(found)


def _has_cors_rules(data: Any) -> bool:
    # Firewalls and life cycles have rules, too.
    rules = _rules_of(data)
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
    if is_list(data) and len(data) == 1 and _is_block(data[0]):
        return data[0]
    return data


def _is_block(data: Any) -> bool:
    return isinstance(data, Mapping) and not is_rule(data) and bool(rules_keys(data))


def rules_keys(configuration: Mapping[Any, Any]) -> list[Any]:
    """The keys of a configuration that hold rules."""
    return [
        key
        for key, value in configuration.items()
        # XML that was converted to JSON has no list for a single rule.
        if simple(key) in RULES and (is_rule(value) or is_list(value))
    ]


def has_rules(data: Any) -> bool:
    """Whether a document is rules, or has them where they are expected."""
    inner = unwrapped(data)
    if isinstance(inner, Mapping):
        return bool(rules_keys(inner)) or may_be_rule(inner)
    return is_list(inner) and any(map(may_be_rule, inner))


def _rules_of(data: Any) -> Any:
    """The rules in plain data: a list, or a single rule; None if there are none."""
    data = unwrapped(data)
    if isinstance(data, Mapping) and not is_rule(data):
        keys = rules_keys(data)
        return data[keys[0]] if keys else None
    return data if is_list(data) or is_rule(data) else None
