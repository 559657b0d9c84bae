"""What can be changed in a module: one small fault at a time, found in its syntax tree."""

import ast
import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

#: Texts of this many words are prose. What they say to people is not for a mutant to test.
PROSE_WORDS: Final = 4

_COMPARISONS: Final[dict[type[ast.cmpop], tuple[str, tuple[str, ...]]]] = {
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.Lt: ("<", ("<=", ">=")),
    ast.LtE: ("<=", ("<", ">")),
    ast.Gt: (">", (">=", "<=")),
    ast.GtE: (">=", (">", "<")),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: ("is not", ("is",)),
}
_BINARY: Final[dict[type[ast.operator], tuple[str, str]]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "+"),
    ast.BitOr: ("|", "&"),
    ast.BitAnd: ("&", "|"),
}
_PAIRS: Final = (
    ("startswith", "endswith"),
    ("removeprefix", "removesuffix"),
    ("partition", "rpartition"),
    ("lstrip", "rstrip"),
    ("lower", "upper"),
    ("any", "all"),
    ("min", "max"),
    ("fullmatch", "match"),
    ("issubset", "issuperset"),
)
_NAMES: Final = {
    **dict(_PAIRS),
    **{second: first for first, second in _PAIRS if second != "match"},
    "strip": "lstrip",
    "sorted": "list",
}
_TYPE_NAMES: Final = ("TypeVar", "NewType", "cast")


@dataclass(frozen=True, order=True)
class Mutant:
    """One change.

    :param file: the module, relative to the tree.
    :param line: where the change begins, from 1.
    :param start, end: the bytes that are replaced.
    :param text: what they are replaced by.
    :param operator: the kind of change.
    """

    file: str
    line: int
    start: int
    end: int
    text: str
    operator: str

    def apply(self, source: bytes) -> bytes:
        """Give the module with the change."""
        return source[: self.start] + self.text.encode() + source[self.end :]

    def diff(self, source: bytes) -> str:
        """Show the change as a unified diff."""
        before, after = source.decode().splitlines(), self.apply(source).decode().splitlines()
        lines = difflib.unified_diff(before, after, self.file, self.file, n=1, lineterm="")
        return "\n".join(lines)

    def lines(self, source: bytes) -> tuple[str, str]:
        """Give the lines that differ, before and after, without the blanks around each."""
        changed = [
            line for line in self.diff(source).splitlines() if line[:3] not in ("---", "+++")
        ]
        before = [line[1:].strip() for line in changed if line.startswith("-")]
        after = [line[1:].strip() for line in changed if line.startswith("+")]
        return "\n".join(before), "\n".join(after)


def mutants_of(file: str, source: bytes) -> list[Mutant]:
    """Give all changes of a module, in order. A few of them are not :func:`valid <is_valid>`."""
    return sorted(set(_Finder(file, source).mutants()))


def is_valid(mutant: Mutant, source: bytes) -> bool:
    """Whether the module still compiles, and to something else."""
    changed = mutant.apply(source)
    try:
        return ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source))
    except SyntaxError:
        return False


_Edit = tuple[int, int, str, str]


