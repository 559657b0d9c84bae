"""Writes `reference.md` from the docstrings of the public names.

The page is in the repository, and is not made while Sphinx builds the site, so that readers on
GitHub find signatures, parameters and errors too. Names and topics are those of
`flask_bucketcors/__init__.pyi`.

    python docs/make_reference.py

It reads the source and imports nothing: signatures show types as the source names them.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from inspect import cleandoc
from pathlib import Path
from textwrap import indent
from typing import Final, NamedTuple

SOURCE: Final = Path(__file__).parent.parent
PACKAGE: Final = "flask_bucketcors"
STUB: Final = SOURCE / PACKAGE / "__init__.pyi"
PAGE: Final = SOURCE / "docs" / "reference.md"
MAX_LINE: Final = 88

#: Types in signatures that are not public, with what a reader has to know of each.
PRIVATE_TYPES: Final = {
    "Arguments": "Arguments of `explain`, as a dictionary: `explain(rules, **from_curl(text))`.",
    "CheckedRules": "Fields of rules, as the cache reads them from a store. Pass a `RuleSet`.",
    "Dialect": 'The record of a dialect. Pass a name: `"cos"`, `"oss"`, `"s3"` or `"obs"`.',
    "DefaultRules": "A `RuleSet`, a document as text or plain data, the path of a file, or None.",
    "Feed": "What changed on a server since a position, for stores that keep a copy.",
    "HeaderPairs": "Names and values of headers: `Sequence[tuple[str, str]]`.",
    "Keys": "Access key ids to secrets, as a mapping, or as a function that returns None for an"
    " unknown id. A secret is a `str` or an `AccessKey`.",
    "Kind": "How far a mistake takes a request from a rule; the order of its members counts.",
    "AnyVersion": "The type of `ANY_VERSION`.",
    "TestClient": "A test client of Flask, Werkzeug's `Client`, or WebTest's `TestApp`.",
    "Limits": "Names of dialects to `(rules, bytes)`.",
    "Resolver": "Finds the bucket of a `Request`, as the middleware does.",
}

_HEAD: Final = """\
<!-- Written by docs/make_reference.py from the docstrings. A test compares them. -->

# Python reference

