"""What docs/recipes.md says that its code does, and which pages its rules let in."""

import json
import re
import runpy
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_bucketcors import BucketCORSState, Rule, RuleSet, explain
from flask_bucketcors.testing import assert_browser_allows, assert_browser_refuses
from tests.support import ROOT
from tests.support.tables import in_one_test

PAGE = (ROOT / "docs" / "recipes.md").read_text()
FILES = dict(re.findall(r"```python\n# (\w+)\.py\n(.*?)```", PAGE, re.S))
RULES = dict(re.findall(r"cat > (\w+)\.json <<'END'\n(.*?)END\n", PAGE, re.S))

SHOP = "https://www.example.com"
PARTNER = "https://a.partner.example"
OTHER = "https://other.example"
#: Lets pages of the shop read.
READ = RuleSet([Rule([SHOP], ["GET"])])


class Recipe:
    """The code of a recipe, which makes applications; their stores are closed with the test."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack

    def run(self, name: str) -> dict[str, Any]:
        """Run a file of the page; give its names."""
        path = self._folder / f"{name}.py"
        path.write_text(FILES[name])
        names = runpy.run_path(str(path))
        if "app" in names:
            self.store(names["app"])
        return names

    def store(self, app: Flask) -> Any:
        """Give the store of an application."""
        return self._stack.enter_context(closing(BucketCORSState.of(app).store))


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recipe]:
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        yield Recipe(tmp_path, stack)


@in_one_test
@pytest.mark.parametrize(
    "name, origin, method, header, allowed",
    [
        ("upload", SHOP, "PUT", "content-type", True),
        ("upload", SHOP, "GET", "", True),
        ("upload", SHOP, "PUT", "authorization", False),
        ("upload", OTHER, "GET", "", False),
        ("tus", SHOP, "PATCH", "upload-offset", True),
        ("tus", SHOP, "PUT", "", False),
        ("sites", SHOP, "DELETE", "content-type", True),
        ("sites", PARTNER, "HEAD", "", True),
        ("sites", PARTNER, "PUT", "", False),
        ("sites", OTHER, "GET", "", True),
        ("sites", OTHER, "HEAD", "", False),
        ("sites", "https://partner.example", "HEAD", "", False),
    ],
)
def test_rules_let_in_the_pages_that_they_are_for(
    name: str, origin: str, method: str, header: str, allowed: bool
) -> None:
    headers = [header] if header else []
    found = explain(
        json.loads(RULES[name]),
        origin=origin,
        method=method,
        headers=headers,
        extra_methods=["PATCH"],
    )
    assert found.allowed is allowed


@in_one_test
@pytest.mark.parametrize(
    "pattern, origin, covered",
    [
        ("https://*.partner.example", "https://a.b.partner.example", True),
        ("https://*.partner.example", "https://partner.example", False),
        ("https://*partner.example", "https://evilpartner.example", True),
        ("http://localhost:*", "http://localhost:5173", True),
        ("https://192.0.2.7:8443", "https://192.0.2.7:8443", True),
    ],
)
def test_origin_patterns_cover_what_the_page_says(pattern: str, origin: str, covered: bool) -> None:
    assert f"`{pattern}`" in PAGE
    rules = RuleSet([Rule([pattern], ["GET"])])
    assert explain(rules, origin=origin).allowed is covered


def test_a_signed_url_opens_one_object_for_pages_that_a_rule_allows(recipe: Recipe) -> None:
    app = recipe.run("signed")["app"]
    recipe.store(app).put("private", READ)
    client = app.test_client()
    assert client.get("/sign/private/cat.png").status_code == 401
    with client.session_transaction() as session:
        session["user"] = "alice"
    url = client.get("/sign/private/cat.png").get_json()["url"]
    # Neither needs a session from here on.
    client.delete_cookie("session")
    assert assert_browser_allows(client, url, origin=SHOP).status == 200
    moved = url.replace("cat.png", "dog.png")
    for refused in (moved, url.partition("?")[0], f"{url}x"):
        assert assert_browser_allows(client, refused, origin=SHOP).status == 403
    assert_browser_refuses(client, url, origin=OTHER)


def test_domains_and_paths_lead_to_the_same_bucket(recipe: Recipe) -> None:
    app = recipe.run("domains")["app"]
    recipe.store(app).put("photos", READ)
    client = app.test_client()
    for url in ("http://cdn.shop.example/cat.png", "http://files.example.com/files/photos/cat.png"):
        response = assert_browser_allows(client, url, origin=SHOP)
        assert (response.status, response.body) == (200, b"cat.png of photos")
    url = "http://cdn.shop.example/files/other/cat.png"
    response = assert_browser_allows(client, url, origin=SHOP)
    assert response.body == b"files/other/cat.png of photos"
    for url in (
        "http://unknown.example/cat.png",
        "http://files.example.com/cat.png",
        "http://files.example.com/files/other/cat.png",
        "http://files.example.com/files/",
    ):
        assert_browser_refuses(client, url, origin=SHOP)


def test_applications_with_one_database_have_the_same_rules(recipe: Recipe) -> None:
    names = recipe.run("shared")
    storage, administration = names["create_storage"](), names["create_administration"]()
    client = storage.test_client()
    recipe.store(storage)
    assert_browser_refuses(client, "/files/photos/cat.png", origin=SHOP)
    recipe.store(administration).put("photos", READ)
    assert_browser_allows(client, "/files/photos/cat.png", origin=SHOP)
    pages = administration.test_client()
    assert pages.get("/-/cors/").status_code == 403
    with pages.session_transaction() as session:
        session["user"] = "alice"
    assert "photos" in pages.get("/-/cors/").text


def test_behind_a_proxy_the_host_names_the_bucket(recipe: Recipe) -> None:
    app = recipe.run("behind_nginx")["app"]
    recipe.store(app).put("photos", READ)
    url = "https://photos.files.example.com/cat.png"
    assert_browser_allows(app.test_client(), url, origin=SHOP)
