"""Rules to explain or lint, from a file or a bucket."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask_bucketcors.analysis.spelling.unchecked import PlainRule, PlainRules
from flask_bucketcors.cli.rule_files import name_of, read_unchecked
from flask_bucketcors.cli.terminal import printable
from flask_bucketcors.core.dialects import COS, Dialect, find_dialect
from flask_bucketcors.core.grants import VaryMode
from flask_bucketcors.core.hosts import PublicSuffix
from flask_bucketcors.documents.any_form import Reading


@dataclass(frozen=True)
class Source:
    """Rules of a file or a bucket, and the settings for responses.

    :param kind: ``file`` or ``bucket``.
    :param name: the file's or the bucket's, not made printable.
    :param rules: a rule set, or a reading, which is unchecked; None if the bucket has none.
    :param dialect: the dialect of the responses, with the limits of the application.
    :param allow_credentials, vary, public_suffix: as the application sets them.
    :param is_default: whether the bucket has no rules of its own, and these are the default rules.
    """

    kind: str
    name: str
    rules: Any
    dialect: Dialect
    allow_credentials: bool = True
    vary: str = VaryMode.SAFE
    public_suffix: PublicSuffix | None = None
    is_default: bool = False

    @property
    def where(self) -> str:
        """The name, to be printed."""
        if self.kind == "file":
            return name_of(self.name)
        return f"bucket {printable(self.name)}{' (default rules)' if self.is_default else ''}"

    @property
    def notes(self) -> Sequence[str]:
        """What was read as something else, or not at all."""
        return self.rules.notes if isinstance(self.rules, Reading) else ()

    @cached_property
    def _plain(self) -> PlainRules:
        return PlainRules.read(self.rules)

    def rule(self, index: int) -> PlainRule:
        """The rule at an index, as it was written."""
        return self._plain.rules[index]


def file_source(
    path: str,
    dialect: str | None,
    extra_methods: Sequence[str] = (),
    resource: str | None = None,
) -> Source:
    """Read the rules in a file, without checking their values.

    :param extra_methods: the methods that the API would accept beside those of the vendor.
    :param resource: which bucket of a template.
    :raises click.UsageError: if they cannot be read.
    """
    rules = read_unchecked(path, resource)
    return Source("file", path, rules, find_dialect(dialect or COS, extra_methods))