These are the public names. Import them from the package: `from flask_bucketcors import RuleSet`.
Everything else in the package is private and may change without notice.
"""
_ROLE: Final = re.compile(r":[a-z]+:`~?([\w.]+)`")
_FIELD: Final = re.compile(r"^:(param|raises|returns)(?: ([^:\n]+))?: ?(.*(?:\n +.*)*)\n?", re.M)
_ENUMS: Final = {"Enum", "StrEnum"}


class Topic(NamedTuple):
    """A part of the page; its names have their modules beside them."""

    title: str
    introduction: str
    names: dict[str, str]


class Doc(NamedTuple):
    """A docstring: its text, and what it says of parameters and errors."""

    text: str
    parameters: dict[str, str]
    returns: str
    errors: dict[str, str]


Parameter = tuple[str, str, str]


class Member(NamedTuple):
    """A method or property of a public class."""

    node: ast.FunctionDef
    module: str

    @property
    def name(self) -> str:
        """Its name."""
        return self.node.name

    @property
    def doc(self) -> Doc:
        """What its docstring says; nothing if it only overrides a method of a base."""
        return parse_docstring(ast.get_docstring(self.node) or "")

    @property
    def is_property(self) -> bool:
        """Whether it is read and not called."""
        return bool({"property", "cached_property"} & self._decorators)

    @property
    def is_abstract(self) -> bool:
        """Whether a subclass has to define it."""
        return "abstractmethod" in self._decorators

    @property
    def parameters(self) -> list[Parameter]:
        """What it takes: names, types and defaults, as text."""
        return _parameters(self.node.args, self.module)

    @property
    def returns(self) -> str:
        """The type of what it returns."""
        return _type(self.node.returns)

    @property
    def _decorators(self) -> set[str]:
        return {*map(ast.unparse, self.node.decorator_list)}


class Entry(NamedTuple):
    """A public name, and where it is defined."""

    name: str
    module: str
    node: ast.ClassDef | ast.FunctionDef | ast.Assign | ast.AnnAssign

    @property
    def doc(self) -> Doc:
        """What its docstring says or, of the name of a type, the comment above it."""
        if isinstance(self.node, ast.Assign | ast.AnnAssign):
            return parse_docstring(_comment_above(self.module, self.node.lineno))
        return parse_docstring(ast.get_docstring(self.node) or "")

    @property
    def bases(self) -> list[str]:
        """The names of a class's bases."""
        return list(map(ast.unparse, getattr(self.node, "bases", [])))

    @property
    def members(self) -> list[Member]:
        """The public methods and properties of a class."""
        if not isinstance(self.node, ast.ClassDef):
            return []
        functions = [each for each in self.node.body if isinstance(each, ast.FunctionDef)]
        found = [Member(each, self.module) for each in functions]
        return [each for each in found if not each.name.startswith("_")]

    @property
    def parameters(self) -> list[Parameter]:
        """What it takes: names, types and defaults, as text; of a record, its public fields."""
        if isinstance(self.node, ast.FunctionDef):
            return _parameters(self.node.args, self.module)
        for node in getattr(self.node, "body", []):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                return _parameters(node.args, self.module)
        return [] if _ENUMS & {*self.bases} else list(self._record_fields())

    @property
    def is_made_here(self) -> bool:
        """Whether only this package makes objects of the class: some of its fields are private."""
        body = getattr(self.node, "body", [])
        return any(isinstance(each, ast.AnnAssign) and _is_private(each.target) for each in body)

    def _record_fields(self) -> Iterator[Parameter]:
        for node in getattr(self.node, "body", []):
            match node:
                case ast.AnnAssign(annotation=ast.Subscript(value=ast.Name(id="ClassVar"))):
                    continue
                case ast.AnnAssign(target=ast.Name(id=name) as target) if not _is_private(target):
                    yield name, _type(node.annotation), _field_default(node.value, self.module)

    @property
    def values(self) -> dict[str, str]:
        """The members of an enumeration, with their values where these are text."""
        found = {}
        for node in getattr(self.node, "body", []):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)]) if _ENUMS & {*self.bases}:
                    value = node.value.value if isinstance(node.value, ast.Constant) else ""
                    found[name] = value if isinstance(value, str) else ""
        return {name: value for name, value in found.items() if not name.startswith("_")}


def _is_private(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id.startswith("_")


@cache
def topics() -> tuple[Topic, ...]:
    """The topics of the stub."""
    found: list[Topic] = []
    for node in ast.parse(STUB.read_text("utf-8")).body[1:]:
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                title, _, introduction = cleandoc(text).partition("\n\n")
                found.append(Topic(title, introduction, {}))
            case ast.ImportFrom(module=str(module), names=names):
                found[-1].names.update((each.name, module) for each in names)
    return tuple(found)


@cache
def entries() -> dict[str, Entry]:
    """All public names in the order of the stub."""
    homes = {name: module for topic in topics() for name, module in topic.names.items()}
    return {name: find_entry(name, module) for name, module in homes.items()}


def find_entry(name: str, module: str) -> Entry:
    """Find what a name is.

    :raises LookupError: if the module does not define it.
    """
    for node in _tree(module).body:
        match node:
            case ast.ClassDef(name=found) | ast.FunctionDef(name=found) if found == name:
                return Entry(name, module, node)
            case (
                ast.Assign(targets=[ast.Name(id=found)]) | ast.AnnAssign(target=ast.Name(id=found))
            ) if found == name:
                return Entry(name, module, node)
    raise LookupError(f"{module} does not define {name}: name the module that does in {STUB.name}")


def _file(module: str) -> Path:
    path = SOURCE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_file(module).read_text("utf-8"))


def _comment_above(module: str, line: int) -> str:
    lines = _file(module).read_text("utf-8").splitlines()[: line - 1]
    comment: list[str] = []
    while lines and lines[-1].startswith("#: "):
        comment.insert(0, lines.pop().removeprefix("#: "))
    return "\n".join(comment)


