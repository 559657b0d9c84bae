"""``flask bucketcors routes``, and what ``doctor`` says about routes."""

import json
from typing import Any

import pytest
from flask import Flask

from flask_bucketcors import BucketCORS, MemoryStore
from tests.support.command_line import invoke
from tests.support.tables import in_one_test

NO_URLS: dict[str, Any] = {"urls": [], "reserved": [], "reserved_on_hosts": [], "misfits": []}
AFTER_VARIABLE = "its bucket follows another variable, so two buckets would have one name"


def make_app(*routes: Any, arguments: Any = None, options: Any = None, **settings: Any) -> Flask:
    app = Flask("storage", static_folder=None, **(options or {}))
    app.config.update({f"BUCKETCORS_{key}": value for key, value in settings.items()})
    for each in routes:
        route, more = each if isinstance(each, tuple) else (each, {})
        app.add_url_rule(route, f"{route} {more}", lambda **values: "", **more)
    BucketCORS(app, store=MemoryStore(), **(arguments or {}))
    return app


def urls(form: str, *routes: str, by_host: bool = False, others: Any = ()) -> dict[str, Any]:
    return {"form": form, "by_host": by_host, "routes": [*routes], "others": [*others]}


HOSTS = {"HOST_SUFFIXES": ["cos.test"]}
ON_HOST = "<bucket>.cos.test/<key>"

LISTED: dict[str, tuple[Flask, dict[str, Any]]] = {
    "a prefix": (
        make_app("/files/<bucket>", "/files/<bucket>/<path:key>", "/files/upload", "/api/items"),
        {
            "urls": [
                urls("/files/<bucket>/<key>", "/files/<bucket>", "/files/<bucket>/<path:key>")
            ],
            "reserved": ["upload"],
        },
    ),
    "several prefixes, and a page for every path": (
        make_app("/pics/<int:bucket>", "/files/<bucket>", "/<path:page>", "/<lang>/about"),
        {
            "urls": [
                urls(
                    "/files/<bucket>/<key>",
                    "/files/<bucket>",
                    others=["/<path:page>", "/<lang>/about"],
                ),
                urls(
                    "/pics/<bucket>/<key>",
                    "/pics/<int:bucket>",
                    others=["/<path:page>", "/<lang>/about"],
                ),
            ]
        },
    ),
    "routes that meet no bucket": (
        make_app("/files/<bucket>", "/<int:number>/x", "/<user>", "/v<path:page>", "/<n>-x/y"),
        {"urls": [urls("/files/<bucket>/<key>", "/files/<bucket>")]},
    ),
    "text between two variables": (
        make_app("/a-files/<bucket>", "/<lang>-<path:page>"),
        {
            "urls": [
                urls("/a-files/<bucket>/<key>", "/a-files/<bucket>", others=["/<lang>-<path:page>"])
            ]
        },
    ),
    "a route with several methods": (
        make_app(
            ("/<bucket>", {"methods": ["GET"]}),
            ("/<bucket>", {"methods": ["PUT"]}),
            ("/<user>", {"methods": ["POST"]}),
            ("/<user>", {"methods": ["PATCH"]}),
        ),
        {"urls": [urls("/<bucket>/<key>", "/<bucket>", others=["/<user>"])]},
    ),
    "no route has the variable": (
        make_app("/<path:path>", "/health"),
        {"urls": [urls("/<bucket>/<key>", "/<path:path>")], "reserved": ["health"]},
    ),
    "a prefix in the settings": (
        make_app("/files/<name>", "/files/new", URL_PREFIX="/files"),
        {"urls": [urls("/files/<bucket>/<key>", "/files/<name>")], "reserved": ["new"]},
    ),
    "misfits alone": (
        make_app("/<tenant>/<bucket>"),
        {"misfits": [{"route": "/<tenant>/<bucket>", "reason": AFTER_VARIABLE}]},
    ),
    "a function": (
        make_app("/<bucket>", "/api", arguments={"buckets": lambda request: None}),
        {"urls": [urls("those for which the buckets function names one")]},
    ),
    "hosts, and the bucket in the path": (
        make_app("/<bucket>/<path:key>", "/<path:key>", "/api", **HOSTS),
        {
            "urls": [
                urls(ON_HOST, "/<path:key>", by_host=True, others=["/<bucket>/<path:key>"]),
                urls("/<bucket>/<key>", "/<bucket>/<path:key>", others=["/<path:key>"]),
            ],
            "reserved": ["api"],
            "reserved_on_hosts": ["api"],
        },
    ),
    "hosts, and the bucket below a prefix": (
        make_app("/files/<bucket>", **HOSTS),
        {
            "urls": [
                urls(ON_HOST, by_host=True),
                urls("/files/<bucket>/<key>", "/files/<bucket>"),
            ],
            "reserved_on_hosts": ["files"],
        },
    ),
    "hosts alone": (
        make_app("/<path:key>", HOSTS_ONLY=True, **HOSTS),
        {"urls": [urls(ON_HOST, "/<path:key>", by_host=True)]},
    ),
    "the bucket in the host": (
        make_app(
            ("/<path:key>", {"host": "<bucket>.cos.test"}),
            ("/<page>", {"host": "www.cos.test"}),
            options={"host_matching": True},
            **HOSTS,
        ),
        {"urls": [urls(ON_HOST, "/<path:key>", by_host=True)], "reserved": ["www"]},
    ),
}


