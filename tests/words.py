"""``python -m tests.words [FILE...]``: find words that are not to be written.

Pages, docstrings, comments and messages use the words of the field: a response is no "answer", a
fault gets a fix. Without files, all are read. The exit code is 1 if a word is found.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support import ROOT
from tests.support.prose import messages, prose, without_code

FOLDERS_OF_PAGES = (".", "benchmarks", "docs")
FOLDERS_OF_MODULES = ("flask_bucketcors", "example_app", "benchmarks", "docs")
#: How a page begins that a script writes from docstrings, which are checked themselves.
WRITTEN_BY_A_SCRIPT = "<!-- Written by "

#: What not to write, and what to write instead. In code, a witness is an example request.
WORDS = {
    r"answer(s|ed|ing)?": "response, respond",
    r"mend(s|ed|ing)?": "fix, help, correct",
    r"who(m)?ever": "anyone who, or the name of the thing",
    r"decided? otherwise": "treat differently",
    r"(is|are) asked for": "requested",
    r"such as no \w+": "which no ...",
}
WORDS_IN_PAGES = {**WORDS, r"witness(es)?": "example request"}

#: How many characters of the text are shown on either side of a word.
AROUND = 30


def pages() -> list[Path]:
    """The pages that people write."""
    found = [page for folder in FOLDERS_OF_PAGES for page in sorted((ROOT / folder).glob("*.md"))]
    return [page for page in found if not page.read_text().startswith(WRITTEN_BY_A_SCRIPT)]


def modules() -> list[Path]:
    """The modules of the package, the example, the benchmarks and the documentation."""
    found = [path for each in FOLDERS_OF_MODULES for path in sorted((ROOT / each).rglob("*.py*"))]
    return [path for path in found if path.suffix in {".py", ".pyi"}]


def found_in(text: str, words: dict[str, str]) -> list[str]:
    """The words in a text that are not to be written, where they are, and what to write instead."""
    return [
        f"{text[max(0, found.start() - AROUND) : found.end() + AROUND]!r}: write {instead}"
        for word, instead in words.items()
        for found in re.finditer(rf"(?i)\b{word}\b", text)
    ]


def found_in_file(path: Path) -> list[str]:
    """The same for a page or a module."""
    if path.suffix == ".md":
        return found_in(without_code(path.read_text()), WORDS_IN_PAGES)
    return found_in(f"{prose(path)}\n{messages(path)}", WORDS)


def name_of(path: Path) -> str:
    """A path as it is seen from the root."""
    return path.relative_to(ROOT).as_posix()


def main(names: Sequence[str]) -> int:
    """Print what is found in files, or in all of them; of others than those, nothing is read."""
    known = [*pages(), *modules()]
    named = {Path(name).resolve() for name in names} or set(known)
    found = [
        f"{name_of(path)}: {each}"
        for path in known
        if path in named
        for each in found_in_file(path)
    ]
    print("\n".join(found) or "No word to replace.")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
