"""Rules in YAML, if PyYAML is installed (extra ``yaml``).

Only the parser of PyYAML is used. Values are built here: texts, whole numbers, booleans and null.
So no document can make objects, and ``NO`` stays a text.
"""

from importlib import import_module
from typing import Any, Final

from flask_bucketcors.core.json_text import MAX_DEPTH
from flask_bucketcors.core.problems import InvalidRules, Problem, ProblemReason
from flask_bucketcors.documents.elements import read_integer

#: PyYAML needs some seconds for a megabyte. In bytes.
MAX_YAML_BYTES: Final = 256 * 1024
_NO_KNOWN_FORM: Final = "neither XML nor JSON nor YAML"
_WORDS: Final = {"": None, "~": None, "null": None, "true": True, "false": False}


class TaggedText(str):
    """A text that a template fills in, with a tag such as ``!Ref`` or ``!Sub``."""

    __slots__ = ()


def load_yaml(body: bytes) -> tuple[Any, list[Problem]]:
    """Parse YAML; give its content, and a problem for each key that stands twice in a mapping.

    A text with a tag such as ``!Ref`` is a :class:`TaggedText`; a list with one, such as
    ``!Split``, is ``{"Fn::Split": [...]}``, as CloudFormation writes it in JSON.

    :raises InvalidRules: if it is none, or PyYAML is not installed.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRules(
            detail=f"neither XML nor JSON: byte {error.start + 1} is not UTF-8"
        ) from None
    if ":" not in text:
        raise InvalidRules(detail=_NO_KNOWN_FORM)
    try:
        yaml = import_module("yaml")
    except ModuleNotFoundError:
        raise InvalidRules(
            detail="neither XML nor JSON; for YAML, pip install 'flask-bucketcors[yaml]'"
        ) from None
    if len(body) > MAX_YAML_BYTES:
        raise InvalidRules(detail=f"YAML of more than {MAX_YAML_BYTES} bytes: convert it to JSON")
    return _load(yaml, text)


def _load(yaml: Any, text: str) -> tuple[Any, list[Problem]]:
    builder = _Builder(yaml)
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            builder.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it is wrong"
        detail = f"neither XML nor JSON, and not accepted as YAML: {problem}{where}"
        raise InvalidRules(detail=detail) from None
    if not isinstance(builder.document, dict | list):
        raise InvalidRules(detail=_NO_KNOWN_FORM)
    return builder.document, builder.problems


class _Builder:
    """Builds a document from the events of the parser, without recursion."""

    def __init__(self, yaml: Any) -> None:
        self._yaml = yaml
        self.document: Any = None
        self.problems: list[Problem] = []
        self._open: list[Any] = []
        # For each mapping that is open, the key that waits for its value.
        self._keys: list[Any] = []
        # The tag of each container that is open.
        self._tags: list[str | None] = []
        self._has_document = False

    def take(self, event: Any) -> None:
        """Take the next event.

        :raises InvalidRules: if it is of a kind that rules do not need.
        """
        yaml = self._yaml
        if isinstance(event, yaml.AliasEvent):
            raise InvalidRules(detail="YAML with aliases: write each value where it belongs")
        if isinstance(event, yaml.DocumentStartEvent):
            if self._has_document:
                raise InvalidRules(detail="YAML of several documents: write one")
            self._has_document = True
        elif isinstance(event, yaml.ScalarEvent):
            self._add(_scalar(event))
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            container: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._begin(container, event.tag)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._end()

    def _begin(self, container: Any, tag: str | None) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise InvalidRules(detail=f"nested more than {MAX_DEPTH} deep")
        self._add(container)
        self._open.append(container)
        self._keys.append(None)
        self._tags.append(tag)

    def _end(self) -> None:
        self._keys.pop()
        tag, container = self._tags.pop(), self._open.pop()
        if isinstance(container, list) and self._open and _is_function(tag):
            parent = self._open[-1]
            place = -1 if isinstance(parent, list) else next(reversed(parent))
            parent[place] = {f"Fn::{str(tag).removeprefix('!')}": container}

    def _add(self, value: Any) -> None:
        if not self._open:
            self.document = value
        elif isinstance(self._open[-1], list):
            self._open[-1].append(value)
        elif self._keys[-1] is None:
            self._take_key(value)
        else:
            self._open[-1][self._keys[-1]] = value
            self._keys[-1] = None

    def _take_key(self, value: Any) -> None:
        if isinstance(value, dict | list):
            raise InvalidRules(detail="YAML with a list or mapping as a key: write a text")
        key = self._keys[-1] = str(value)
        if key in self._open[-1]:
            self.problems.append(Problem(key, None, ProblemReason.REPEATED))


def _scalar(event: Any) -> Any:
    if _is_function(event.tag):
        return TaggedText(event.value)
    # A quoted value, and one with a tag, is text.
    if event.style or event.tag:
        return event.value
    if event.value.lower() in _WORDS:
        return _WORDS[event.value.lower()]
    return read_integer(event.value)


def _is_function(tag: str | None) -> bool:
    """Whether a tag is none of YAML's own."""
    return tag is not None and tag.startswith("!") and tag != "!"