class _Finder:
    """Walks the tree of a module and proposes edits, as (start, end, text, operator)."""

    def __init__(self, file: str, source: bytes) -> None:
        self._file = file
        self._source = source
        lengths = [len(line) for line in source.splitlines(keepends=True)]
        self._starts = [sum(lengths[:index]) for index in range(len(lengths) + 1)]
        self._tree = ast.parse(source)

    def mutants(self) -> Iterator[Mutant]:
        for start, end, text, operator in self._edits(self._tree):
            line = self._source.count(b"\n", 0, start) + 1
            yield Mutant(self._file, line, start, end, text, operator)

    def _edits(self, node: ast.AST) -> Iterator[_Edit]:
        for child in _children(node):
            method = getattr(self, f"_{type(child).__name__.lower()}", None)
            if method is not None:
                yield from method(child)
            yield from self._edits(child)

    def _span(self, node: ast.AST) -> tuple[int, int]:
        start = self._starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        end = self._starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return start, end

    def _text(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self._source[start:end].decode()

    def _replace(self, node: ast.AST, text: str, operator: str) -> _Edit:
        return (*self._span(node), text, operator)

    def _between(
        self, left: ast.AST, right: ast.AST, old: str, new: str, operator: str
    ) -> Iterator[_Edit]:
        """Replace an operator that stands between two operands."""
        start, end = self._span(left)[1], self._span(right)[0]
        gap = self._source[start:end].decode()
        pattern = rf"(?<![=<>!\w]){re.escape(old)}(?![=<>\w])"
        if re.search(pattern, gap):
            yield start, end, re.sub(pattern, new, gap, count=1), operator

    def _compare(self, node: ast.Compare) -> Iterator[_Edit]:
        operands = [node.left, *node.comparators]
        for index, kind in enumerate(node.ops):
            old, others = _COMPARISONS[type(kind)]
            for new in others:
                pair = operands[index], operands[index + 1]
                yield from self._between(*pair, old, new, "comparison")

    def _boolop(self, node: ast.BoolOp) -> Iterator[_Edit]:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            yield from self._between(left, right, old, new, "and/or")
        neutral = str(isinstance(node.op, ast.And))
        for value in node.values:
            yield self._replace(value, neutral, "operand removed")

    def _unaryop(self, node: ast.UnaryOp) -> Iterator[_Edit]:
        if isinstance(node.op, ast.Not):
            yield self._replace(node, f"({self._text(node.operand)})", "not removed")

    def _binop(self, node: ast.BinOp) -> Iterator[_Edit]:
        if type(node.op) in _BINARY:
            old, new = _BINARY[type(node.op)]
            yield from self._between(node.left, node.right, old, new, "arithmetic")

    def _condition(self, test: ast.expr) -> Iterator[_Edit]:
        for value in ("True", "False"):
            yield self._replace(test, value, f"always {value.lower()}")

    def _if(self, node: ast.If) -> Iterator[_Edit]:
        yield from self._condition(node.test)

    def _ifexp(self, node: ast.IfExp) -> Iterator[_Edit]:
        yield from self._condition(node.test)

    def _while(self, node: ast.While) -> Iterator[_Edit]:
        yield self._replace(node.test, "False", "always false")

    def _comprehension(self, node: ast.comprehension) -> Iterator[_Edit]:
        for test in node.ifs:
            yield from self._condition(test)

    def _constant(self, node: ast.Constant) -> Iterator[_Edit]:
        value = node.value
        if isinstance(value, bool):
            yield self._replace(node, str(not value), "constant")
        elif isinstance(value, int):
            for other in (value + 1, value - 1):
                yield self._replace(node, f"({other})" if other < 0 else str(other), "constant")
        elif isinstance(value, str | bytes) and len(value.split()) < PROSE_WORDS:
            other = value.swapcase()
            if other == value:
                other = value + (b"X" if isinstance(value, bytes) else "X")
            yield self._replace(node, repr(other), "text changed")
            if value:
                yield self._replace(node, repr(value[:0]), "text emptied")

    def _slice(self, node: ast.Slice) -> Iterator[_Edit]:
        for bound in filter(None, (node.lower, node.upper)):
            yield self._replace(bound, "", "bound removed")

    def _return(self, node: ast.Return) -> Iterator[_Edit]:
        if node.value is not None and self._text(node.value) != "None":
            yield self._replace(node.value, "None", "return None")

    def _removal(self, node: ast.stmt) -> Iterator[_Edit]:
        yield self._replace(node, "pass", "statement removed")

    _raise = _augassign = _delete = _removal

    def _expr(self, node: ast.Expr) -> Iterator[_Edit]:
        if not isinstance(node.value, ast.Constant):
            yield from self._removal(node)

    def _assign(self, node: ast.Assign) -> Iterator[_Edit]:
        # Without a name that is used below, everything would fail.
        if not any(isinstance(target, ast.Name | ast.Tuple) for target in node.targets):
            yield from self._removal(node)

    def _break(self, node: ast.Break) -> Iterator[_Edit]:
        yield self._replace(node, "continue", "break/continue")

    def _continue(self, node: ast.Continue) -> Iterator[_Edit]:
        yield self._replace(node, "break", "break/continue")
        yield from self._removal(node)

    def _excepthandler(self, node: ast.ExceptHandler) -> Iterator[_Edit]:
        yield self._replace(node.body[0], "raise", "exception passed on")

    def _call(self, node: ast.Call) -> Iterator[_Edit]:
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else self._text(function)
        if name in _NAMES:
            start = self._span(function)[1] - len(name.encode())
            yield start, start + len(name.encode()), _NAMES[name], "function swapped"
        if len(node.args) >= 2 and not any(isinstance(arg, ast.Starred) for arg in node.args[:2]):
            first, second = node.args[:2]
            between = self._source[self._span(first)[1] : self._span(second)[0]].decode()
            swapped = self._text(second) + between + self._text(first)
            yield self._span(first)[0], self._span(second)[1], swapped, "arguments swapped"


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node that run: no annotations, docstrings, imports and decorators."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases", "format_spec"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and _runs(child):
                yield child


def _runs(node: ast.AST) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr):
        # Python 3.11 does not say where the parts of an f-string are.
        return False
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)
    if isinstance(node, ast.If):
        return not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING")
    if isinstance(node, ast.Call):
        return not (isinstance(node.func, ast.Name) and node.func.id in _TYPE_NAMES)
    if isinstance(node, ast.Assign):
        names = {target.id for target in node.targets if isinstance(target, ast.Name)}
        is_type = isinstance(node.value, ast.BinOp | ast.Subscript) and not any(
            name.isupper() or name.islower() for name in names
        )
        return not (names & {"__all__", "__slots__"} or is_type)
    return True
