"""A ``curl`` command, as browsers' tools copy it, with what it printed."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from flask_bucketcors.evidence.sent import last_of_each, request_arguments

#: A command beyond this is refused unread, in characters.
MAX_CURL: Final = 256 * 1024

# Letters of curl that take a value, and the words that matter here; other options that take
# one would only make their value look like an address.
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
    "--url": "url",
    "--referer": "e",
    "--user-agent": "A",
    "--output": "o",
    "--max-time": "m",
    "--connect-timeout": "m",
    "--proxy": "x",
    "--resolve": "m",
    "--connect-to": "m",
    "--cacert": "m",
    "--cert": "m",
    "--key": "m",
    "--write-out": "w",
    "--range": "r",
    "--retry": "m",
    "--aws-sigv4": "m",
    "--dump-header": "m",
    "--head": "I",
    "--get": "G",
}
# How shells write what plain quotes cannot hold; browsers copy bodies so.
_ANSI_QUOTED = re.compile(r"\$'((?:[^'\\]|\\.)*+)'", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t"}
_ANSWER_LINE = re.compile(r"^\s*<\s?(.*)$")
_OUTPUT_LINE = re.compile(r"^\s*(?:[<>*{}]|\[\d+ bytes)")
_STATUS_LINE = re.compile(r"HTTP/[0-9.]+ ([0-9]{3})")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)")


def from_curl(text: str) -> dict[str, Any]:
    """Read a ``curl`` command, as browsers' tools copy it, with what it printed (``-v``, ``-i``).

    :raises ValueError: if it is none, or names no page; says what to write.
    """
    if len(text) > MAX_CURL:
        raise ValueError(f"The command is longer than {MAX_CURL} characters.")
    lines = text.replace("\r\n", "\n").split("\n")
    command, printed = _cut_output(lines)
    options = list(_curl_options(_curl_words("\n".join(command))))
    headers = _curl_headers(options)
    method = _curl_method(options)
    found = request_arguments(method, headers, _page_origin(headers))
    answer = _answer_of_lines(printed)
    return {**found, "answer": answer} if answer else found


def _cut_output(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """The lines of the command, and those of the answer that it printed."""
    marked = [place for place, line in enumerate(lines) if _ANSWER_LINE.match(line)]
    if any(_STATUS_LINE.match(_unmarked(lines[place])) for place in marked):
        # As "-v" prints it; what comes behind is the body.
        command = [line for line in lines[: marked[-1]] if not _OUTPUT_LINE.match(line)]
        return command, [_unmarked(lines[place]) for place in marked]
    start = next((i for i, line in enumerate(lines) if _STATUS_LINE.match(line.strip())), None)
    command = [line for line in lines[:start] if not _OUTPUT_LINE.match(line)]
    return command, [] if start is None else [line.strip() for line in lines[start:]]


def _unmarked(line: str) -> str:
    match = _ANSWER_LINE.match(line)
    return match[1] if match else line


def _curl_words(command: str) -> list[str]:
    joined = re.sub(r"[\\^]\n", " ", command)
    if '^"' in joined:
        # As copied for Windows, where "^" is what "\" is elsewhere.
        joined = re.sub(r"\^(.)", r"\1", joined)
    try:
        words = shlex.split(_ANSI_QUOTED.sub(_plainly_quoted, joined))
    except ValueError as error:
        raise ValueError(f"The command cannot be read: {error}. Copy it whole.") from None
    starts = [i for i, word in enumerate(words) if re.search(r"(?:^|/)curl(?:\.exe)?$", word)]
    if not starts:
        raise ValueError(
            "The text holds no curl command: write curl -H 'Origin: https://...' followed by "
            "the address."
        )
    return words[starts[0] + 1 :]


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
            letter = _CURL_WORDS.get(name, "")
            takes = letter and letter not in "IG"
            yield letter, value if equals else (next(rest, "") if takes else "")
        elif word.startswith("-") and len(word) > 1:
            yield from _curl_cluster(word[1:], rest)
        else:
            yield "url", word


def _curl_cluster(letters: str, rest: Iterator[str]) -> Iterator[tuple[str, str]]:
    for place, letter in enumerate(letters):
        if letter in _CURL_LETTERS:
            yield letter, letters[place + 1 :] or next(rest, "")
            return
        yield letter, ""


def _curl_headers(options: Sequence[tuple[str, str]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for letter, value in options:
        if letter == "H" and (match := _FIELD.fullmatch(value.strip())):
            headers[match[1]] = match[2]
        elif letter in ("d", "json") and "content-type" not in map(str.lower, headers):
            kind = "application/json" if letter == "json" else "application/x-www-form-urlencoded"
            headers["Content-Type"] = kind
        elif letter == "u":
            headers["Authorization"] = "Basic"
        elif letter == "b":
            headers["Cookie"] = value
        elif letter == "e":
            headers["Referer"] = value
    return last_of_each(headers)


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
    page = urlsplit(headers.get("referer", ""))
    if page.scheme and page.netloc:
        return f"{page.scheme}://{page.netloc.rpartition('@')[2]}"
    raise ValueError("The command names no page: add -H 'Origin: https://...'.")


def _answer_of_lines(lines: Sequence[str]) -> dict[str, Any]:
    starts = [i for i, line in enumerate(lines) if _STATUS_LINE.match(line)]
    if not starts:
        return {}
    status = _STATUS_LINE.match(lines[starts[-1]])
    headers: dict[str, list[str]] = {}
    for line in lines[starts[-1] + 1 :]:
        if not line.strip():
            # The body follows.
            break
        if match := _FIELD.fullmatch(line.strip()):
            headers.setdefault(match[1], []).append(match[2])
    return {"status": int(status[1]) if status else None, "headers": headers}
