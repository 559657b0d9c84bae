"""The setting for default rules: a rule set, a document, or the file that holds one."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from flask_bucketcors.core.errors import SettingRefused
from flask_bucketcors.core.rules import RuleSet

#: Default rules as they are set. A document in JSON may be parsed already, as Flask parses what an
#: environment sets.
DefaultRules = RuleSet | str | os.PathLike[str] | Mapping[str, Any] | list[Any] | None
#: What to write as ``BUCKETCORS_DEFAULT_RULES``.
DEFAULT_RULES_FORM: Final = (
    "a RuleSet, a document in XML or JSON, the path of a file that holds one, or None"
)

# How much of a path an error repeats, in characters: it may be any text.
MAX_SHOWN_PATH: Final = 300
# How a document begins; a file whose name begins like this can be given as a Path.
_DOCUMENT_STARTS: Final = ("<", "{", "[")
_IGNORED_AT_START: Final = "\ufeff \t\r\n"


def is_default_rules(value: object) -> bool:
    """Whether a value has the form of the setting; a document or a file is not read."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, RuleSet | Mapping | list | None)


def read_default_rules(
    setting: DefaultRules, folder: str | os.PathLike[str] = "", key: str = "default_rules"
) -> RuleSet | None:
    """Read the rules of the setting.

    A text that begins like XML or JSON is a document, every other text is the path of a file.

    :param folder: the folder of relative paths; by default the current folder.
    :param key: the name of the setting or argument, for errors.
    :raises SettingRefused: if there are no valid rules.
    """
    if setting is None or isinstance(setting, RuleSet):
        return setting
    # The middleware alone loads no parser, unless it has to read rules.
    from flask_bucketcors.core.problems import InvalidRules
    from flask_bucketcors.documents.any_form import parse_rules

    document: Any = setting
    where = "the document"
    if isinstance(setting, os.PathLike) or (isinstance(setting, str) and not _is_document(setting)):
        path = Path(folder, setting)
        where = f"the file {os.fspath(path)!a:.{MAX_SHOWN_PATH}}"
        document = _read_file(path, f"{key}: {where}")
    try:
        return parse_rules(document)
    except InvalidRules as error:
        raise SettingRefused(f"{key}: {where} is refused: {error}") from None


def _is_document(text: str) -> bool:
    return text.lstrip(_IGNORED_AT_START).startswith(_DOCUMENT_STARTS)


def _read_file(path: Path, what: str) -> bytes:
    """Read a file, at most one byte more than a document may have."""
    from flask_bucketcors.documents.any_form import MAX_RULES_TEXT_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MAX_RULES_TEXT_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingRefused(
            f"{what} cannot be read ({reason}): write {DEFAULT_RULES_FORM}"
        ) from None
