"""What several commands take: rules in a file or of a bucket, and a dialect."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from flask_bucketcors.analysis.explainer.explain import Explanation, explain
from flask_bucketcors.cli.rule_files import INPUT_FILE, name_of, read_bytes
from flask_bucketcors.cli.terminal import printable
from flask_bucketcors.core.dialects import COS, DIALECTS
from flask_bucketcors.core.grants import VaryMode
from flask_bucketcors.documents import MAX_RULES_TEXT_BYTES, UnreadableRules, read_configuration


@dataclass(frozen=True)
class Source:
    """Rules to explain by.

    :param rules: plain data with the names of Rule's fields, not judged yet; None if the
        bucket has none.
    :param dialect: whose forms the answers take.
    :param allow_credentials, vary: as the application sets them.
    """

    rules: Mapping[str, Any] | None
    dialect: str
    allow_credentials: bool = True
    vary: str = VaryMode.SAFE

    def explain(self, **request: Any) -> Explanation:
        """Explain a request; see :func:`flask_bucketcors.explain`."""
        return explain(
            self.rules,
            dialect=self.dialect,
            allow_credentials=self.allow_credentials,
            vary=self.vary,
            **request,
        )

    def rule(self, index: int) -> Mapping[str, Any]:
        """The fields of a rule."""
        found: Mapping[str, Any] = (self.rules or {})["rules"][index]
        return found


rules_option = click.option(
    "--rules", type=INPUT_FILE, help="A file with rules, XML or JSON; - is stdin."
)
bucket_option = click.option("--bucket", help="A bucket of the application, for its rules.")
dialect_option = click.option(
    "--dialect",
    type=click.Choice(list(DIALECTS)),
    help="Whose answers.  [default: the app's, or cos]",
)


def find_source(
    context: click.Context, rules: str | None, bucket: str | None, dialect: str | None
) -> Source | None:
    """Give the rules that were named; None if none were.

    :raises click.UsageError: if both were, or if they cannot be read.
    """
    if rules is not None and bucket is not None:
        raise click.UsageError("write --rules or --bucket, not both")
    if rules is not None:
        return Source(_read(rules), dialect or COS.name)
    if bucket is None:
        return None
    # An application, with its store and all that serves it, is loaded only where one is named.
    from flask_bucketcors.cli.application import current_settings, current_store, push_app

    push_app(context)
    rule_set = current_store().get(bucket)
    settings = current_settings()
    return Source(
        rule_set.as_dict() if rule_set else None,
        dialect or settings.dialect,
        settings.allow_credentials,
        settings.vary,
    )


def _read(path: str) -> dict[str, Any]:
    try:
        return read_configuration(read_bytes(path, MAX_RULES_TEXT_BYTES))
    except UnreadableRules as error:
        raise click.UsageError(f"{name_of(path)}: {printable(str(error))}") from None
