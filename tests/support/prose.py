"""Reads what files say to people: pages, docstrings, comments and messages."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path


@cache
def prose(path: Path) -> str:
    """The comments and docstrings of Python, the comments of JavaScript, or a page as it is."""
    text = path.read_text()
    if path.suffix == ".md":
        return text
    if path.suffix == ".js":
        return "\n".join(re.findall(r"//.*", text))
    comments = (
        each.string
        for each in tokenize.generate_tokens(io.StringIO(text).readline)
        if each.type == tokenize.COMMENT
    )
    return "\n".join([*comments, *docstrings(ast.parse(text))])


def docstrings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield text


def messages(path: Path) -> str:
    """The texts in a module, docstrings apart, and the fixed parts of its f-strings."""
    tree = ast.parse(path.read_text())
    told = set(docstrings(tree))
    texts = (
        each.value
        for each in ast.walk(tree)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )
    return "\n".join(text for text in texts if text not in told)


def without_code(page: str) -> str:
    """The text of a page without its code: neither blocks nor what stands between backticks."""
    return re.sub(r"`[^`]*`", "", re.sub(r"^```.*?^```", "", page, flags=re.M | re.S))
