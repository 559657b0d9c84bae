"""``BUCKETCORS_DEFAULT_RULES``: read and linted once, and shown wherever rules are shown."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from flask import Flask

from flask_bucketcors import (
    BucketCORS,
    BucketCORSMiddleware,
    MemoryStore,
    Rule,
    RulesAPI,
    RuleSet,
    SettingRefused,
    create_blueprint,
)
from flask_bucketcors.settings import STRICT_LEVELS
from tests.support.command_line import invoke

PAGE = "https://page.example"
RULES = RuleSet([Rule([PAGE], ["GET"])])
OWN = RuleSet([Rule(["https://own.example"], ["PUT"])])
DANGEROUS = RuleSet([Rule(["https://*"], ["GET"])])
WARNED = RuleSet([Rule([PAGE], ["GET"]), Rule([PAGE], ["GET"])])
ALLOW_ORIGIN = "Access-Control-Allow-Origin"
JSON = json.dumps(RULES.as_dict())


def make_app(
    default_rules: Any = RULES,
    *,
    instance_relative: bool = False,
    settings: Mapping[str, Any] = MappingProxyType({"URL_PREFIX": "/files"}),
    authorize: Any = None,
    **more: Any,
) -> Flask:
    app = Flask("storage", **more, instance_relative_config=instance_relative)
    app.config["BUCKETCORS_DEFAULT_RULES"] = default_rules
    app.config.update({f"BUCKETCORS_{key}": value for key, value in settings.items()})
    store = MemoryStore()
    store.put("own", OWN)
    BucketCORS(app, store=store, authorize=authorize)
    return app


def allowed(app: Flask, path: str = "/files/any/k", host: str = "localhost") -> bool:
    """Whether a page may read a response, cold and warm alike."""
    client = app.test_client()
    found = {
        client.get(path, headers={"Origin": PAGE, "Host": host}).headers.get(ALLOW_ORIGIN)
        for _ in range(2)
    }
    assert found in ({PAGE}, {None})
    return found == {PAGE}


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, "flask_bucketcors")
    return caplog


# Reading


def test_the_settings_in_force_hold_the_rules() -> None:
    app = make_app(JSON)
    assert app.extensions["bucketcors"].settings.default_rules == RULES
    assert allowed(app)
    assert not allowed(app, "/health")


@pytest.mark.parametrize("instance_relative", [False, True])
def test_a_relative_path_is_one_of_config_from_file(
    tmp_path: Path, instance_relative: bool
) -> None:
    """The rules belong to the configuration, and not to the data as the database does."""
    folders = {"root_path": tmp_path / "package", "instance_path": tmp_path / "instance"}
    for folder in folders.values():
        folder.mkdir()
    folder = folders["instance_path" if instance_relative else "root_path"]
    (folder / "cors.json").write_text(JSON)
    paths = {name: str(path) for name, path in folders.items()}
    assert allowed(make_app("cors.json", instance_relative=instance_relative, **paths))


def test_an_error_names_the_setting_and_the_file(tmp_path: Path) -> None:
    with pytest.raises(SettingRefused) as refused:
        make_app("cors.json", root_path=str(tmp_path))
    said = str(refused.value)
    assert said.startswith(f"BUCKETCORS_DEFAULT_RULES: the file '{tmp_path}")
    assert "cannot be read (No such file or directory): write a RuleSet, a document" in said


def test_an_environment_can_hold_a_document_or_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flask parses JSON that an environment holds."""
    file = tmp_path / "cors.json"
    file.write_text(JSON)
    for value in (JSON, str(file)):
        monkeypatch.setenv("FLASK_BUCKETCORS_DEFAULT_RULES", value)
        app = Flask("storage")
        app.config.from_prefixed_env()
        assert allowed(make_app(app.config["BUCKETCORS_DEFAULT_RULES"]))


# What says which URLs are about buckets


def test_a_route_says_where_they_are_in_force() -> None:
    app = make_app(settings={})
    app.add_url_rule("/media/<bucket>/<path:key>", "media", lambda bucket, key: "object")
    app.add_url_rule("/media/upload/<path:key>", "upload", lambda key: "form")
    app.add_url_rule("/api/items", "items", lambda: "[]")
    assert allowed(app, "/media/any/k")
    for path in ("/media/upload/k", "/media/a/../k", "/api/items", "/static/app.css", "/any/k"):
        assert not allowed(app, path), path


NOT_IN_FORCE = (
    "BUCKETCORS_DEFAULT_RULES is not in force: default rules would apply to every URL of the "
    "application"
)