@in_one_test
@pytest.mark.parametrize("app, expected", LISTED.values(), ids=LISTED)
def test_which_urls_are_listed(app: Flask, expected: Any) -> None:
    output = invoke("routes", "--format", "json", app=app).output
    assert json.loads(output) == NO_URLS | expected


def test_the_list_for_people() -> None:
    app = make_app("/<bucket>/<path:key>", "/<user>/profile", "/api", "/b-<bucket>", **HOSTS)
    assert invoke("routes", app=app).output == (
        """\
URLs of buckets: <bucket>.cos.test/<key>
  routes for them:
    /<user>/profile
  routes that take the bucket from the path, but the host's bucket counts:
    /<bucket>/<path:key>
    /b-<bucket>
URLs of buckets: /<bucket>/<key>
  routes for them:
    /<bucket>/<path:key>
  other routes that serve some of them, where the rules of the bucket count, too:
    /<user>/profile
    /b-<bucket>
names that no bucket can have:
  api
on the hosts of buckets, no key begins with:
  api
routes that name no bucket; pass buckets= to BucketCORS:
  /b-<bucket>: its bucket is only a part of a segment
"""
    )


def test_a_variable_of_another_name_is_said_to_be_missing() -> None:
    output = invoke("routes", app=make_app("/files/<name>/<path:key>")).output
    assert output.startswith("URLs of buckets: /<bucket>/<key>\nnames that no bucket can have:")
    assert "no route has the variable 'bucket', so the first segment of a path" in output
    assert output.endswith("set BUCKETCORS_ROUTE_VARIABLE\n")


def test_nothing_to_list() -> None:
    output = invoke("routes", app=make_app("/b-<bucket>")).output
    assert output.startswith("URLs of buckets: none\nroutes that name no bucket")


def test_an_application_without_the_extension() -> None:
    assert "has no rules" in invoke("routes", app=Flask("storage"), code=2).output


def examined(app: Flask) -> list[tuple[bool, str]]:
    """Whether all is well, and what ``doctor`` says about the routes."""
    # The rules are in memory, so workers do not share them.
    notes = json.loads(invoke("doctor", "--format", "json", app=app, code=1).output)
    return [(note["ok"], note["text"]) for note in notes if note["area"] == "routes"]


NOTES = {
    "URLs": (
        make_app("/files/<bucket>", "/files/new"),
        True,
        ["URLs of buckets: /files/<bucket>/<key>", "which no bucket can have: 'new'"],
    ),
    "a route that meets them": (
        make_app("/<bucket>", "/<user>/profile"),
        True,
        ["other routes that serve some of them", "count, too: /<user>/profile"],
    ),
    "a route that takes the bucket from the path on its host": (
        make_app("/<bucket>", **HOSTS),
        True,
        ["from the path, but the host's bucket counts: /<bucket>"],
    ),
    "the default": (
        make_app("/<path:path>"),
        True,
        ["no route has the variable 'bucket', so the first segment of a path names a bucket"],
    ),
    "a variable that no route has": (
        make_app("/<path:path>", ROUTE_VARIABLE="name"),
        False,
        ["no route has the variable 'name'"],
    ),
    "a misfit": (
        make_app("/<bucket>", "/<tenant>/<bucket>"),
        False,
        [f"no URL of the route '/<tenant>/<bucket>' is about a bucket: {AFTER_VARIABLE}"],
    ),
    "misfits alone": (
        make_app("/<tenant>/<bucket>"),
        False,
        ["no URL is about a bucket", AFTER_VARIABLE],
    ),
}


@in_one_test
@pytest.mark.parametrize("app, is_well, said", NOTES.values(), ids=NOTES)
def test_what_doctor_says(app: Flask, is_well: bool, said: list[str]) -> None:
    notes = examined(app)
    assert all(ok for ok, _ in notes) is is_well
    for text in said:
        assert any(text in note for _, note in notes), notes


@pytest.mark.parametrize(
    "settings", [{"URL_PREFIX": "/"}, {"HOSTS_ONLY": True, **HOSTS}], ids=["prefix", "hosts"]
)
def test_doctor_misses_no_variable_where_the_settings_say_where_buckets_are(settings: Any) -> None:
    notes = examined(make_app("/<path:path>", ROUTE_VARIABLE="name", **settings))
    assert not any("no route has the variable" in note for _, note in notes)