def parse_docstring(text: str) -> Doc:
    """Take a docstring apart."""
    kept = re.sub(r"\n{3,}", "\n\n", _FIELD.sub("", text))
    doc = Doc(kept.strip(), {}, "", {})
    for kind, names, told in _FIELD.findall(text):
        told = re.sub(r"\s+", " ", told)
        if kind == "returns":
            doc = doc._replace(returns=told)
        else:
            into = doc.parameters if kind == "param" else doc.errors
            into.update(dict.fromkeys(re.split(", ?", names), told))
    return doc


def _type(node: ast.expr | None) -> str:
    # A type in quotes is one that the module defines further down.
    return ast.unparse(node).replace("'", "") if node else ""


def _default(node: ast.expr | None, module: str) -> str:
    """A default as text; of a constant, its value."""
    if isinstance(node, ast.Name):
        node = _constant(node.id, module) or node
    return ast.unparse(node).replace("'", '"') if node else ""


def _constant(name: str, module: str) -> ast.expr | None:
    """The value of a constant of a module, if it is a number or text, wherever it comes from."""
    for node in _tree(module).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                return value if isinstance(value, ast.Constant) else None
            case ast.AnnAssign(target=ast.Name(id=found), value=value) if found == name:
                return value if isinstance(value, ast.Constant) else None
            case ast.ImportFrom(module=str(other), names=names) if other.startswith(PACKAGE):
                if any(each.name == name for each in names):
                    return _constant(name, other)
    return None


def _field_default(node: ast.expr | None, module: str) -> str:
    match node:
        case ast.Call(func=ast.Name(id="field"), keywords=keywords):
            given = {each.arg: each.value for each in keywords}
            return "..." if "default_factory" in given else _default(given.get("default"), module)
    return _default(node, module)


