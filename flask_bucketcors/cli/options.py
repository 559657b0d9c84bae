"""Options of several commands: rules in a file or of a bucket, and a dialect."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import click

from flask_bucketcors.analysis.explainer.explain import Explanation, explain
from flask_bucketcors.cli.rule_files import INPUT_FILE, name_of, read_bytes, reason_of
from flask_bucketcors.core.dialects import COS, DIALECTS
from flask_bucketcors.core.grants import VaryMode
from flask_bucketcors.core.problems import InvalidRules
from flask_bucketcors.documents import MAX_RULES_TEXT_BYTES, read_rules


@dataclass(frozen=True)
class Source:
    """Rules, and how to respond by them.

    :param rules: unchecked plain data with the names of Rule's fields; None if the bucket has
        none.
    :param dialect: whose forms the responses take.
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
    "--rules", type=INPUT_FILE, help="A file with rules in XML or JSON; - is standard input."
)
bucket_option = click.option("--bucket", help="A bucket of the app, whose rules are used.")
dialect_option = click.option(
    "--dialect",
    type=click.Choice(list(DIALECTS)),
    help="The vendor whose responses are assumed.  [default: the app's, or cos]",
)


def find_source(
    context: click.Context, rules: str | None, bucket: str | None, dialect: str | None
) -> Source | None:
    """Read the rules that the options name; None if they name none.

    :raises click.UsageError: if they name both, or the rules cannot be read.
    """
    if rules is not None and bucket is not None:
        raise click.UsageError("write --rules or --bucket, not both")
    if rules is not None:
        return Source(_read(rules), dialect or COS.name)
    if bucket is None:
        return None
    # Without --bucket, no application is loaded, nor what serves it.
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


def _read(path: str) -> Mapping[str, Any]:
    try:
        return cast(Mapping[str, Any], read_rules(read_bytes(path, MAX_RULES_TEXT_BYTES)))
    except InvalidRules as error:
        raise click.UsageError(f"{name_of(path)} is {reason_of(error)}") from None
