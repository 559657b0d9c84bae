"""Writes `commands.md` from the commands themselves: their help, arguments and options.

The page is in the repository, and is not made while Sphinx builds the site, so that readers on
GitHub find it too.

    python docs/make_commands.py
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from flask_bucketcors.cli import bucketcors

PAGE: Final = Path(__file__).parent / "commands.md"

#: What is code in a help text: an option, a setting, a JSON object.
_CODE: Final = re.compile(r"(?<![\w`-])--[a-z][\w-]*(?: json)?|\bBUCKETCORS_\w+|\{.*\}")

_HEAD: Final = """\
<!-- Written by docs/make_commands.py from the commands themselves. A test compares them. -->

# All commands and options

This page lists every command with its arguments and options, as `--help` prints them. \
[Command line](cli.md) shows how to use them, with examples, output and exit codes.

`flask bucketcors` loads a Flask application, and `bucketcors` none. The commands are the same."""


def _commands() -> dict[str, click.Command]:
    context = click.Context(bucketcors, info_name="flask bucketcors")
    names = bucketcors.list_commands(context)
    found = {name: bucketcors.get_command(context, name) for name in names}
    return {name: command for name, command in found.items() if command}


def _help(command: click.Command) -> list[str]:
    """The paragraphs of a command's help; the last one is its example."""
    paragraphs = (command.help or "").split("\n\n")
    return [each if "\b" in each else _markdown(each) for each in paragraphs]


def _markdown(text: str) -> str:
    """Text on one line, with options and settings as code."""
    return _CODE.sub(r"`\g<0>`", " ".join(text.split()))


def _example(paragraph: str) -> str:
    lines = paragraph.replace("\b", "").strip().splitlines()[1:]
    return "\n".join(["```text", *(each.strip() for each in lines), "```"])


def _value(parameter: click.Parameter) -> str:
    """What stands for the value of an option; nothing for a flag."""
    if getattr(parameter, "is_flag", False):
        return ""
    if parameter.metavar:
        return parameter.metavar
    if isinstance(parameter.type, click.Choice):
        return f"[{'|'.join(map(str, parameter.type.choices))}]"
    return parameter.type.name.removesuffix(" range").upper()


def _default(option: click.Option) -> str:
    shown = option.show_default
    if isinstance(shown, str):
        return shown
    return f"`{option.default}`" if shown and option.default is not None else ""


def _range(kind: Any) -> str:
    if not isinstance(kind, click.IntRange | click.FloatRange):
        return ""
    low, high = kind.min, kind.max
    return f"From {low}." if high is None else f"From {low} to {high}."


def _option(option: click.Option) -> str:
    """An option as an item of a list: its help, and what click knows beside it."""
    told, _, note = (option.help or "").partition("  [default: ")
    default = note.removesuffix("]") or _default(option)
    parts = [_markdown(told), _range(option.type)]
    parts += ["Required."] if option.required else []
    parts += [_markdown(f"Default: {default}.")] if default else []
    name = " ".join(filter(None, [", ".join(option.opts), _value(option)]))
    return f"- `{name}`: {' '.join(filter(None, parts))}"


def _usage(name: str, command: click.Command) -> str:
    pieces = command.collect_usage_pieces(click.Context(command))
    return " ".join(["bucketcors", name, *pieces])


def _section(name: str, command: click.Command) -> Iterator[str]:
    *paragraphs, example = _help(command)
    yield f"## `{name}`"
    yield f"```text\n{_usage(name, command)}\n```"
    yield from paragraphs
    yield "Example:"
    yield _example(example)
    options = [each for each in command.params if isinstance(each, click.Option)]
    yield "\n".join(map(_option, options))
    yield f"See [Command line](cli.md#{name})."


def page() -> str:
    """The whole page."""
    commands = _commands()
    contents = [f"- [`{name}`](#{name}): {_help(each)[0]}" for name, each in commands.items()]
    blocks = [_HEAD, "\n".join(contents)]
    for name, command in commands.items():
        blocks += _section(name, command)
    return "\n\n".join(filter(None, blocks)) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