def _parameters(arguments: ast.arguments, module: str) -> list[Parameter]:
    named = [each for each in arguments.args if each.arg not in ("self", "cls")]
    missing: list[ast.expr | None] = [None] * (len(named) - len(arguments.defaults))
    given = [*zip(named, [*missing, *arguments.defaults], strict=True)]
    only_by_name = [*zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    found = [(each.arg, _type(each.annotation), _default(value, module)) for each, value in given]
    if only_by_name:
        found.append(("*", "", ""))
    found += [(each.arg, _type(each.annotation), _default(v, module)) for each, v in only_by_name]
    return found


def signature(called: str, parameters: Iterable[Parameter], returns: str = "") -> str:
    """A signature, on one line or on several."""
    shown = [
        name + (f": {type_}" if type_ else "") + (f" = {default}" if default else "")
        for name, type_, default in parameters
    ]
    end = f") -> {returns}" if returns else ")"
    line = f"{called}({', '.join(shown)}{end}"
    if len(line) <= MAX_LINE:
        return line
    return "\n".join([f"{called}(", *(f"    {each}," for each in shown), end])


def _definition(entry: Entry) -> str:
    """What stands in the code block of an entry; nothing if there is only the name to say."""
    if isinstance(entry.node, ast.Assign):
        return ast.unparse(entry.node)
    if isinstance(entry.node, ast.AnnAssign):
        return ""
    if isinstance(entry.node, ast.FunctionDef):
        return signature(entry.name, entry.parameters, _type(entry.node.returns))
    if not entry.parameters:
        return ""
    if entry.is_made_here:
        fields = "\n".join(f"    {name}: {type_}" for name, type_, _ in entry.parameters)
        return f"class {entry.name}:\n{fields}"
    return "class " + signature(entry.name, entry.parameters)


@cache
def anchors() -> dict[str, str]:
    """The anchor of each name, as GitHub and MyST make it from headings."""
    seen: Counter[str] = Counter()
    found = {}
    for topic in topics():
        seen[topic.title.lower()] += 1
        for name in topic.names:
            slug = name.lower()
            found[name] = f"{slug}-{seen[slug]}" if seen[slug] else slug
            seen[slug] += 1
    return found


def _link(name: str) -> str:
    return f"[`{name}`](#{anchors()[name]})" if name in anchors() else f"`{name}`"


def markdown(text: str) -> str:
    """reStructuredText as docstrings have it, in Markdown."""
    text = _ROLE.sub(lambda match: _link(match[1].removeprefix(f"{PACKAGE}.")), text)
    text = re.sub(r"\bdocs/([\w-]+\.md)", r"[\1](\1)", text)
    text = re.sub(r"::$", ":", text, flags=re.M)
    return text.replace("``", "`")


def summary(text: str) -> str:
    """The first sentence of a docstring."""
    first = re.split(r"\n\n|(?<=\.)\s", text, maxsplit=1)[0]
    return markdown(re.sub(r"\s+", " ", first))


def _bullets(doc: Doc) -> Iterator[str]:
    for name, told in doc.parameters.items():
        yield f"- `{name}`: {markdown(told)}"
    if doc.returns:
        yield f"- Returns {markdown(doc.returns)}"
    for name, told in doc.errors.items():
        yield f"- Raises {_link(name)}: {markdown(told)}"


def _member(member: Member) -> str:
    """A method or property as an item of a list."""
    if member.is_property:
        shown = f"{member.name}: {member.returns}"
    else:
        shown = signature(member.name, member.parameters, member.returns)
        shown = re.sub(r"\s*\n\s*", " ", shown).replace("( ", "(").replace(", )", ")")
    note = " (abstract)" if member.is_abstract else ""
    doc = member.doc
    parts = [f"`{shown}`{note}", markdown(doc.text), "\n".join(_bullets(doc))]
    return "- " + indent("\n\n".join(filter(None, parts)), "  ").strip()


def _named_types(entry: Entry, shown: str) -> list[str]:
    """The other public names in signatures, where no link can stand, in the order of the stub."""
    signatures = [shown, *(_member(each).partition("\n")[0] for each in entry.members)]
    named = {*re.findall(r"\b[A-Z]\w+", " ".join(signatures))} - {entry.name, *entry.bases}
    return [name for name in anchors() if name in named]


def _section(entry: Entry) -> Iterator[str]:
    yield f"### `{entry.name}`"
    definition = _definition(entry)
    if definition:
        yield f"```py\n{definition}\n```"
    yield markdown(entry.doc.text)
    bases = [each for each in entry.bases if each not in ("ABC", "NamedTuple", "Protocol")]
    if bases:
        yield f"Based on {' and '.join(map(_link, bases))}."
    yield "\n".join(_bullets(entry.doc))
    types = _named_types(entry, definition)
    if types:
        yield f"Types: {', '.join(map(_link, types))}."
    if entry.values:
        yield from _values(entry.values)
    members = "\n\n".join(_member(each) for each in entry.members if each.doc.text)
    if members:
        yield f"**Methods and properties**\n\n{members}"


def _values(values: dict[str, str]) -> Iterator[str]:
    """The members of an enumeration; each with its value, unless that says what the name says."""
    telling = any(value not in ("", name.lower()) for name, value in values.items())
    yield "**Members**"
    if telling:
        yield "\n".join(f'- `{name}`: `"{value}"`' for name, value in values.items())
    else:
        yield ", ".join(f"`{name}`" for name in values) + "."


def _contents() -> Iterator[str]:
    for topic in topics():
        lines = [f"- {_link(name)}: {summary(entries()[name].doc.text)}" for name in topic.names]
        yield f"**[{topic.title}](#{topic.title.lower()})**\n\n" + "\n".join(lines)


def _blocks() -> Iterator[str]:
    yield _HEAD.strip()
    yield from _contents()
    for topic in topics():
        yield f"## {topic.title}"
        yield topic.introduction
        for name in topic.names:
            yield from _section(entries()[name])
    yield "## Other types"
    yield "Signatures also name these types, which you do not import:"
    yield "\n".join(f"- `{name}`: {told}" for name, told in PRIVATE_TYPES.items())


def page() -> str:
    """The whole page."""
    return "\n\n".join(filter(None, _blocks())) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
