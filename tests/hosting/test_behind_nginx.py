"""Behind nginx, with its configuration and the application of docs/recipes.md."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import boto3
import pytest
from botocore.config import Config

from flask_bucketcors import Rule, RuleSet, SQLiteStore
from tests.support import ROOT
from tests.support.command_line import invoke
from tests.support.processes.servers import gunicorn, serve

#: As for the servers of the other tests here, which `conftest.py` starts.
ASKED_FOR = "BUCKETCORS_SERVERS"
PAGE = (ROOT / "docs" / "recipes.md").read_text()
[SITE] = re.findall(r"```nginx\n(.*?)```", PAGE, re.S)
[APP] = re.findall(r"```python\n# behind_nginx\.py\n(.*?)```", PAGE, re.S)

SHOP = "https://www.example.com"
OTHER = "https://www.example.org"
HOST = "photos.files.example.com"
SECONDS = 30
# One process, which belongs to who runs the tests, and writes nowhere else.
AROUND = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_cache_path {folder}/cache keys_zone=objects:1m;
{site}
}}
"""
[KEY] = re.findall(r"`(proxy_cache_key .*?;)`", PAGE)
#: Paths whose objects the cache keeps, and what else is configured there.
CACHED = {
    "/photos/cached/": "",
    "/photos/blind/": "proxy_ignore_headers Vary;",
    "/photos/keyed/": f"proxy_ignore_headers Vary; {KEY}",
}
CACHE = """
    location {path} {{
        proxy_cache objects;
        proxy_cache_valid 200 1m;
        add_header X-Cache $upstream_cache_status;
        {more}
{passed}
    }}
"""


# Like most of the servers here, it binds a port that another process might take first.
pytestmark = pytest.mark.skipif(
    os.environ.get(ASKED_FOR) != "1", reason=f"takes nginx: {ASKED_FOR}=1 asks for it"
)


class Response(NamedTuple):
    """What came back.

    :param origin: its Access-Control-Allow-Origin.
    :param cache: whether the cache had it, in nginx's words.
    """

    status: int
    origin: str | None
    cache: str | None


@pytest.fixture(scope="module")
def nginx() -> str:
    """The program."""
    # Debian has it where only administrators look.
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.fail(f"{ASKED_FOR} is set, but there is no nginx on the search path")
    return program


class Proxied(NamedTuple):
    """A server that passes requests on.

    :param port: of nginx.
    :param behind: the port of the application.
    """

    port: int
    behind: int


@pytest.fixture(scope="module")
def proxy(nginx: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    """An nginx in front of the application, whose bucket ``photos`` lets in two sites."""
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "behind_nginx.py").write_text(APP)
    (folder / "instance").mkdir()
    store = SQLiteStore(folder / "instance" / "bucketcors.sqlite")
    with closing(store):
        store.put("photos", RuleSet([Rule([SHOP, OTHER], ["GET", "PUT"])]))
    with (
        gunicorn("behind_nginx:app", folder=folder) as behind,
        serve(lambda _, port: command(nginx, folder, port, behind.port), binds=True) as server,
    ):
        yield Proxied(server.port, behind.port)


def command(nginx: str, folder: Path, port: int, behind: int) -> list[str]:
    """Write the configuration; give the command."""
    site = SITE.replace("listen 80;", f"listen 127.0.0.1:{port};").replace(":8000;", f":{behind};")
    opened = "    location / {\n"
    passed = site.partition(opened)[2].partition("    }\n")[0]
    cached = [CACHE.format(path=path, more=more, passed=passed) for path, more in CACHED.items()]
    site = site.replace(opened, "".join(cached) + opened)
    config = folder / "nginx.conf"
    config.write_text(AROUND.format(folder=folder, site=site))
    return [nginx, "-e", "stderr", "-c", str(config)]


def ask(server: Proxied, method: str, path: str, **headers: str) -> Response:
    """Send a request."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
    with closing(connection):
        connection.request(method, path, headers=sent)
        response = connection.getresponse()
        found = response.getheader
        return Response(response.status, found("Access-Control-Allow-Origin"), found("X-Cache"))


def test_preflights_and_requests_pass(proxy: Proxied) -> None:
    wanted = {"Access_Control_Request_Method": "PUT"}
    third = "https://other.example"
    for url, sent in (("/cat.png", {"Host": HOST}), ("/photos/cat.png", {})):
        of_shop, of_third = {**sent, "Origin": SHOP}, {**sent, "Origin": third}
        assert ask(proxy, "OPTIONS", url, **of_shop, **wanted) == (200, SHOP, None)
        assert ask(proxy, "GET", url, **of_shop) == (200, SHOP, None)
        assert ask(proxy, "OPTIONS", url, **of_third, **wanted) == (403, None, None)
        assert ask(proxy, "GET", url, **of_third) == (200, None, None)


def test_sdks_edit_rules_through_it(proxy: Proxied) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{proxy.port}",
        region_name="us-east-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="ExampleSecretKey",
        config=Config(s3={"addressing_style": "path"}),
    )
    rules = [{"AllowedOrigins": [SHOP], "AllowedMethods": ["GET"]}]
    with closing(client):
        client.put_bucket_cors(Bucket="invoices", CORSConfiguration={"CORSRules": rules})
        assert client.get_bucket_cors(Bucket="invoices")["CORSRules"] == rules


def asked_twice(proxy: Proxied, path: str) -> list[Response]:
    """What a plain request and pages of two sites get, and what they get again."""
    asked: list[dict[str, str]] = [{}, {"Origin": SHOP}, {"Origin": OTHER}]
    return [ask(proxy, "GET", f"{path}cat.png", **sent) for sent in asked * 2]


@pytest.mark.parametrize("path", ["/photos/cached/", "/photos/keyed/"])
def test_a_cache_keeps_one_response_per_origin(proxy: Proxied, path: str) -> None:
    seen = asked_twice(proxy, path)
    assert [each.origin for each in seen] == [None, SHOP, OTHER] * 2
    assert [each.cache for each in seen] == ["MISS"] * 3 + ["HIT"] * 3


def test_check_finds_a_cache_that_ignores_vary(proxy: Proxied) -> None:
    assert {each.origin for each in asked_twice(proxy, "/photos/blind/")} == {None}
    url = f"http://127.0.0.1:{proxy.port}/photos/blind/dog.png"
    behind = f"http://127.0.0.1:{proxy.behind}"
    result = invoke("check", url, "--origin", SHOP, "--origin-server", behind, code=1)
    assert "cdn_cached_plain: " in result.output
