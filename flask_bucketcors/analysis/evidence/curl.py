"""A ``curl`` command, as browsers' tools copy it, with what it printed."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, Final

from flask_bucketcors.analysis.evidence.page_request import Arguments, by_name, request_arguments
from flask_bucketcors.analysis.spelling.sent_origins import browser_form, is_sendable
from flask_bucketcors.core.origins import NULL

#: Longer commands are refused, in characters.
MAX_CURL: Final = 256 * 1024

# Options of curl that take a value: the short ones, and the long ones that matter here, with the
# short one that means the same, or a name. Of other long options with a value, the value is taken
# for an address.
_CURL_LETTERS: Final = frozenset("AbCcdDeEFHKmoPQrtTuUwxXyYz")
_CURL_WORDS: Final = {
    "--header": "H",
    "--request": "X",
    "--data": "d",
    "--data-raw": "d",
    "--data-binary": "d",
    "--data-ascii": "d",
    "--data-urlencode": "d",
    "--json": "json",
    "--form": "F",
    "--form-string": "F",
    "--upload-file": "T",
    "--cookie": "b",
    "--user": "u",
    "--oauth2-bearer": "oauth",
    "--url": "url",
    "--referer": "e",
    "--head": "I",
    "--get": "G",
}
# Long options whose value says nothing of the request or its headers.
_SKIPPED_NAMES: Final = """
    --user-agent --output --max-time --connect-timeout --proxy --resolve --connect-to --cacert
    --cert --key --write-out --range --retry --aws-sigv4 --dump-header
"""
_SKIPPED_WORDS: Final = frozenset(_SKIPPED_NAMES.split())
# How shells quote what plain quotes cannot hold; browsers copy bodies this way.
_ANSI_QUOTED = re.compile(r"\$'((?:[^'\\]|\\.)*+)'", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t"}
# What word processors and wikis make of plain quotes and of dashes in front of an option.
_QUOTES: Final = str.maketrans("\u2018\u2019\u201c\u201d\u201e", '\'\'"""')
_LONG_DASH: Final = re.compile(r"(?<=\s)[\u2013\u2014]-?(?=[A-Za-z](\w?))")
# What ends a command in a shell.
_SEPARATORS: Final = (";", "&&", "||", "|")
#: Where a command begins.
COMMAND: Final = re.compile(r"(?:^|[\s;&|/])curl(?:\.exe)?(?=\s)", re.MULTILINE)
_QUOTED = re.compile(
    r"""\$'(?:[^'\\]|\\.)*+' | '[^']*+' | "(?:[^"\\]|\\.)*+" | \\. | [^'"\\\n]++ | ['"]""",
    re.DOTALL | re.VERBOSE,
)
_NEXT_OPTION = re.compile(r"\s*-{1,2}[A-Za-z]")
_RESPONSE_LINE = re.compile(r"^\s*<\s?(.*)$")
# Headers that options add; an empty value stands for that of the option.
_HEADERS_OF_OPTIONS: Final = {
    "json": ("content-type", "application/json"),
    "d": ("content-type", "application/x-www-form-urlencoded"),
    "u": ("authorization", "Basic"),
    "oauth": ("authorization", "Bearer"),
    "b": ("cookie", ""),
    "e": ("referer", ""),
}
_STATUS_LINE = re.compile(r"HTTP/[0-9.]+ ([0-9]{3})")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)")


def from_curl(text: str) -> Arguments:
    """Read a ``curl`` command, as browsers' tools copy it.

    :param text: the command, and below it what ``curl -v`` or ``curl -i`` printed, if you have it.
    :raises ValueError: if there is no command, or it names no page; the text says what to write.
    """
    if len(text) > MAX_CURL:
        raise ValueError(f"The command is longer than {MAX_CURL} characters.")
    command, printed = _cut(_as_typed(_without_carets(text.replace("\r\n", "\n"))))
    options = list(_curl_options(_curl_words(command)))
    headers = _curl_headers(options)
    method = _curl_method(options)
    found = request_arguments(method, headers, _page_origin(headers))
    response = _response_of(_response_lines(printed.split("\n")))
    if response:
        found["response"] = response
    return found


def _without_carets(text: str) -> str:
    r"""The command as other shells write it, if it was copied for Windows, where ``^`` is ``\``."""
    if '^"' not in text:
        return text
    return re.sub(r"\^(.)", r"\1", re.sub(r"\^\n", " ", text))


def _as_typed(text: str) -> str:
    """The command with plain quotes and dashes, if it has no plain quotes of its own."""
    if "'" in text or '"' in text:
        return text
    return _LONG_DASH.sub(lambda dash: "--" if dash[1] else "-", text.translate(_QUOTES))


