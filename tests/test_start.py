"""What is imported when: by the extension, for an application, and by requests after a fork."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest
from flask import Flask

from flask_bucketcors import BucketCORS, MemoryStore, Rule, RuleSet, cli, extension
from tests.support import ROOT
from tests.support.processes.children import run_python
from tests.support.tables import in_one_test

RULES = RuleSet([Rule(["https://a.example"], ["GET"])])
ENVIRON = {**os.environ, "PYTHONPATH": str(ROOT)}


def imported(code: str, environ: Mapping[str, str] = ENVIRON, *, after: str = "flask") -> set[str]:
    """The modules that code imports after others."""
    lines = [
        f"import json, sys, {after}",
        "before = set(sys.modules)",
        code,
        "print(json.dumps(sorted(set(sys.modules) - before)))",
    ]
    return set(json.loads(run_python("\n".join(lines), environ)))


def of_this_package(modules: set[str]) -> set[str]:
    """Those modules by their first two names."""
    return {
        ".".join(each.split(".")[1:3]) for each in modules if each.startswith("flask_bucketcors.")
    }


@pytest.mark.parametrize(
    "code, packages",
    [
        ("import flask_bucketcors", set()),
        ("from flask_bucketcors import Rule, RuleSet", set()),
        ("from flask_bucketcors import MemoryStore, SQLiteStore", {"blinker"}),
        ("from flask_bucketcors import SQLStore, ReplicaStore", {"blinker"}),
        ("from flask_bucketcors import read_rules, lint, diff, explain", {"defusedxml"}),
        (
            "from flask_bucketcors import BucketCORSMiddleware, RulesAPI, SQLiteStore",
            {"blinker", "defusedxml", "markupsafe", "werkzeug"},
        ),
    ],
)
def test_names_import_only_the_packages_that_they_need(code: str, packages: set[str]) -> None:
    """A program that reads rules, or serves them without Flask, imports no Flask."""
    modules = imported(code, after="os")
    others = {each.partition(".")[0] for each in modules} - sys.stdlib_module_names
    assert others - {"flask_bucketcors"} <= packages


def test_importing_the_package_imports_no_module_of_it() -> None:
    assert of_this_package(imported("import flask_bucketcors", after="os")) == set()


EXTENSION = {
    *("core", "default_rules", "extension", "interval_log", "log_fields"),
    *("settings", "signals", "stores"),
    *("core.bucket_names", "core.dialects", "core.errors", "core.fields", "core.grants"),
    *("core.headers", "core.hosts", "core.origins", "core.problems", "core.request"),
    *("core.reserved", "core.rules", "core.wildcards"),
    *("stores.bucket_summary", "stores.checked_arguments", "stores.contract"),
    *("stores.health", "stores.history_entry", "stores.opening", "stores.database_urls"),
    "stores.sqlite",
}
MAKE = "from flask import Flask; from flask_bucketcors import BucketCORS; "


def test_importing_the_extension_imports_settings_and_what_they_are_about() -> None:
    modules = imported("from flask_bucketcors import BucketCORS, BucketCORSState")
    assert of_this_package(modules) == EXTENSION
    others = {each for each in modules if not each.startswith("flask_bucketcors")}
    assert others == set()


def test_an_application_imports_what_serves_it_and_no_lint_and_no_commands(tmp_path: Path) -> None:
    modules = imported(f"{MAKE}BucketCORS(Flask('a', instance_path={str(tmp_path)!r}))")
    packages = {each.partition(".")[0] for each in of_this_package(modules)}
    assert packages >= {"api", "documents", "signatures", "stores", "wsgi"}
    assert not packages & {"analysis", "cli", "testing"}
    assert "sqlite3" in modules
    # An application whose rules are in a file needs no server.
    assert not of_this_package(modules) & {"stores.replica", "stores.sql"}
    assert not modules & {"sqlalchemy", "psycopg", "pymysql"}


SERVE_IN_A_CHILD = """
import io, json, os, sys, time

from flask import Flask
from flask_bucketcors import BucketCORS
from tests.support.cos_signing import KEYS, authorization

app = Flask("storage", instance_path=os.environ["FOLDER"])
app.config["BUCKETCORS_ACCESS_KEYS"] = KEYS
app.add_url_rule("/<bucket>/<path:key>", view_func=lambda bucket, key: key)
app.add_url_rule("/<bucket>", "bucket", view_func=lambda bucket: bucket)
BucketCORS(app)

ORIGIN = {"HTTP_ORIGIN": "https://a.example"}
PREFLIGHT = {**ORIGIN, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"}
BODY = (
    "<CORSConfiguration><CORSRule><AllowedOrigin>%s</AllowedOrigin>"
    "<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
)

def call(method, path, query="", body="", **headers):
    environ = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query,
        "SERVER_NAME": "store.test", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "store.test", "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.multithread": False,
        "wsgi.multiprocess": True, "wsgi.run_once": False, "wsgi.errors": sys.stderr,
        "wsgi.input": io.BytesIO(body.encode()), **headers,
    }
    statuses = []
    b"".join(app.wsgi_app(environ, lambda status, *rest: statuses.append(status[:3])))
    return statuses[0]

