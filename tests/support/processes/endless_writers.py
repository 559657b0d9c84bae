"""Processes that write rules until they are killed, and one that reads them.

Run with ``-m`` and the path of a database, this is a small fork server, so that hundreds of
processes need not import the package one by one. It takes and gives one line at a time::

    write ROUND        fork the writers of a round
    read ROUND         fork a reader of the bucket that they share
    mark               say so, behind all that was said before
    reap PID ...       wait for processes that were killed

    writer PID         one was forked
    reader PID
    marked
    putting AUTHOR     a writer's put begins
    stored BUCKET AUTHOR NUMBER REVISION
                       it has returned
    seen AUTHOR NUMBER
                       the reader has read a whole rule set, other than the one before
    torn TEXT          the reader has met something else
    reaped STATUS ...  they were waited for; below 0: killed by this signal

A line is written in one piece, so of a killed process there is all of it or nothing.
"""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any, NoReturn

from flask_bucketcors.core.compiled import CompiledRules
from flask_bucketcors.core.fields import CheckedRules
from flask_bucketcors.core.rules import Rule, RuleSet, rule_set_of
from flask_bucketcors.stores.sqlite.store import SQLiteStore
from flask_bucketcors.wsgi.rules_cache import RulesCache

WRITERS = 4
# More than a round writes, so that all of it is kept.
HISTORY_LIMIT = 10_000
# SQLite's lock is not fair: who asks for it again at once leaves the others waiting.
PAUSE_SECONDS = 0.01


def authors_of(round_name: str) -> list[str]:
    """The writers of a round. Each also has a bucket of its own, of the same name."""
    return [f"{round_name}-{writer}" for writer in range(WRITERS)]


def shared_bucket_of(round_name: str) -> str:
    """The bucket that all writers of a round write to."""
    return f"{round_name}-shared"


def make_rules(author: str, number: int) -> RuleSet:
    """The rule set that an author puts at this number: both of its rules say which.

    Its document takes many pages of the database.
    """
    mark = f"{author}-{number}"
    origins = [f"https://{mark}.{index}.{'long' * 50}.test" for index in range(20)]
    rule = Rule(origins, ["GET"], max_age_seconds=number, id=f"{author} {number}")
    return RuleSet([rule, rule])


def recognise(rules: RuleSet) -> tuple[str, int]:
    """Say who put a rule set, and at which number.

    :raises ValueError: if it is not, to the last character, one that :func:`make_rules` makes.
    """
    author, _, number = (rules.rules[0].id or "").partition(" ")
    if not number.isdecimal() or rules != make_rules(author, int(number)):
        raise ValueError(f"nobody has put {rules}")
    return author, int(number)


def serve(database: str) -> None:
    """Do what stdin says; at its end, end whoever is left."""
    alive: set[int] = set()
    for line in sys.stdin:
        command, *words = line.split()
        if command == "write":
            bucket = shared_bucket_of(words[0])
            alive |= {
                fork("writer", write, database, author, bucket) for author in authors_of(words[0])
            }
        elif command == "read":
            alive.add(fork("reader", read, database, shared_bucket_of(words[0])))
        elif command == "mark":
            report("marked")
        elif command == "reap":
            processes = list(map(int, words))
            report("reaped", *map(wait, processes))
            alive.difference_update(processes)
    for process in alive:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def fork(kind: str, work: Callable[..., NoReturn], *arguments: str) -> int:
    process = os.fork()
    if process == 0:
        try:
            work(*arguments)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    report(kind, process)
    return process


def wait(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])  # no limit: it was killed


def report(*words: object) -> None:
    os.write(sys.stdout.fileno(), (" ".join(map(str, words)) + "\n").encode())


def write(database: str, author: str, shared_bucket: str) -> NoReturn:
    store = SQLiteStore(database, history_limit=HISTORY_LIMIT)
    for number in count(1):
        rules = make_rules(author, number)
        for bucket in (author, shared_bucket):
            report("putting", author)
            report("stored", bucket, author, number, store.put(bucket, rules, author))
            time.sleep(PAUSE_SECONDS)
    raise AssertionError("there is always another number")


class KeptRules(CompiledRules):
    """Compiled rules that know what they were made of."""

    def __init__(self, rule_set: RuleSet | CheckedRules) -> None:
        super().__init__(rule_set)
        self.rule_set = rule_set if isinstance(rule_set, RuleSet) else rule_set_of(rule_set)


def read(database: str, bucket: str) -> NoReturn:
    """Read by turns from the store and from a cache as the middleware has one."""
    store = SQLiteStore(database)
    cache = RulesCache(store, KeptRules, cached_buckets=1)
    last = None
    while True:
        for rules in (store.get(bucket), _rule_set(cache.get(bucket))):
            if rules is not None and rules != last:
                last = rules
                try:
                    report("seen", *recognise(rules))
                except ValueError as error:
                    report("torn", str(error)[:200])


def _rule_set(compiled: Any) -> RuleSet | None:
    return compiled and compiled.rule_set


if __name__ == "__main__":
    serve(*sys.argv[1:])