def _cut(text: str) -> tuple[str, str]:
    """The command, up to the end of its last line, and what follows.

    A quoted value may have several lines. Options on a line of their own belong to the command,
    also if the line before does not end in a backslash.

    :raises ValueError: if the text holds no command, or several.
    """
    found = COMMAND.search(text)
    if found is None:
        raise ValueError(
            "The text holds no curl command: write curl -H 'Origin: https://...' followed by "
            "the address."
        )
    place = found.end()
    while place < len(text):
        part = _QUOTED.match(text, place)
        # All blanks in front of an option at once: a look behind each would take too long.
        part = part or _NEXT_OPTION.match(text, place + 1)
        if part is None:
            break
        place = part.end()
    command, rest = text[found.end() : place], text[place:]
    # Below the first line of the response stands what the server wrote.
    below = takewhile(lambda line: not _STATUS_LINE.search(line), rest.split("\n"))
    if any(COMMAND.match(line.removeprefix("$ ")) for line in below):
        raise ValueError("The text holds several curl commands: copy one of them.")
    return command.replace("\\\n", " "), rest


def _response_lines(lines: Sequence[str]) -> list[str]:
    """The lines of the response among all that a command printed."""
    marked = [line for line in lines if _RESPONSE_LINE.match(line)]
    if any(_STATUS_LINE.match(_unmarked(line)) for line in marked):
        # The form of "-v"; lines without the mark are the body.
        return list(map(_unmarked, marked))
    return [line.strip() for line in lines]


def _unmarked(line: str) -> str:
    match = _RESPONSE_LINE.match(line)
    return match[1] if match else line


def _curl_words(command: str) -> list[str]:
    plain = _ANSI_QUOTED.sub(_plainly_quoted, command)
    lexer = shlex.shlex(plain, posix=True, punctuation_chars=";|&")
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError as error:
        raise ValueError(f"The command cannot be read: {error}. Copy it whole.") from None
    ends = [place for place, word in enumerate(words) if word in _SEPARATORS]
    if not ends:
        return words
    if any(word == "curl" for word in words[ends[0] :]):
        raise ValueError("The text holds several curl commands: copy one of them.")
    return words[: ends[0]]


def _plainly_quoted(match: re.Match[str]) -> str:
    def character(escape: re.Match[str]) -> str:
        code = escape[1]
        return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPES.get(code, code)

    return shlex.quote(re.sub(r"\\(u[0-9A-Fa-f]{4}|.)", character, match[1], flags=re.DOTALL))


def _curl_options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give options by their letter, each with its value; addresses as ``url``."""
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            letter = _letter(name)
            takes = name in _SKIPPED_WORDS or (letter and letter not in "IG")
            yield letter, value if equals else (next(rest, "") if takes else "")
        elif word.startswith("-") and len(word) > 1:
            yield from _curl_cluster(word[1:], rest)
        else:
            yield "url", word


def _letter(name: str) -> str:
    """The letter of a long option, which curl lets people abbreviate."""
    if name in _CURL_WORDS or name in _SKIPPED_WORDS:
        return _CURL_WORDS.get(name, "")
    letters = {letter for word, letter in _CURL_WORDS.items() if word.startswith(name)}
    return letters.pop() if len(letters) == 1 else ""


def _curl_cluster(letters: str, rest: Iterator[str]) -> Iterator[tuple[str, str]]:
    for place, letter in enumerate(letters):
        if letter in _CURL_LETTERS:
            yield letter, letters[place + 1 :] or next(rest, "")
            return
        yield letter, ""


def _curl_headers(options: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The headers that are sent, named in lower case."""
    headers: dict[str, str] = {}
    for letter, value in options:
        if letter in _HEADERS_OF_OPTIONS:
            name, sent = _HEADERS_OF_OPTIONS[letter]
            headers.setdefault(name, sent or value)
    # Headers that are written out win, wherever they stand.
    for letter, value in options:
        if letter != "H":
            continue
        text = value.strip()
        if match := _FIELD.fullmatch(text):
            headers[match[1].lower()] = match[2]
            if not match[2]:
                # This tells curl not to send a header that it would add.
                del headers[match[1].lower()]
        elif match := _FIELD.fullmatch(text.removesuffix(";") + ":"):
            headers[match[1].lower()] = ""
    return headers


def _curl_method(options: Sequence[tuple[str, str]]) -> str:
    letters = {letter for letter, _ in options}
    named = [value for letter, value in options if letter == "X" and value]
    if named:
        return named[-1]
    if "I" in letters:
        return "HEAD"
    if "T" in letters:
        return "PUT"
    sends = letters & {"d", "json", "F"}
    return "POST" if sends and "G" not in letters else "GET"


def _page_origin(headers: Mapping[str, str]) -> str:
    if headers.get("origin"):
        return headers["origin"]
    origin = browser_form(headers.get("referer", ""))
    if origin == NULL or not is_sendable(origin):
        raise ValueError("The command names no page: add -H 'Origin: https://...'.")
    return origin


def _response_of(lines: Sequence[str]) -> dict[str, Any]:
    starts = [i for i, line in enumerate(lines) if _STATUS_LINE.match(line)]
    if not starts:
        return {}
    status = _STATUS_LINE.match(lines[starts[-1]])
    # Behind an empty line follows the body.
    head = takewhile(str.strip, lines[starts[-1] + 1 :])
    fields = filter(None, (_FIELD.fullmatch(line.strip()) for line in head))
    headers = by_name((field[1], field[2]) for field in fields)
    return {"status": int(status[1]) if status else None, "headers": headers}
