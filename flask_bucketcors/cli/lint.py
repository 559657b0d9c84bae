"""``lint``: find what is dangerous, useless or misspelled in rules."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

import click

from flask_bucketcors.analysis.linter.findings import Finding
from flask_bucketcors.analysis.mistakes import Check, Severity
from flask_bucketcors.cli.application import (
    bucket_source,
    current_state,
    source_in_force,
)
from flask_bucketcors.cli.database_options import database_option, refuse_unused_database
from flask_bucketcors.cli.options import (
    bucket_option,
    dialect_option,
    extra_methods_option,
    resource_option,
)
from flask_bucketcors.cli.report_lint import (
    SEVERITIES,
    count_of_findings,
    find_public_suffix,
    lint_by,
    print_finding,
)
from flask_bucketcors.cli.rule_files import INPUT_FILE, once_stdin
from flask_bucketcors.cli.rule_sources import Source, file_source
from flask_bucketcors.cli.stored_buckets import each_bucket
from flask_bucketcors.cli.terminal import (
    JSON,
    echo_json_list,
    fail_if,
    format_option,
    without_rules,
)
from flask_bucketcors.core.errors import TooIntricate
from flask_bucketcors.core.hosts import PublicSuffix

public_suffix_option: Final = click.option(
    "--public-suffix/--no-public-suffix",
    "public_suffix",
    default=None,
    help="Use the list of publicsuffixlist.  [default: if it is installed]",
)


@dataclass
class _Lint:
    """A run over several rule sets, with its counts.

    :param least: the lowest severity to show.
    :param ignored: ids of checks to leave out.
    :param looked: the number of rule sets that were linted.
    :param odd: the number of those with findings.
    :param left_out: the number of rule sets that could not be linted.
    :param hidden: the number of findings that are not shown.
    :param shown: the numbers of findings that are shown, by severity.
    :param notes: what was read as something else, with the file.
    """

    sources: Iterable[Source | None]
    public_suffix: PublicSuffix | None
    least: Severity
    ignored: Collection[str]
    looked: int = 0
    odd: int = 0
    left_out: int = 0
    hidden: int = 0
    shown: Counter[Severity] = field(default_factory=Counter)
    notes: list[dict[str, str]] = field(default_factory=list)

    def findings(self) -> Iterator[tuple[Source, Finding]]:
        """Give the findings to show, each with the rules that it is about."""
        for source in self.sources:
            if source is None:
                self.left_out += 1
                continue
            self.notes += [{source.kind: source.name, "note": note} for note in source.notes]
            try:
                found = lint_by(source, self.public_suffix)
            except TooIntricate as error:
                click.echo(f"left out: {source.where}: {error}", err=True)
                self.left_out += 1
                continue
            kept = [each for each in found if self._is_shown(each)]
            self.looked += 1
            self.odd += bool(kept)
            self.hidden += len(found) - len(kept)
            self.shown.update(each.severity for each in kept)
            for finding in kept:
                yield source, finding

    def _is_shown(self, finding: Finding) -> bool:
        is_severe = SEVERITIES.index(finding.severity) <= SEVERITIES.index(self.least)
        return is_severe and finding.id not in self.ignored

    def summary(self, unit: str) -> str:
        """The counts, in words."""
        text = count_of_findings(self.shown)
        if self.looked != 1:
            text += f", in {self.odd} of {self.looked} {unit}s"
        return f"{text}; {self.hidden} not shown" if self.hidden else text


def _read_ids(
    context: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> frozenset[str]:
    ids = [each.strip().upper() for text in texts for each in text.split(",")]
    known = [check.id for check in Check]
    for each in ids:
        if each not in known:
            near = get_close_matches(each, known, 3) or known[:1]
            raise click.BadParameter(f"there is no check {each!a}: write {' or '.join(near)}")
    return frozenset(ids)


@click.command("lint")
@click.argument("files", nargs=-1, type=INPUT_FILE, metavar="[FILE]...")
@bucket_option
@click.option("--all", "every", is_flag=True, help="Lint all buckets of the app.")
@resource_option
@dialect_option
@extra_methods_option
@click.option(
    "--severity",
    type=click.Choice(list(map(str, SEVERITIES))),
    default=str(SEVERITIES[-1]),
    show_default=True,
    help="Leave out findings that are less severe.",
)
@click.option(
    "--ignore",
    multiple=True,
    callback=_read_ids,
    help="The id of a check to leave out, such as BC108. Repeatable.",
)
@public_suffix_option
@database_option
@format_option
def lint_rules(
    files: Sequence[str],
    bucket: str | None,
    every: bool,
    resource: str | None,
    dialect: str | None,
    extra_methods: Sequence[str],
    severity: str,
    ignore: frozenset[str],
    public_suffix: bool | None,
    form: str,
) -> None:
    """Find what is dangerous, useless or misspelled in rules.

    Lint files (- is standard input), the rules of a bucket, or those of all buckets. You can
    pass rules that the API would reject. Each finding has an example request and help.

    \b
    Example:
      flask bucketcors lint rules.xml --severity warning
    """
    if (len(files) > 0) + (bucket is not None) + every != 1:
        raise click.UsageError("write FILE, --bucket NAME or --all")
    if resource is not None and not files:
        raise click.UsageError("--resource is for a template: write FILE, too")
    once_stdin(files)
    suffix = find_public_suffix(public_suffix)
    sources: Iterable[Source | None] = _buckets(bucket, dialect, extra_methods)
    if files:
        refuse_unused_database()
        sources = (file_source(each, dialect, extra_methods, resource) for each in files)
    run = _Lint(sources, suffix, Severity(severity), ignore)
    if form == JSON:
        echo_json_list(
            "findings",
            ({source.kind: source.name, **each.as_dict()} for source, each in run.findings()),
            lambda: {"notes": run.notes},
        )
    else:
        _print(run, "file" if files else "bucket")
    fail_if(run.shown or run.left_out)


def _print(run: _Lint, unit: str) -> None:
    for source, finding in run.findings():
        print_finding(finding, source)
        click.echo()
    click.echo(run.summary(unit))


def _buckets(
    bucket: str | None, dialect: str | None, extra_methods: Sequence[str]
) -> Iterator[Source | None]:
    """Give the rules of a bucket, or of all buckets; None for rules that cannot be read."""
    if bucket is None:
        for name, found in each_bucket(current_state().store):
            yield bucket_source(name, found, dialect, extra_methods) if found else None
        return
    own = current_state().store.get(bucket)
    source = source_in_force(bucket, own, dialect, extra_methods)
    if source.rules is None:
        # A misspelled name must not look like rules without findings.
        raise click.UsageError(without_rules(bucket))
    yield source
