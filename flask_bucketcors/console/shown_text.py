"""Text from outside as pages show it: nothing hides, nothing runs, nothing is endless."""

from datetime import UTC, datetime
from time import time
from typing import Final

from markupsafe import Markup

from flask_bucketcors.analysis.spelling.lookalikes import is_invisible

# In characters. The middle of a longer text is left out.
_MOST: Final = 120
_UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def visible(text: str) -> str:
    """Spell out characters that are invisible or change the writing direction, as ⟨U+202E⟩."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(each if is_visible(each) else f"⟨U+{ord(each):04X}⟩" for each in text)


def is_visible(character: str) -> bool:
    """Whether people see a character, and it leaves the others in their order."""
    return character == " " or (character.isprintable() and not is_invisible(character))


def shortened_middle(text: str, most: int = _MOST) -> str:
    """Leave out the middle of a long text."""
    if len(text) <= most:
        return text
    half = (most - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def shown(text: str, most: int = _MOST) -> Markup:
    """Show text from outside: isolated, with nothing hidden, and shortened.

    :param most: how many characters, apart from those that are spelt out.
    """
    return _isolated(text, most, Markup("<bdi"))


def named(name: object, most: int = 60) -> Markup:
    """Show the name of a person, a bucket or a rule: as :func:`shown`, but not in the font of code.

    :param name: another tool may have stored an author that is no text.
    :param most: how many characters, apart from those that are spelt out.
    """
    text = name if isinstance(name, str) else ascii(name)
    return _isolated(text, most, Markup('<bdi class="name"'))


def _isolated(text: str, most: int, tag: Markup) -> Markup:
    whole, short = visible(text), visible(shortened_middle(text, most))
    if whole == short:
        return Markup("{}>{}</bdi>").format(tag, short)
    title = shortened_middle(whole, 2_000)
    return Markup('{} title="{}">{}</bdi>').format(tag, title, short)


def sentence(text: object) -> str:
    """Give a text of ours, such as a help or an error, as a sentence."""
    written = str(text)
    return f"{written[:1].upper()}{written[1:].rstrip('.')}."


def brief(text: str, most: int = _MOST) -> str:
    """Show text in a sentence of ours: with nothing hidden, and shortened."""
    return visible(shortened_middle(text, most))


def ago(moment: float, now: float | None = None) -> Markup:
    """Say how long ago a moment is, with the moment itself in the element.

    :param moment: seconds since 1970, UTC.
    :param now: the same; None for the present.
    """
    try:
        at = datetime.fromtimestamp(moment, UTC).isoformat(" ", "seconds")[:19]
    except (TypeError, ValueError, OverflowError, OSError):
        # Another tool may have written any value.
        return Markup("{}").format(ascii(moment))
    seconds = (time() if now is None else now) - moment
    text = "just now"
    for length, unit in _UNITS:
        if seconds >= length:
            text = f"{counted(int(seconds // length), unit)} ago"
            break
    iso = f"{at.replace(' ', 'T')}Z"
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(iso, at, text)


def counted(count: int, noun: str) -> str:
    """A number with its noun, such as ``1 rule`` or ``2 rules``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