def test_they_are_not_in_force_where_not_even_a_route_says_it(
    warnings: pytest.LogCaptureFixture,
) -> None:
    """Routes are known at the first request only, so the setting cannot be refused before."""
    app = make_app(settings={})
    app.add_url_rule("/<name>/<path:key>", "object", lambda name, key: "object")
    assert warnings.messages == []
    assert not allowed(app, "/any/k")
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "GET"}
    assert app.test_client().options("/any/k", headers=asked).status_code == 403
    [line] = warnings.messages
    assert line.startswith(f"{NOT_IN_FORCE}; say which URLs are about buckets with BUCKETCORS_URL")
    assert "bucket any has no rules" in invoke("show", "any", app=app, code=1).output
    notes = json.loads(invoke("doctor", "--format", "json", app=app, code=1).stdout)
    [note] = [each for each in notes if "DEFAULT_RULES" in each["text"]]
    assert not note["ok"]
    assert note["help"].startswith("say which URLs are about buckets")


def test_the_routes_of_a_blueprint_say_it_to_a_middleware() -> None:
    app, store = Flask("storage"), MemoryStore()
    app.add_url_rule("/media/<bucket>/<path:key>", "media", lambda bucket, key: "object")
    app.register_blueprint(create_blueprint(store))
    app.wsgi_app = BucketCORSMiddleware(  # type: ignore[method-assign]
        app.wsgi_app, store=store, default_rules=RULES
    )
    assert allowed(app, "/media/any/k")
    assert not allowed(app, "/any/k")


SUFFIX = {"HOST_SUFFIXES": ["cos.test"]}


@pytest.mark.parametrize(
    "settings, on_other_hosts",
    [
        pytest.param(SUFFIX, False, id="hosts, and nothing about paths"),
        pytest.param({**SUFFIX, "HOSTS_ONLY": True}, False, id="hosts only"),
        pytest.param({**SUFFIX, "URL_PREFIX": "/"}, True, id="hosts and all paths"),
    ],
)
def test_host_suffixes_say_nothing_about_paths_on_other_hosts(
    settings: dict[str, Any], on_other_hosts: bool
) -> None:
    app = make_app(settings=settings)
    for _ in range(2):
        assert allowed(app, "/k", host="any.cos.test")
        assert allowed(app, "/any/k") is on_other_hosts
        assert allowed(app, "/any/k", host="cos.test") is on_other_hosts


def test_own_rules_decide_on_all_hosts() -> None:
    app = make_app(settings=SUFFIX)
    app.extensions["bucketcors"].store.put("any", RULES)
    assert allowed(app, "/k", host="any.cos.test")
    assert allowed(app, "/any/k")


# Linting


def test_dangers_are_logged_once(warnings: pytest.LogCaptureFixture) -> None:
    app = make_app(DANGEROUS)
    assert allowed(app)
    assert allowed(app, "/files/other/k")
    [line] = [each for each in warnings.messages if "default rules" in each]
    assert line.startswith("default rules, danger: BC204 rule 1 'https://*': ")


def test_rules_without_dangers_log_nothing(warnings: pytest.LogCaptureFixture) -> None:
    make_app()
    assert warnings.messages == []


def make_plain(default_rules: RuleSet, strict: str) -> None:
    store = MemoryStore()
    BucketCORSMiddleware(
        Flask("storage"),
        store=store,
        api=RulesAPI(store, strict=strict),
        url_prefix="/files",
        default_rules=default_rules,
    )


def make_extension(default_rules: RuleSet, strict: str) -> None:
    app = Flask("storage")
    app.config.update(
        BUCKETCORS_STRICT=strict,
        BUCKETCORS_URL_PREFIX="/files",
        BUCKETCORS_DEFAULT_RULES=default_rules,
    )
    BucketCORS(app, store=MemoryStore())


def make_blueprint(default_rules: RuleSet, strict: str) -> None:
    app, store = Flask("storage"), MemoryStore()
    app.wsgi_app = BucketCORSMiddleware(  # type: ignore[method-assign]
        app.wsgi_app, store=store, url_prefix="/files", default_rules=default_rules
    )
    app.register_blueprint(create_blueprint(store, strict=strict))


@pytest.mark.parametrize("make", [make_plain, make_extension, make_blueprint])
@pytest.mark.parametrize(
    "rules, refusing",
    [
        pytest.param(DANGEROUS, {"dangers", "warnings"}, id="dangers"),
        pytest.param(WARNED, {"warnings"}, id="warnings"),
    ],
)
def test_strict_refuses_them(make: Any, rules: RuleSet, refusing: set[str]) -> None:
    for strict in STRICT_LEVELS:
        if strict not in refusing:
            make(rules, strict)
            continue
        with pytest.raises(SettingRefused, match=r"^the default rules are refused: .*BC\d\d\d"):
            make(rules, strict)


# Showing


