"""What users write is typed: mypy checks this file strictly, and finds no Any in it.

setup.cfg names the file, so that mypy checks it with the package. pytest runs it.
"""

from collections.abc import Sequence

from flask import Flask

from flask_bucketcors import (
    BucketCORS,
    BucketCORSState,
    InvalidRules,
    MemoryStore,
    Rule,
    RulesCall,
    RuleSet,
    Store,
)
from flask_bucketcors.testing import (
    assert_browser_allows,
    assert_browser_refuses,
    memory_store,
)

RULES = RuleSet([Rule(["https://page.test"], ["GET", "PUT"], max_age_seconds=600)])


def test_the_store_of_the_extension() -> None:
    app = Flask("storage")
    cors = BucketCORS(app, store=MemoryStore())
    store: Store = cors.store
    revision: int = store.put("photos", RULES, "alice")
    held: RuleSet | None = cors.store.get("photos")
    assert (revision, held) == (1, RULES)


def test_the_state_of_an_application() -> None:
    app = Flask("storage")
    BucketCORS(app, store=MemoryStore())
    state = BucketCORSState.of(app)
    names: Sequence[str] = state.store.list()
    dialect: str = state.settings.dialect
    assert (names, dialect, state.api.cross_origin) == ([], "cos", True)


def test_the_forms_of_a_rule_set() -> None:
    xml: str = RULES.to_xml("s3")
    text: str = RULES.to_json()
    read: RuleSet = RuleSet.parse(text, limits="oss")
    assert read == RuleSet.parse(xml) == RuleSet.parse(xml.encode()) == RULES
    try:
        RuleSet.parse("[]")
    except InvalidRules as error:
        fields: list[str] = [problem.field for problem in error.problems]
        assert fields == ["rules"]


def test_what_tests_of_applications_use() -> None:
    app = Flask("storage")
    with memory_store() as store:
        BucketCORS(app)
    store.put("photos", RULES)
    response = assert_browser_allows(app.test_client(), "/photos/a", origin="https://page.test")
    status: int = response.status
    body: bytes = response.body
    reason: str = assert_browser_refuses(app.test_client(), "/photos/a", origin="https://b.test")
    assert (status, b"Not Found" in body, "Refused" in reason) == (404, True, True)


def test_hooks_of_each_type() -> None:
    def allows(call: RulesCall) -> bool:
        return call.requester == "AKIDADMIN"

    def names_the_author(call: RulesCall) -> str | None:
        return call.requester

    app, other = Flask("storage"), Flask("other")
    assert BucketCORS(app, store=MemoryStore(), authorize=allows).store.list() == []
    assert BucketCORS(other, store=MemoryStore(), authorize=names_the_author).store.list() == []
