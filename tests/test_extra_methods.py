"""Methods beyond those of the vendors: which ones rules can have, and who may store them.

A rule can have ten of them. A document may contain those that the settings list, and no others.
"""

import json
import re
from contextlib import closing
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from webtest import TestApp

from flask_bucketcors import (
    BucketCORS,
    BucketCORSMiddleware,
    Cause,
    InvalidRules,
    MemoryStore,
    ProblemReason,
    Rule,
    RulesAPI,
    RuleSet,
    SQLiteStore,
    create_blueprint,
    diff,
    explain,
    lint,
)
from flask_bucketcors.api.rules_writer import RulesWriter
from flask_bucketcors.core.dialects import COS, DIALECTS, find_dialect, limited
from flask_bucketcors.core.errors import CallRefused
from flask_bucketcors.documents.any_form import parse_rules
from flask_bucketcors.documents.from_xml import parse_xml
from flask_bucketcors.documents.to_forms import FORMS, write_as
from flask_bucketcors.documents.to_xml import format_xml
from tests.support.command_line import invoke
from tests.support.fetch_model import PageRequest
from tests.support.tables import in_one_test
from tests.support.vendor_corpus import all_documents
from tests.support.visits import Visit, visit

PAGE = "https://page.example"
OTHER = "https://other.example"
FIVE = ("GET", "PUT", "POST", "DELETE", "HEAD")
EXTRA = (
    *("PATCH", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE"),
    *("LOCK", "UNLOCK", "REPORT", "SEARCH"),
)
NEVER = ("TRACE", "TRACK", "CONNECT", "OPTIONS", "*", "", "FOO", "patch")
TUS = RuleSet([Rule([PAGE], ["POST", "HEAD", "PATCH"], ["*"], ["Location", "Upload-Offset"])])
PLAIN = RuleSet([Rule([PAGE], ["GET"])])
LISTED = "add it to BUCKETCORS_EXTRA_METHODS (extra_methods=), or remove it"


def document(*methods: str) -> bytes:
    """A document with one rule."""
    elements = "".join(f"<AllowedMethod>{each}</AllowedMethod>" for each in methods)
    rule = f"<CORSRule><AllowedOrigin>{PAGE}</AllowedOrigin>{elements}</CORSRule>"
    return f"<CORSConfiguration>{rule}</CORSConfiguration>".encode()


# What a rule can have.


@in_one_test
@pytest.mark.parametrize("method", EXTRA)
def test_a_rule_can_have(method: str) -> None:
    rule_set = RuleSet([Rule([PAGE], [method])])
    assert RuleSet.from_dict(rule_set.as_dict()) == rule_set


@in_one_test
@pytest.mark.parametrize("method", NEVER)
def test_a_rule_cannot_have(method: str) -> None:
    with pytest.raises(InvalidRules):
        Rule([PAGE], [method])
    with pytest.raises(InvalidRules):
        RuleSet.from_dict({"rules": [{"allowed_origins": [PAGE], "allowed_methods": [method]}]},
                          extra_methods=[method])  # fmt: skip


@pytest.mark.parametrize("methods", [["PATCH"], ["GET", "PATCH", "PATCH"], [*FIVE, *EXTRA] * 2])
def test_equal_rules_are_equal_however_they_are_read(methods: list[str]) -> None:
    data = {"rules": [{"allowed_origins": [PAGE], "allowed_methods": methods}]}
    read = RuleSet.from_dict(data, extra_methods=EXTRA)
    assert read == RuleSet.from_dict(data) == RuleSet([Rule([PAGE], methods)])
    assert read.rules[0].allowed_methods == tuple(methods)


# What a document may contain.


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_without_the_setting_they_are_methods_like_any_that_do_not_exist(dialect: Any) -> None:
    """In every document that is known, at the place of its first method: code and text are those
    of a method that nobody knows."""
    methods = cycle([*EXTRA, "patch", "Propfind"])
    count = 0
    for text in all_documents():
        method = next(methods)
        known, unknown = (_with_method(text, each) for each in (method, "Z" * len(method)))
        assert outcome(known, dialect) == outcome(unknown, dialect).replace(
            "Z" * len(method), method
        )
        count += known != text
    assert count > 150


def _with_method(text: str, method: str) -> str:
    return re.sub(r"(AllowedMethod>\s*)[^<]*", rf"\g<1>{method}", text, count=1)


def outcome(text: str, dialect: Any) -> str:
    """What becomes of a document: the rules as GET shows them, or the error."""
    try:
        return format_xml(
            parse_xml(text.encode("utf-8", "surrogatepass"), dialect), dialect
        ).decode()
    except CallRefused as error:
        return f"{error.code}: {error.message} {error.detail}"


NO_METHOD = "is not a method that rules can allow; write GET, PUT, POST, DELETE"
S3_TEXT = "Found unsupported HTTP method in CORS config. Unsupported method is "
TEXTS = [
    # dialect, settings, methods of the document: what the error says
    ("cos", [], ["PATCH"], f"AllowedMethod 'PATCH' {NO_METHOD} or HEAD."),
    ("oss", [], ["GET", "LOCK"], f"AllowedMethod 'LOCK' {NO_METHOD} or HEAD."),
    ("cos", [], ["patch"], f"AllowedMethod 'patch' {NO_METHOD} or HEAD."),
    ("cos", ["PATCH"], ["MOVE"], f"AllowedMethod 'MOVE' {NO_METHOD}, HEAD or PATCH."),
    ("cos", ["MOVE", "LOCK"], ["TRACE"], f"AllowedMethod 'TRACE' {NO_METHOD}, HEAD, MOVE or LOCK."),
    ("cos", ["PATCH"], ["patch"], "AllowedMethod 'patch' is in the wrong case; methods are"),
    ("cos", ["PATCH"], ["move"], f"AllowedMethod 'move' {NO_METHOD}, HEAD or PATCH."),
    ("cos", [], ["GET", "OPTIONS"], f"AllowedMethod 'OPTIONS' {NO_METHOD} or HEAD."),
    ("oss", [], ["*"], f"AllowedMethod '*' {NO_METHOD} or HEAD."),
    ("cos", [], ["GET,PUT"], f"AllowedMethod 'GET,PUT' {NO_METHOD} or HEAD."),
    ("s3", [], ["OPTIONS"], f"{S3_TEXT}OPTIONS"),
    ("obs", [], ["*"], f"{S3_TEXT}*"),
    ("s3", [], ["GET,PUT"], f"{S3_TEXT}GET,PUT"),
    ("s3", [], ["PATCH"], f"{S3_TEXT}PATCH"),
    ("s3", ["PATCH"], ["MOVE"], f"{S3_TEXT}MOVE"),
    ("obs", ["MOVE"], ["PATCH"], f"{S3_TEXT}PATCH"),
]  # fmt: skip


@in_one_test
@pytest.mark.parametrize("dialect, settings, methods, said", TEXTS)
def test_the_api_says_which_methods_rules_can_have(
    dialect: str, settings: list[str], methods: list[str], said: str
) -> None:
    api = RulesAPI(MemoryStore(), authorize=lambda call: True, dialect=dialect,
                   extra_methods=settings)  # fmt: skip
    app = TestApp(BucketCORSMiddleware(object_storage, store=MemoryStore(), api=api))
    response = app.put("/photos?cors", document(*methods), status=400)
    assert said in response.text.replace("&apos;", "'")


def object_storage(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("207 Multi-Status", [("Content-Type", "text/plain"), ("DAV", "1")])
    return [b"of the application"]


PLACES = ["extension", "blueprint", "api"]


@in_one_test
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("settings, status", [([], 400), (["PATCH"], 200), (list(EXTRA), 200)])
def test_a_put_is_accepted_if_the_settings_list_its_methods(
    place: str, settings: list[str], status: int
) -> None:
    store = MemoryStore()
    app = Flask("storage")
    if place == "extension":
        app.config["BUCKETCORS_EXTRA_METHODS"] = settings
        BucketCORS(app, store=store, authorize=lambda call: True)
    elif place == "blueprint":
        app.register_blueprint(
            create_blueprint(store, authorize=lambda call: True, extra_methods=settings)
        )
    else:
        api = RulesAPI(store, authorize=lambda call: True, extra_methods=settings)
        app.wsgi_app = BucketCORSMiddleware(app.wsgi_app, store=store, api=api)  # type: ignore[method-assign]
    client = app.test_client()
    assert client.put("/photos?cors", data=document("GET", "PATCH")).status_code == status
    shown = client.get("/photos?cors")
    assert (b"<AllowedMethod>PATCH</AllowedMethod>" in shown.data) is (status == 200)


@pytest.mark.parametrize("call", [lint, explain])
@pytest.mark.parametrize("methods", [["FOO"], ["GET"], "PATCH"])
def test_an_unknown_method_is_a_wrong_argument(call: Any, methods: Any) -> None:
    with pytest.raises(ValueError, match=r"extra_methods has .*: write some"):
        call(PLAIN, extra_methods=methods)


def test_dialects_with_the_same_methods_are_one() -> None:
    """So that compiled rules share what they have in common."""
    ours = find_dialect("cos", ["MOVE", "PATCH"])
    assert find_dialect(COS, iter(["PATCH", "MOVE", "MOVE"])) is ours
    assert limited({}, ["PATCH", "MOVE"])["cos"] is ours
    assert ours.extra_methods == ("PATCH", "MOVE")
    assert limited({"cos": (3, 300)}, ["PATCH"])["cos"].max_rules == 3
    assert find_dialect("cos") is limited({})["cos"] is COS


# What is written and kept.


def test_a_rule_set_keeps_its_methods_in_every_form(tmp_path: Path) -> None:
    rule_set = RuleSet([Rule([PAGE], ["GET", *EXTRA]), Rule(["*"], ["PATCH"])])
    forms = [
        json.dumps(rule_set.as_dict()),
        json.dumps(write_as(rule_set, FORMS["aws"], "photos").data),
    ]
    forms += [format_xml(rule_set, dialect).decode() for dialect in DIALECTS.values()]
    for form in forms:
        assert parse_rules(form).rules == rule_set.rules
        assert parse_rules(form, find_dialect("cos", EXTRA)).rules == rule_set.rules
    store = SQLiteStore(tmp_path / "rules.sqlite")
    revision = store.put("photos", rule_set)
    store.put("photos", PLAIN)
    store.close()
    with closing(SQLiteStore(tmp_path / "rules.sqlite")) as store:
        assert store.get_revision("photos", revision) == rule_set


def test_a_writer_takes_only_methods_that_the_settings_list() -> None:
    store = MemoryStore()
    revision = store.put("photos", TUS)
    store.put("photos", PLAIN)
    narrow, wide = (RulesWriter(store=store, dialect=find_dialect("cos", each))
                    for each in (["MOVE"], ["PATCH"]))  # fmt: skip
    for write in (lambda: narrow.put("photos", TUS), lambda: narrow.rollback("photos", revision)):
        with pytest.raises(InvalidRules) as refused:
            write()
        (problem,) = refused.value.problems
        assert (problem.rule, problem.value, problem.reason) == (
            0,
            "PATCH",
            ProblemReason.EXTRA_METHOD,
        )
        assert store.get("photos") == PLAIN
    wide.put("photos", TUS)
    wide.rollback("photos", revision)
    assert store.get("photos") == TUS


def test_what_is_stored_stays_in_force_when_the_setting_is_narrowed(tmp_path: Path) -> None:
    path = tmp_path / "rules.sqlite"
    with closing(SQLiteStore(path)) as store:
        store.put("photos", TUS)
    app = Flask("storage")
    app.config["BUCKETCORS_DATABASE"] = str(path)
    BucketCORS(app, authorize=lambda call: True)
    client = app.test_client()
    response = client.options(
        "/photos/key", headers={"Origin": PAGE, "Access-Control-Request-Method": "PATCH"}
    )
    assert response.headers["Access-Control-Allow-Methods"] == "POST,HEAD,PATCH"
    shown = client.get("/photos?cors").data
    assert b"PATCH" in shown
    # The document itself can no longer be put.
    assert client.put("/photos?cors", data=shown).status_code == 400
    app.extensions["bucketcors"].store.close()


# The command line.


@pytest.fixture
def app() -> Flask:
    """An application whose rules can have PATCH."""
    return served(["PATCH"])


def served(extra_methods: list[str]) -> Flask:
    app = Flask("storage")
    app.config["BUCKETCORS_EXTRA_METHODS"] = extra_methods
    BucketCORS(app, store=MemoryStore())
    return app


@pytest.fixture
def patch(tmp_path: Path) -> Path:
    return _file(tmp_path, "GET", "PATCH")


def _file(folder: Path, *methods: str) -> Path:
    path = folder / f"{'-'.join(methods)}.xml"
    path.write_bytes(document(*methods))
    return path


def test_put_and_import_take_the_methods_of_the_settings(app: Flask, patch: Path) -> None:
    invoke("put", "photos", patch, app=app)
    exported = invoke("export", app=app).output
    assert json.loads(exported)["rules"][0]["allowed_methods"] == ["GET", "PATCH"]
    assert "1 stored" in invoke("import", "-", app=served(["PATCH"]), input=exported).output
    assert "<AllowedMethod>PATCH<" in invoke("show", "photos", app=app).output
    assert '"PATCH"' in invoke("history", "photos", "--format", "json", app=app).output


def test_put_import_and_rollback_refuse_others_and_name_the_setting(patch: Path) -> None:
    app = served(["MOVE"])
    app.extensions["bucketcors"].store.put("photos", TUS)
    exported = invoke("export", app=app).output
    app.extensions["bucketcors"].store.put("photos", PLAIN)
    said = f"rule 1: allowed_methods 'PATCH' is a method that the settings do not allow; {LISTED}"
    assert said.replace("allowed_methods", "AllowedMethod") in invoke(
        "put", "photos", patch, app=app, code=1).output  # fmt: skip
    assert said in invoke("import", "-", app=app, input=exported, code=1).output
    assert said in invoke("rollback", "photos", 1, app=app, code=1).output
    assert app.extensions["bucketcors"].store.get("photos") == PLAIN


def test_lint_of_a_file_takes_the_methods_as_an_option(patch: Path) -> None:
    said = invoke("lint", patch, code=1).output
    assert (
        f"The API rejects 'PATCH': it is a method that the settings do not allow; {LISTED}." in said
    )
    assert "  help: if the settings list it, lint with extra_methods=['PATCH'] or" in said
    assert "no findings" in invoke("lint", patch, "--extra-method", "PATCH").output
    assert "BC314" in invoke("lint", patch, "--extra-method", "MOVE", code=1).output
    assert "'TRACE' is not one of 'PATCH'" in invoke(
        "lint", patch, "--extra-method", "TRACE", code=2).output  # fmt: skip


def test_lint_of_a_bucket_takes_the_methods_of_the_settings(app: Flask) -> None:
    for each in (app, served([])):
        each.extensions["bucketcors"].store.put("photos", RuleSet([Rule([PAGE], ["PATCH"])]))
    assert "no findings" in invoke("lint", "--all", app=app).output
    assert "BC314" in invoke("lint", "--bucket", "photos", app=served_with_tus([]), code=1).output


def served_with_tus(extra_methods: list[str]) -> Flask:
    app = served(extra_methods)
    app.extensions["bucketcors"].store.put("photos", TUS)
    return app


EXPLAINED = [
    # methods of the file, options, method of the request: the exit code and what is said
    ("GET", [], "PATCH", 1, "help: add PATCH to BUCKETCORS_EXTRA_METHODS; then in rule 1, add"),
    ("GET", ["PATCH"], "PATCH", 1, "Fix 1: In rule 1, add 'PATCH' to AllowedMethod."),
    ("PATCH", [], "PATCH", 0, "The API rejects these rules: rule 1: AllowedMethod 'PATCH' is a"),
    ("PATCH", ["PATCH"], "PATCH", 0, "Allowed: rule 1 allows PATCH"),
    ("PATCH", ["PATCH"], "patch", 1, "Refused[method_case]"),
    ("patch", ["PATCH"], "PATCH", 1, "Fix 1: In rule 1, write 'PATCH' instead of 'patch'."),
    ("GET", ["PATCH"], "TRACE", 1, "that rules can allow: GET, PUT, POST, DELETE, HEAD, PATCH"),
]  # fmt: skip


@pytest.mark.parametrize("held, options, method, code, said", EXPLAINED)
def test_explain_of_a_file_takes_the_methods_as_an_option(
    tmp_path: Path, held: str, options: list[str], method: str, code: int, said: str
) -> None:
    given = [word for each in options for word in ("--extra-method", each)]
    path = _file(tmp_path, held)
    run = invoke(
        "explain", "--rules", path, "--origin", PAGE, "--method", method, *given, code=code
    )
    assert said in run.output


def test_explain_of_a_bucket_takes_the_methods_of_the_settings(app: Flask) -> None:
    asked = ["explain", "--bucket", "photos", "--origin", PAGE, "--method", "PATCH"]
    app.extensions["bucketcors"].store.put("photos", PLAIN)
    assert "Fix 1: In rule 1, add 'PATCH'" in invoke(*asked, app=app, code=1).output
    assert "Allowed" in invoke(*asked, app=served_with_tus([])).output


def test_explain_of_a_bucket_takes_the_limits_of_the_settings() -> None:
    app = Flask("storage")
    app.config["BUCKETCORS_LIMITS"] = {"cos": (200, 65536)}
    BucketCORS(app, store=MemoryStore())
    rules = RuleSet([Rule([PAGE], ["GET"])] * 150)
    app.extensions["bucketcors"].store.put("photos", rules)
    run = invoke("explain", "--bucket", "photos", "--origin", PAGE, app=app)
    assert "The API rejects" not in run.output


def test_diff_reads_all_of_them_and_says_what_the_settings_lack(tmp_path: Path, app: Flask) -> None:
    old, new = _file(tmp_path, "GET"), _file(tmp_path, "GET", "PATCH", "LOCK")
    run = invoke("diff", old, new, code=1)
    assert f"PATCH, LOCK from {PAGE}" in run.output
    assert f"{new} needs PATCH, LOCK in BUCKETCORS_EXTRA_METHODS\n" in run.output
    app.extensions["bucketcors"].store.put("photos", PLAIN)
    run = invoke("diff", "--bucket", "photos", new, app=app, code=1)
    assert f"{new} needs LOCK in BUCKETCORS_EXTRA_METHODS\n" in run.output
    assert "needs" not in invoke("diff", "--bucket", "photos", old, app=app).output


# What explains, lints and compares.


def test_diff_counts_the_methods_that_occur() -> None:
    wide = RuleSet([Rule([PAGE], ["GET", "PATCH", "UNLOCK"])])
    (newly, other) = diff(PLAIN, wide)
    assert newly.region.methods == ("PATCH", "UNLOCK")
    assert other.aspects == ("methods",)
    assert not diff(wide, wide)
    (gone, _) = diff(wide, PLAIN)
    assert gone.region.methods == ("PATCH", "UNLOCK")


def test_lint_counts_the_methods_that_occur() -> None:
    below = RuleSet([Rule([PAGE], ["PATCH", "GET"]), Rule([PAGE], ["PATCH"])])
    apart = RuleSet([Rule([PAGE], ["GET"]), Rule([PAGE], ["PATCH"])])
    for rule_set, ids in ((below, ["BC101"]), (apart, [])):
        found = lint(rule_set, extra_methods=["PATCH"])
        assert [each.id for each in found] == ids
    (finding,) = lint(RuleSet([Rule(["null"], ["LOCK"])]), dangers_only=True)
    assert finding.witnesses[0].method == "LOCK"


def test_lint_says_of_each_method_what_the_api_says() -> None:
    rules = [{"allowed_origins": [PAGE], "allowed_methods": ["GET", "PATCH", "move", "lock"]}]
    found = lint(rules, extra_methods=["MOVE"])
    assert [(each.id, each.value) for each in found] == [
        ("BC314", "PATCH"),
        ("BC314", "move"),
        ("BC314", "lock"),
    ]
    reasons = ["is a method that the settings do not", "is in the wrong case", "is not a method"]
    assert all(reason in each.text for reason, each in zip(reasons, found, strict=True))


FIXES = [
    # rules, request: the cause, and the help without the setting
    (PLAIN, {"method": "PATCH"}, "method_not_enabled",
     "help: add PATCH to BUCKETCORS_EXTRA_METHODS; then in rule 1, add 'PATCH' to AllowedMethod."),
    (PLAIN, {"method": "PATCH", "origin": OTHER}, "origin_not_listed",
     "help: add PATCH to BUCKETCORS_EXTRA_METHODS; then add a rule for 'https://other.example' "
     "with PATCH."),
    (None, {"method": "PATCH"}, "no_rules",
     "help: add PATCH to BUCKETCORS_EXTRA_METHODS; then add a rule for 'https://page.example' "
     "with PATCH."),
    (TUS, {"method": "GET"}, "method_missing",
     "help: add PATCH to BUCKETCORS_EXTRA_METHODS; then in rule 1, add 'GET' to AllowedMethod."),
    ([{"allowed_origins": [PAGE], "allowed_methods": ["GET, PATCH"]}], {"method": "PATCH"},
     "method_not_enabled",
     "help: add PATCH to BUCKETCORS_EXTRA_METHODS; then in rule 1, write 'GET', 'PATCH' as "
     "separate values."),
    (PLAIN, {"method": "PATCH", "response": {"console":
     "Response to preflight request doesn't pass access control check: It does not have HTTP ok "
     "status.", "status": 502, "headers": {"Server": "CloudFront", "X-Cache": "Error"}}},
     "cdn_responded",
     "help: configure CORS there, and let it pass on Origin and OPTIONS; then add PATCH to "
     "BUCKETCORS_EXTRA_METHODS; then in rule 1, add 'PATCH' to AllowedMethod."),
]  # fmt: skip


@pytest.mark.parametrize("rules, request_, cause, help", FIXES)
def test_a_fix_is_offered_only_if_the_api_accepts_it(
    rules: Any, request_: dict[str, Any], cause: str, help: str
) -> None:
    asked = {"origin": PAGE, **request_}
    without = explain(rules, **asked)
    assert (without.cause, without.fixes, without.help) == (cause, (), help)
    enabled = explain(rules, extra_methods=["PATCH"], **asked)
    assert enabled.cause is not Cause.METHOD_NOT_ENABLED
    for fix in enabled.fixes:
        RulesWriter(store=MemoryStore(), dialect=find_dialect("cos", ["PATCH"])).put("a", fix.rules)
    if cause != "cdn_responded":
        assert enabled.fixes


def test_a_method_within_another_is_no_misspelling() -> None:
    """PROPPATCH ends like PATCH, and UNLOCK like LOCK."""
    rules = RuleSet([Rule([PAGE], ["PROPPATCH", "UNLOCK"])])
    for method in ("PATCH", "LOCK"):
        explanation = explain(rules, origin=PAGE, method=method, extra_methods=EXTRA)
        assert explanation.cause is Cause.METHOD_MISSING
        assert explanation.fixes[0].text == f"In rule 1, add '{method}' to AllowedMethod."


def test_the_status_of_a_console_line_is_read_for_every_method() -> None:
    console = (
        f"Access to fetch at 'https://b.example/k' from origin '{PAGE}' has been blocked by CORS "
        "policy: No 'Access-Control-Allow-Origin' header is present on the requested resource.\n"
        "{} https://b.example/k net::ERR_FAILED 403 (Forbidden)"
    )
    for method in (*FIVE, *EXTRA):
        found = explain(TUS, method="POST", response={"console": console.format(method)})
        assert found.cause is Cause.APP_REFUSED


# What pages may do.


PREFLIGHTS = [
    # dialect, settings, origin, method: status, code, Allow-Methods
    ("cos", ["PATCH"], PAGE, "PATCH", 200, "", "POST,HEAD,PATCH"),
    ("oss", ["PATCH"], PAGE, "PATCH", 200, "", "POST, HEAD, PATCH"),
    ("s3", ["PATCH"], PAGE, "PATCH", 200, "", "POST, HEAD, PATCH"),
    ("obs", [], PAGE, "PATCH", 200, "", "POST, HEAD, PATCH"),
    ("cos", ["PATCH"], PAGE, "patch", 403, "AccessForbidden", None),
    ("cos", ["PATCH"], OTHER, "PATCH", 403, "AccessForbidden", None),
    ("s3", ["PATCH"], OTHER, "PATCH", 403, "AccessForbidden", None),
    ("s3", ["PATCH"], PAGE, "patch", 400, "BadRequest", None),
    ("s3", [], OTHER, "PATCH", 400, "BadRequest", None),
    ("s3", ["PATCH"], PAGE, "LOCK", 400, "BadRequest", None),
]


@in_one_test
@pytest.mark.parametrize("dialect, settings, origin, method, status, code, allowed", PREFLIGHTS)
def test_preflights(
    dialect: str,
    settings: list[str],
    origin: str,
    method: str,
    status: int,
    code: str,
    allowed: str | None,
) -> None:
    store = MemoryStore()
    store.put("photos", TUS)
    app = TestApp(
        BucketCORSMiddleware(object_storage, store=store, dialect=dialect, extra_methods=settings)
    )
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    # The second time, the rules are in memory.
    for _ in range(2):
        response = app.options("/photos/key", headers=headers, status=status)
        assert f"<Code>{code}</Code>" in response.text or not code
        assert response.headers.get("Access-Control-Allow-Methods") == allowed


class Uploads:
    """An application for uploads that can be resumed, with the protocol of tus 1.0."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        held = self.files.get(path, b"")
        headers = [("Tus-Resumable", "1.0.0"), ("Cache-Control", "no-store")]
        if method == "POST":
            path = f"{path}/{len(self.files)}"
            self.files[path] = b""
            headers.append(("Location", path))
            start_response("201 Created", [*headers, ("Content-Length", "0")])
        elif method == "PATCH" and environ["HTTP_UPLOAD_OFFSET"] != str(len(held)):
            start_response("409 Conflict", [*headers, ("Content-Length", "0")])
        else:
            if method == "PATCH":
                held += environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
                self.files[path] = held
            start_response("204 No Content", [*headers, ("Upload-Offset", str(len(held)))])
        return []


def test_a_page_can_resume_uploads() -> None:
    uploads = Uploads()
    app = Flask("uploads")
    app.config["BUCKETCORS_EXTRA_METHODS"] = ["PATCH"]
    app.wsgi_app = uploads  # type: ignore[method-assign, assignment]
    BucketCORS(app, store=MemoryStore(), authorize=lambda call: True)
    rules = format_xml(TUS, COS)
    assert app.test_client().put("/videos?cors", data=rules).status_code == 200

    def ask(method: str, url: str, body: bytes = b"", **headers: str) -> Visit | None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = PageRequest(PAGE, method, {"Tus-Resumable": "1.0.0", **named})
        return visit(app, url, request, body)

    part = {"Content_Type": "application/offset+octet-stream"}
    made = ask("POST", "/videos", Upload_Length="5")
    assert made is not None
    url = made.headers["location"]
    sent = ask("PATCH", url, b"he", Upload_Offset="0", **part)
    assert sent is not None
    assert sent.headers["upload-offset"] == "2"
    # A conflict is a response like any other: the page can read it, and ask where to go on.
    conflict = ask("PATCH", url, b"x", Upload_Offset="0", **part)
    assert conflict is not None
    assert conflict.status == 409
    seen = ask("HEAD", url)
    assert seen is not None
    assert seen.headers["upload-offset"] == "2"
    assert ask("PATCH", url, b"llo", Upload_Offset="2", **part) is not None
    assert uploads.files == {url: b"hello"}

    # Browsers send "patch" as it is, and no rule allows that. Nor does one allow other pages.
    assert ask("patch", url, b"!", Upload_Offset="5", **part) is None
    other = PageRequest(OTHER, "PATCH", {"Upload-Offset": "5"})
    assert visit(app, url, other, b"!") is None
    assert uploads.files == {url: b"hello"}


@in_one_test
@pytest.mark.parametrize("method", EXTRA)
def test_a_page_can_use_a_webdav_method_that_a_rule_has(method: str) -> None:
    store = MemoryStore()
    store.put("files", RuleSet([Rule([PAGE], [method], ["depth", "content-type"], ["DAV"])]))
    app = BucketCORSMiddleware(object_storage, store=store)
    asked = {"Depth": "1", "Content-Type": "application/xml"}
    for url in ("/files", "/files/", "/files/a/b"):
        seen = visit(app, url, PageRequest(PAGE, method, asked))
        assert seen == (207, {"content-type": "text/plain", "dav": "1"}, b"of the application")
    assert visit(app, "/files", PageRequest(OTHER, method, asked)) is None
    others = {*FIVE, *EXTRA, "TRACE"} - {method}
    assert all(visit(app, "/files", PageRequest(PAGE, each, asked)) is None for each in others)