def test_show_prints_them_and_says_so() -> None:
    app = make_app()
    result = invoke("show", "any", "--as", "json", app=app)
    assert json.loads(result.stdout) == RULES.as_dict()
    assert result.stderr == (
        "bucket any has no rules of its own: these are the default rules, "
        "BUCKETCORS_DEFAULT_RULES\n"
    )
    own = invoke("show", "own", "--as", "json", app=app)
    assert (json.loads(own.stdout), own.stderr) == (OWN.as_dict(), "")


@pytest.mark.parametrize("bucket", ["static", "a/b", "a\x01"])
def test_a_name_that_no_bucket_can_have_has_none(bucket: str) -> None:
    app = make_app()
    app.add_url_rule("/files/static", "static-files", lambda: "")
    output = invoke("show", bucket, app=app, code=1).output
    assert "default rules" not in output


def test_what_is_stored_does_not_know_them(tmp_path: Path) -> None:
    app = make_app()
    assert invoke("list", app=app).stdout == "own\n"
    assert '"any"' not in invoke("export", "-", app=app).stdout
    assert "bucket any has no history" in invoke("history", "any", app=app, code=1).output
    assert "bucket any has no rules" in invoke("delete", "any", "--yes", app=app, code=1).output


def test_explain_says_that_they_decide() -> None:
    app = make_app()
    request = ["explain", "--origin", "https://other.example", "--bucket"]
    text = invoke(*request, "any", app=app, code=1).stdout
    assert text.startswith("bucket any has no rules of its own: the default rules decide\n")
    assert "a fix changes every bucket without rules of its own" in text
    assert "`put any FILE`" in text
    assert "default rules" not in invoke(*request, "own", app=app, code=1).stdout
    for bucket, is_default in (("any", True), ("own", False)):
        told = json.loads(invoke(*request, bucket, "--format", "json", app=app, code=1).stdout)
        assert told["default_rules"] is is_default
    assert invoke("explain", "--origin", PAGE, "--bucket", "any", app=app).exit_code == 0


def test_lint_looks_at_them_for_a_bucket() -> None:
    text = invoke("lint", "--bucket", "any", app=make_app(DANGEROUS), code=1).stdout
    assert "bucket any (default rules): rule 1" in text


def test_changes_are_shown_against_them(tmp_path: Path) -> None:
    """They decide until the bucket gets its own."""
    app = make_app()
    new = tmp_path / "new.json"
    new.write_text(json.dumps(OWN.as_dict()))
    compared = invoke("diff", "--bucket", "any", new, app=app, code=1).stdout
    assert compared.startswith("--- bucket any (default rules)\n")
    assert f"GET from {PAGE}" in compared
    put = invoke("put", "any", new, "--diff", "--yes", app=app).stdout
    assert put.startswith("--- bucket any (default rules)\n")
    assert f"GET from {PAGE}" in put
    # The same rules become the bucket's own.
    new.write_text(JSON)
    assert "other: revision" in invoke("put", "other", new, "--diff", "--yes", app=app).stdout


def test_what_a_write_changes_is_said_of_them(tmp_path: Path) -> None:
    """A bucket that gets rules leaves the default rules, and one that loses its own has them."""
    app = make_app()
    new = tmp_path / "new.json"
    new.write_text(JSON)
    assert "every request is treated as before" in invoke("put", "any", new, app=app).stdout
    new.write_text(json.dumps(OWN.as_dict()))
    assert f"no longer allowed: GET from {PAGE}" in invoke("put", "any", new, app=app).stdout
    text = invoke("delete", "any", "--yes", app=app).stdout
    assert "any: revision 4, no rules (1 before)" in text
    assert f"newly allowed: GET from {PAGE}" in text


def test_the_log_of_the_api_says_it_of_them(caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(authorize=lambda call: True)
    caplog.set_level("INFO", "flask_bucketcors.changes")
    assert app.test_client().delete("/files/own?cors").status_code == 204
    assert f"newly allowed: GET from {PAGE}" in caplog.text


def test_doctor_says_what_is_in_force() -> None:
    def lines(default_rules: Any, settings: dict[str, Any]) -> list[str]:
        app = make_app(default_rules, settings=settings)
        notes = json.loads(invoke("doctor", "--format", "json", app=app, code=1).stdout)
        return [note["text"] for note in notes if "DEFAULT_RULES" in note["text"]]

    prefix = {"URL_PREFIX": "/files"}
    has = "BUCKETCORS_DEFAULT_RULES has 1 rule, for buckets without their own"
    assert lines(RULES, prefix) == [has]
    assert lines(RULES, SUFFIX) == [f"{has}, on hosts below BUCKETCORS_HOST_SUFFIXES"]
    assert lines(None, prefix) == [
        "BUCKETCORS_DEFAULT_RULES is not set: buckets without their own rules have none"
    ]
