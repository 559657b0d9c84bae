"""Writing the rules of a bucket: put, delete and rollback.

:class:`RulesWriter` has the steps of each write, whether it comes from the ``?cors`` API, the
command line or a page. It does not depend on any of them.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

from flask_bucketcors.api.observed_writes import (
    Changes,
    FindDefaultRules,
    WriteObserver,
    log_changes,
)
from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.core.errors import (
    BucketCORSError,
    InvalidBucketName,
    ReservedBucketName,
    RulesChanged,
)
from flask_bucketcors.core.hosts import PublicSuffix
from flask_bucketcors.core.problems import InvalidRules, Problem, ProblemReason
from flask_bucketcors.core.rules import RuleSet, check_methods
from flask_bucketcors.stores.contract import ANY_VERSION, Expected, LastWrite, Store
from flask_bucketcors.stores.history_entry import PastChange

if TYPE_CHECKING:
    from flask_bucketcors.api.change_summary import RulesChange
    from flask_bucketcors.api.put_review import Findings, Reviewer

#: Returns whether there is a bucket of that name.
BucketExists = Callable[[str], bool]


class NoSuchBucket(BucketCORSError, LookupError):
    """The application has no bucket of this name, or no longer has it."""

    def __init__(self, bucket: str) -> None:
        super().__init__(f"there is no bucket {bucket!r}: create it first")


class Written(NamedTuple):
    """The result of a write.

    :param revision: the number of the write.
    :param findings: what lint found in the rules: only the dangers, unless all findings were
        requested, are logged or may refuse the rules. None if lint could not judge the rules.
    :param change: what changed; None unless the writer compares rules, or the log has it.
    """

    revision: int
    findings: "Findings"
    change: "RulesChange | None"


@dataclass(frozen=True, kw_only=True)
class RulesWriter:
    """Writes the rules of an application's buckets.

    Call :meth:`check_bucket` before you parse a document, and check its size yourself. The number
    of rules and their methods are checked here, because rules may be passed as a value. A rollback
    may exceed the number, because its rules were within the limits when they were put.

    :param store: where the rules are.
    :param dialect: the dialect for limits and lint, unless a call passes another one.
    :param bucket_exists: whether there is a bucket of a name; None if any name will do.
    :param reserved: names that no bucket can have, because URLs of the application begin with
        them.
    :param strict: which findings of lint refuse rules; see :class:`~flask_bucketcors.RulesAPI`.
    :param public_suffix, allow_credentials: see :func:`~flask_bucketcors.lint`.
    :param compares: whether to say what each write changes, even if the log does not have it.
    :param find_default_rules: gives what decides requests to a bucket without rules, for what a
        write changes.
    """

    store: Store
    dialect: Dialect
    bucket_exists: BucketExists | None = None
    reserved: Set[str] = frozenset()
    strict: str = "off"
    public_suffix: PublicSuffix | None = None
    allow_credentials: bool = True
    compares: bool = False
    find_default_rules: FindDefaultRules | None = None

    def check_bucket(self, bucket: str) -> None:
        """Refuse a name that no bucket has.

        :raises InvalidBucketName: if no bucket can have it.
        :raises NoSuchBucket: if the application has no bucket of that name.
        """
        self._check_name(bucket)
        if self._is_gone(bucket):
            raise NoSuchBucket(bucket)

    def review(self, rule_set: RuleSet, *, in_full: bool = False) -> "Findings":
        """Lint rules as :meth:`put` does.

        :raises RefusedByLint: if the writer is strict and lint finds something in them.
        """
        return self._reviewer.review(rule_set, self.dialect, in_full=in_full)

    def findings(self, rule_set: RuleSet, dialect: Dialect | None = None) -> "Findings":
        """Give all findings about rules, for a page that shows them.

        However strict the writer is, it refuses nothing: the findings are None if lint cannot
        judge the rules. The writer keeps what lint found, also for writes with ``in_full``.

        :param dialect: instead of the writer's.
        """
        return self._reviewer.find(rule_set, dialect or self.dialect)

    def admit(
        self,
        bucket: str,
        rule_set: RuleSet,
        *,
        dialect: Dialect | None = None,
        in_full: bool = False,
        is_rollback: bool = False,
    ) -> "Findings":
        """Check rules as a write does before it stores them, and give what lint finds.

        Parameters and errors are those of :meth:`put`, but for what the store and ``bucket_exists``
        say.

        :param is_rollback: whether they are rules that the bucket had; they may be too many.
        """
        dialect = dialect or self.dialect
        self._check_name(bucket)
        count = len(rule_set.rules)
        if count > dialect.max_rules and not is_rollback:
            raise InvalidRules([Problem("rules", count, ProblemReason.TOO_MANY_RULES)])
        check_methods(rule_set, dialect.extra_methods)
        return self._reviewer.review(rule_set, dialect, in_full=in_full)

    def put(
        self,
        bucket: str,
        rule_set: RuleSet,
        author: str | None = None,
        *,
        expected: Expected = ANY_VERSION,
        dialect: Dialect | None = None,
        in_full: bool = False,
    ) -> Written:
        """Replace the bucket's rules.

        :param expected: which rules the bucket must have now; see
            :class:`~flask_bucketcors.Store`.
        :param dialect: instead of the writer's.
        :param in_full: whether to give all findings, and not only the dangers.
        :raises InvalidBucketName: if no bucket can have this name.
        :raises InvalidRules: if there are more rules than the dialect allows, or methods that it
            does not allow.
        :raises RefusedByLint: if the writer is strict and lint finds something in the rules.
        :raises RulesChanged: if the bucket has other rules than expected.
        :raises NoSuchBucket: if the bucket is gone once the rules are stored; they are deleted
            again.
        """
        dialect = dialect or self.dialect
        findings = self.admit(bucket, rule_set, dialect=dialect, in_full=in_full)
        return self._write(bucket, rule_set, findings, author, expected, dialect)

    def put_many(
        self, rule_sets: Mapping[str, tuple[RuleSet, "Findings"]], author: str | None = None
    ) -> Sequence[Written]:
        """Replace the rules of many buckets, as one revision; do not ask whether they exist.

        :param rule_sets: rules by bucket, with the findings of :meth:`review`. Names and numbers
            of rules are checked already.
        """
        rules = {bucket: rule_set for bucket, (rule_set, _) in rule_sets.items()}
        put = partial(self.store.put_many, rules.items(), author)
        revision, changes = self._observer.write(
            lambda each: put(expected=each), rules, author, ANY_VERSION, self.dialect
        )
        log_changes(changes)
        for bucket, (_, found) in rule_sets.items():
            self._reviewer.log_findings(bucket, found)
        return [
            Written(revision, found, changes.get(bucket))
            for bucket, (_, found) in rule_sets.items()
        ]

    def put_with_history(
        self,
        histories: "Mapping[str, tuple[Sequence[PastChange], Findings]]",
        before: Mapping[str, LastWrite],
    ) -> Mapping[str, Written]:
        """Append changes from another store to the histories of many buckets, as one transaction.

        Like :meth:`put_many`, this does not ask whether the buckets exist.

        :param histories: the changes of each bucket, the oldest first, with the findings of
            :meth:`review` for the rules that it has then.
        :param before: the last writes to these buckets, as the store gave them.
        :raises RulesChanged: if a bucket has been written to since; nothing is stored.
        """
        expected = {bucket: before[bucket].version for bucket in histories}
        pairs = ((bucket, changes) for bucket, (changes, _) in histories.items())
        revision = self.store.put_with_history(pairs, expected=expected)
        after = {bucket: changes[-1] for bucket, (changes, _) in histories.items()}
        changes = self._observer.compare(revision, before, after, self.dialect)
        log_changes(changes)
        for bucket, (_, found) in histories.items():
            self._reviewer.log_findings(bucket, found)
        return {
            bucket: Written(revision, found, changes.get(bucket))
            for bucket, (_, found) in histories.items()
        }

    def rollback(
        self,
        bucket: str,
        revision: int,
        author: str | None = None,
        *,
        expected: Expected = ANY_VERSION,
        in_full: bool = False,
    ) -> Written:
        """Put the rules that the bucket had from a revision on.

        Parameters and errors are those of :meth:`put`, and one more error.

        :raises UnknownRevision: if the history holds no rules of that revision.
        """
        self._check_name(bucket)
        rule_set = self.store.get_revision(bucket, revision)
        findings = self.admit(bucket, rule_set, in_full=in_full, is_rollback=True)
        return self._write(bucket, rule_set, findings, author, expected, self.dialect)

    def delete(
        self, bucket: str, author: str | None = None, *, expected: Expected = ANY_VERSION
    ) -> Written | None:
        """Delete the bucket's rules; give None if there were none.

        You can also delete rules that remain under a name that is reserved by now, or whose bucket
        is gone.

        :raises RulesChanged: if the bucket has other rules than expected.
        """
        if not is_bucket_name(bucket):
            return None
        revision, changes = self._delete(bucket, author, expected)
        log_changes(changes)
        return None if revision is None else Written(revision, (), changes.get(bucket))

    @cached_property
    def _observer(self) -> WriteObserver:
        return WriteObserver(
            store=self.store,
            compares=self.compares,
            allow_credentials=self.allow_credentials,
            find_default_rules=self.find_default_rules,
        )

    def review_default_rules(self, rule_set: RuleSet) -> None:
        """Lint default rules as those of a put, and log the findings.

        :raises RefusedByLint: if this is strict, and the rules have such a finding.
        """
        self._reviewer.log_findings(None, self._reviewer.review(rule_set, self.dialect))

    @cached_property
    def _reviewer(self) -> "Reviewer":
        # Serving requests needs no lint, so the first write imports it.
        from flask_bucketcors.api.put_review import Reviewer

        return Reviewer(
            strict=self.strict,
            public_suffix=self.public_suffix,
            allow_credentials=self.allow_credentials,
        )

    def _check_name(self, bucket: str) -> None:
        if not is_bucket_name(bucket):
            raise InvalidBucketName(bucket)
        if bucket in self.reserved:
            raise ReservedBucketName(bucket)

    def _is_gone(self, bucket: str) -> bool:
        return self.bucket_exists is not None and not self.bucket_exists(bucket)

    def _write(
        self,
        bucket: str,
        rules: RuleSet,
        found: "Findings",
        author: str | None,
        expected: Expected,
        dialect: Dialect,
    ) -> Written:
        put = partial(self.store.put, bucket, rules, author)
        revision, changes = self._observer.write(
            lambda each: put(expected=each[bucket]), {bucket: rules}, author, expected, dialect
        )
        # The bucket may be gone by now. The next one of that name must not get its rules.
        if self._is_gone(bucket):
            taken_back = self._take_back(bucket, revision, author)
            log_changes(changes)
            log_changes(taken_back)
            raise NoSuchBucket(bucket)
        log_changes(changes)
        self._reviewer.log_findings(bucket, found)
        return Written(revision, found, changes.get(bucket))

    def _delete(
        self, bucket: str, author: str | None, expected: Expected
    ) -> tuple[int | None, Changes]:
        delete = partial(self.store.delete, bucket, author)
        return self._observer.write(
            lambda each: delete(expected=each[bucket]),
            {bucket: None},
            author,
            expected,
            self.dialect,
        )

    def _take_back(self, bucket: str, revision: int, author: str | None) -> Changes:
        """Delete rules that this revision put there.

        Later rules are those of another write, which checks its bucket itself. Earlier rules are
        not restored, because their write may have left the check to this one.
        """
        stored = self.store.read(bucket)
        own = stored.version if stored and stored.revision == revision else None
        # Even if there is nothing to delete: the store then signals that to every worker.
        with suppress(RulesChanged):
            return self._delete(bucket, author, own)[1]
        return {}