def signed(method, body="", **headers):
    host = {"host": "store.test"}
    signature = authorization(method, "/photos?cors", host, now=int(time.time()))
    return call(method, "/photos", "cors", body, HTTP_AUTHORIZATION=signature, **headers)

def serve():
    return [
        call("GET", "/photos/cat", **ORIGIN),
        call("OPTIONS", "/photos/cat", **PREFLIGHT),
        call("PUT", "/photos", "cors", BODY % "https://a.example"),
        signed("PUT", BODY % "https://a.example"),
        signed("PUT", BODY % "https://*.A.example", HTTP_X_BUCKETCORS_LINT="1"),
        signed("PUT", BODY % "null"),
        signed("PUT", BODY % "a b"),
        signed("PUT", "<!DOCTYPE html>"),
        signed("PUT", "<CORSConfiguration>"),
        signed("PUT", BODY % "https://a.example"),
        call("OPTIONS", "/photos/cat", **PREFLIGHT),
        call("OPTIONS", "/photos/cat", **{**PREFLIGHT, "HTTP_ORIGIN": "https://b.example"}),
        call("GET", "/photos/cat", **ORIGIN),
        signed("GET"),
        signed("DELETE"),
        signed("GET"),
    ]

reader, writer = os.pipe()
child = os.fork()
if child == 0:
    before = set(sys.modules)
    statuses = serve()
    with open(writer, "w") as pipe:
        json.dump([statuses, sorted(set(sys.modules) - before)], pipe)
    os._exit(0)
os.close(writer)
with open(reader) as pipe:
    print(pipe.read())
os.waitpid(child, 0)
"""
# Werkzeug's, for the host of a route.
OF_WERKZEUG = {"encodings.idna", "stringprep"}


@pytest.mark.parametrize("logged", [False, True], ids=["", "with all of the log"])
def test_a_forked_worker_imports_nothing(tmp_path: Path, logged: bool) -> None:
    """Not even for its first PUT: the workers of a preloading server share what was loaded."""
    log = f"import logging\nlogging.basicConfig(level='DEBUG', filename={os.devnull!r})\n"
    code = f"{log if logged else ''}{SERVE_IN_A_CHILD}"
    statuses, modules = json.loads(run_python(code, {**ENVIRON, "FOLDER": str(tmp_path)}))
    assert statuses == [
        *("200", "403", "403", "200", "200", "200", "400", "400", "400"),
        *("200", "200", "403", "200", "200", "204", "404"),
    ]
    assert set(modules) - OF_WERKZEUG == set()


def test_what_an_application_registers_is_the_group_of_commands(tmp_path: Path) -> None:
    app = Flask("storage", instance_path=str(tmp_path))
    store = MemoryStore()
    store.put("photos", RULES)
    BucketCORS(app, store=store)
    runner = app.test_cli_runner()
    assert runner.invoke(args=["bucketcors", "list"]).stdout == "photos\n"
    assert runner.invoke(args=["bucketcors", "show", "none"]).exit_code == 1
    by_itself = runner.invoke(cli.bucketcors, ["--help"], prog_name="bucketcors").stdout
    in_app = runner.invoke(args=["bucketcors", "--help"]).stdout
    assert in_app.partition("Commands:")[2] == by_itself.partition("Commands:")[2] != ""
    registered = app.cli.commands["bucketcors"]
    assert isinstance(registered, extension._Commands)
    assert registered.get_short_help_str(200) == cli.bucketcors.get_short_help_str(200)
    done = runner.invoke(registered, ["list"])
    assert (done.exit_code, done.stdout) == (0, "photos\n")
    assert runner.invoke(registered, ["unknown"]).exit_code == 2


def test_the_help_of_the_group_imports_no_command() -> None:
    code = (
        "from flask_bucketcors.cli import bucketcors; bucketcors(['--help'], standalone_mode=False)"
    )
    code = f"import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n    {code}"
    assert of_this_package(imported(code)) == {
        *("cli", "cli.terminal", "core", "core.errors", "core.problems")
    }


def commands() -> dict[str, Any]:
    context = click.Context(cli.bucketcors)
    names = cli.bucketcors.list_commands(context)
    return {name: cli.bucketcors.get_command(context, name) for name in names}


@in_one_test
@pytest.mark.parametrize("name", cli._COMMANDS)
def test_the_help_of_the_group_has_the_first_sentence_of_each_command(name: str) -> None:
    command = commands()[name]
    assert cli._COMMANDS[name][1] == command.get_short_help_str(200)
