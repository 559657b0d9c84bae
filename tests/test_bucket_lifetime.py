"""Rules end with their bucket: no later bucket of its name has them, whatever happens meanwhile.

The example application runs as processes that stop before each step that others can see.
"""

from contextlib import ExitStack, closing
from itertools import combinations
from pathlib import Path

import pytest

from example_app.storage import Storage
from flask_bucketcors import Rule, RuleSet, SQLiteStore
from tests.support.processes.stopping_example import RULES_FILE, Stepper
from tests.support.rounds import ROUNDS_TIMEOUT, rounds

OLD_RULES = RuleSet([Rule(["https://old.example"], ["GET"])])

# As many steps as either request has at most, from where it can be seen.
PUT_STEPS = 4
DELETION_STEPS = 4
RUSHED_ROUNDS = rounds(few=10, many=1_000)


def schedules():
    """In which order a PUT of rules (P) and the deletion of the bucket (D) take their steps."""
    length = PUT_STEPS + DELETION_STEPS
    for places in combinations(range(length), DELETION_STEPS):
        yield "".join("D" if place in places else "P" for place in range(length))


class World:
    """The example application in a folder: its processes, its buckets and their rules."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._count = 0
        self.storage = Storage(folder)
        self.rules = stack.enter_context(closing(SQLiteStore(folder / RULES_FILE)))

    def start(self, name: str) -> Stepper:
        stepper = Stepper(self._folder, name)
        self._stack.callback(stepper.kill)
        return stepper

    def bucket(self) -> str:
        """Make another bucket, with rules."""
        self._count += 1
        name = f"bucket-{self._count}"
        self.storage.create_bucket(name)
        self.rules.put(name, OLD_RULES)
        return name

    def origins(self, bucket: str) -> list[str]:
        """The origins that its rules allow."""
        rule_set = self.rules.get(bucket)
        return [] if rule_set is None else [rule.allowed_origins[0] for rule in rule_set.rules]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with ExitStack() as stack:
        yield World(tmp_path_factory.mktemp("example"), stack)


@pytest.fixture(scope="module")
def putter(world):
    return world.start("putter")


@pytest.fixture(scope="module")
def deleter(world):
    return world.start("deleter")


@pytest.fixture(scope="module")
def owner(world):
    """Who makes a bucket of the same name, and puts rules on it."""
    return world.start("owner")


def test_a_bucket_that_is_deleted_while_its_rules_are_put_leaves_none(world, putter, deleter):
    """In whichever order the two processes take their steps."""
    left = {}
    for schedule in schedules():
        bucket = world.bucket()
        putter.send("PUT", f"/{bucket}?cors")
        deleter.send("DELETE", f"/{bucket}")
        deleter.go_to("commit")
        for turn in schedule:
            (putter if turn == "P" else deleter).go()
        assert putter.finish() in (200, 404)
        assert deleter.finish() == 204
        if origins := world.origins(bucket):
            left[schedule] = origins
    assert left == {}


@pytest.mark.timeout(ROUNDS_TIMEOUT)
def test_a_bucket_that_is_deleted_at_full_speed_while_its_rules_are_put(world, putter, deleter):
    left = []
    for _ in range(RUSHED_ROUNDS):
        bucket = world.bucket()
        putter.begin_rush("PUT", f"/{bucket}?cors")
        deleter.begin_rush("DELETE", f"/{bucket}")
        assert putter.end_rush() in (200, 404)
        assert deleter.end_rush() == 204
        left += world.origins(bucket)
    assert left == []


def test_a_deletion_that_dies_after_its_commit_leaves_the_next_bucket_no_rules(world, owner):
    bucket, dying = world.bucket(), world.start("dying")
    dying.send("DELETE", f"/{bucket}")
    dying.go_to("delete rules")
    dying.kill()
    assert world.origins(bucket) == ["https://old.example"]
    assert owner.run("PUT", f"/{bucket}") == 200
    assert world.origins(bucket) == []


@pytest.mark.parametrize("step", ["ask", "delete rules"])
def test_a_put_that_dies_after_storing_leaves_the_next_bucket_no_rules(world, deleter, owner, step):
    bucket, dying = world.bucket(), world.start("dying")
    dying.send("PUT", f"/{bucket}?cors")
    dying.go_to("put rules")
    assert deleter.run("DELETE", f"/{bucket}") == 204
    dying.go()
    dying.go_to(step)
    dying.kill()
    assert world.origins(bucket) == ["https://dying.example"]
    assert owner.run("PUT", f"/{bucket}") == 200
    assert world.origins(bucket) == []


def test_nobody_sees_a_bucket_with_the_rules_of_the_one_before(world, owner):
    """They are deleted before the new bucket can be seen, and not after."""
    world.rules.put("left-1", OLD_RULES)
    owner.send("PUT", "/left-1")
    while owner.step:
        assert not (world.storage.bucket_exists("left-1") and world.origins("left-1"))
        owner.go()
    assert world.storage.bucket_exists("left-1")
    assert world.origins("left-1") == []


def test_a_deletion_leaves_alone_the_rules_of_a_bucket_that_was_created_meanwhile(
    world, deleter, owner
):
    bucket = world.bucket()
    deleter.send("DELETE", f"/{bucket}")
    deleter.go_to("commit")
    deleter.go_to("begin")
    assert owner.run("PUT", f"/{bucket}") == 200
    assert owner.run("PUT", f"/{bucket}?cors") == 200
    assert deleter.finish() == 204
    assert world.origins(bucket) == ["https://owner.example"]


def test_a_put_that_is_too_late_leaves_alone_the_rules_of_the_next_bucket(
    world, putter, deleter, owner
):
    bucket = world.bucket()
    putter.send("PUT", f"/{bucket}?cors")
    putter.go_to("put rules")
    assert deleter.run("DELETE", f"/{bucket}") == 204
    putter.go()
    putter.go_to("delete rules")
    assert owner.run("PUT", f"/{bucket}") == 200
    assert owner.run("PUT", f"/{bucket}?cors") == 200
    assert putter.finish() == 404
    assert world.origins(bucket) == ["https://owner.example"]
