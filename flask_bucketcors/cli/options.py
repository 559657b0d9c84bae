"""Options of several commands: rules in a file or of a bucket, and a dialect."""

from collections.abc import Sequence
from typing import Final

import click

from flask_bucketcors.cli.database_options import refuse_unused_database
from flask_bucketcors.cli.rule_files import INPUT_FILE
from flask_bucketcors.cli.rule_sources import Source, file_source
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.core.fields import EXTRA_METHODS

rules_option: Final = click.option(
    "--rules", type=INPUT_FILE, help="A file with rules in any form; - is standard input."
)
resource_option: Final = click.option(
    "--resource", help="The resource of a template whose rules are read, if several have rules."
)
bucket_option: Final = click.option("--bucket", help="A bucket of the app, whose rules are used.")
dialect_option: Final = click.option(
    "--dialect",
    type=click.Choice(list(DIALECTS)),
    help="The vendor whose responses are assumed.  [default: the app's, or cos]",
)
extra_methods_option: Final = click.option(
    "--extra-method",
    "extra_methods",
    multiple=True,
    type=click.Choice(EXTRA_METHODS),
    metavar="METHOD",
    help="A method of the app's BUCKETCORS_EXTRA_METHODS. Repeatable.  [default: the app's, or "
    "none]",
)


def find_source(
    rules: str | None,
    bucket: str | None,
    dialect: str | None,
    extra_methods: Sequence[str],
    resource: str | None = None,
) -> Source | None:
    """Read the rules that the options name; None if they name none.

    :raises click.UsageError: if they name both, or the rules cannot be read.
    """
    if rules is not None and bucket is not None:
        raise click.UsageError("write --rules or --bucket, not both")
    if rules is None and resource is not None:
        raise click.UsageError("--resource is for the template in --rules: write --rules FILE, too")
    if bucket is None:
        refuse_unused_database()
        return None if rules is None else file_source(rules, dialect, extra_methods, resource)
    # Without --bucket, no application is loaded, and no code that serves one.
    from flask_bucketcors.cli.application import current_state, source_in_force

    own = current_state().store.get(bucket)
    return source_in_force(bucket, own, dialect, extra_methods)
