# ruff: noqa: E501 - tables read best with a line for each row.
"""Which of several rules was meant for a request, and what is wrong with it.

Each row was judged by reading the rules, as a person does: the host first. The rule that names the
page's host was meant for it, however it spells the origin; then comes one for a whole domain, then
one for a similar host, and a rule for every origin was meant for nobody in particular. Between
rules that are equally near, the one is meant in which less is wrong.
"""

from typing import NamedTuple

import pytest

from flask_bucketcors import Cause, explain
from flask_bucketcors.analysis.spelling.misspelt import is_misspelt
from tests.support.broken_setups import rule
from tests.support.tables import in_one_test

PAGE = "https://www.shop.example"
LOCAL = "http://localhost:5173"


class Meant(NamedTuple):
    """A request that no rule allows.

    :param rules: origins, methods and headers of each, as in ``https://a.example GET,PUT x-a``.
    :param sent: method and headers.
    :param meant: the number of the rule that a person takes for the one that was meant.
    :param cause: the first thing that is wrong with it.
    """

    rules: tuple[str, ...]
    meant: int
    cause: Cause
    origin: str = PAGE
    sent: str = "PUT"


#: By what a person sees.
MEANT = {
    # A rule for all origins, and one that names the host and is written wrong.
    "slash": Meant(("* GET", PAGE + "/ PUT"), 2, Cause.ORIGIN_TRAILING_SLASH),
    "scheme": Meant(("* GET", "http://www.shop.example PUT"), 2, Cause.ORIGIN_SCHEME),
    "slash and scheme": Meant(("* GET", "http://www.shop.example/ PUT"), 2, Cause.ORIGIN_TRAILING_SLASH),
    "no scheme": Meant(("* GET", "www.shop.example PUT"), 2, Cause.ORIGIN_SCHEME),
    "no scheme, a slash": Meant(("* GET", "www.shop.example/ PUT"), 2, Cause.ORIGIN_TRAILING_SLASH),
    "capitals": Meant(("* GET,HEAD", "https://WWW.Shop.example PUT"), 2, Cause.ORIGIN_CASE),
    "path": Meant(("* GET", PAGE + "/upload/index.html PUT"), 2, Cause.ORIGIN_PATH),
    "path with a star": Meant(("* GET", PAGE + "/* PUT"), 2, Cause.ORIGIN_PATH),
    "default port": Meant(("* GET", PAGE + ":443 PUT"), 2, Cause.ORIGIN_DEFAULT_PORT),
    "port": Meant(("* GET", PAGE + ":8443 PUT"), 2, Cause.ORIGIN_PORT),
    "scheme and port": Meant(("* GET", "http://www.shop.example:8080 PUT"), 2, Cause.ORIGIN_SCHEME),
    "international name": Meant(("* GET", "https://b\u00fccher.example PUT"), 2, Cause.ORIGIN_IDN, "https://xn--bcher-kva.example"),
    "invisible character": Meant(("* GET", PAGE + "\u200b PUT"), 2, Cause.ORIGIN_INVISIBLE_CHARACTER),
    "Cyrillic letter": Meant(("* GET", "https://www.sh\u043ep.example PUT"), 2, Cause.ORIGIN_LOOKALIKE),
    "two origins in one value": Meant(("* GET", f"https://shop.example,{PAGE} PUT"), 2, Cause.ORIGIN_NOT_LISTED),
    "two origins in one value, with a semicolon": Meant(("* GET", f"{PAGE};{LOCAL} PUT"), 2, Cause.ORIGIN_NOT_LISTED),
    "slash, and the rule for all is below": Meant((PAGE + "/ PUT", "* GET"), 1, Cause.ORIGIN_TRAILING_SLASH),
    "three mistakes": Meant(("* GET", "http://WWW.shop.example/ PUT"), 2, Cause.ORIGIN_TRAILING_SLASH),
    "slash, and the method is missing there too": Meant(("* GET", PAGE + "/ GET"), 2, Cause.ORIGIN_TRAILING_SLASH),
    "slash among other sites": Meant(("* GET", f"https://one.test|https://two.test|{PAGE}/ PUT"), 2, Cause.ORIGIN_TRAILING_SLASH),
    "all of https": Meant(("https://* GET", PAGE + "/ PUT"), 2, Cause.ORIGIN_TRAILING_SLASH),
    "all of https and http": Meant(("http*://* GET", "http://www.shop.example/ PUT"), 2, Cause.ORIGIN_TRAILING_SLASH),
    "all of https, on every port": Meant(("https://*:8443 GET", PAGE + " PUT"), 2, Cause.ORIGIN_PORT, PAGE + ":8443"),
    # A rule for all origins, and one that names the origin as it is sent.
    "named, without the method": Meant(("* GET", PAGE + " GET"), 2, Cause.METHOD_MISSING),
    "named, without method and header": Meant(("* GET", PAGE + " GET"), 2, Cause.METHOD_MISSING, sent="PUT x-a"),
    "named, without the header": Meant(("* GET", PAGE + " PUT"), 2, Cause.HEADER_MISSING, sent="PUT x-a"),
    "named below, in wrong case": Meant(("* GET", PAGE + " put"), 2, Cause.METHOD_CASE),
    "named above": Meant((PAGE + " GET", "* GET,POST"), 1, Cause.METHOD_MISSING),
    "named, and the rule for all lacks only a header": Meant((PAGE + " GET x-a", "* PUT"), 1, Cause.METHOD_MISSING, sent="PUT x-a"),
    # A rule for a domain, and one that names the host.
    "domain and slash": Meant(("https://*.shop.example GET", PAGE + "/ PUT"), 2, Cause.ORIGIN_TRAILING_SLASH),
    "domain, slash and scheme": Meant(("https://*.shop.example GET", "http://www.shop.example/ PUT"), 2, Cause.ORIGIN_TRAILING_SLASH),
    "domain and capitals": Meant(("https://*.shop.example GET", "HTTPS://WWW.SHOP.EXAMPLE PUT"), 2, Cause.ORIGIN_CASE),
    "domain with the port, host without": Meant(("https://*.shop.example:8443 GET", PAGE + " PUT"), 2, Cause.ORIGIN_PORT, PAGE + ":8443"),
    "domain, and all is wrong with the host": Meant(("https://*.shop.example PUT", "http://www.shop.example GET"), 1, Cause.HEADER_MISSING, sent="PUT x-a"),
    "domain and host, both without the method": Meant(("https://*.shop.example GET", PAGE + " GET"), 2, Cause.METHOD_MISSING),
    "domain and host, both without the header": Meant(("https://*.shop.example PUT x-b", PAGE + " PUT"), 2, Cause.HEADER_MISSING, sent="PUT x-a"),
    # A rule for all origins, and one for a domain.
    "domain without the method": Meant(("* GET", "https://*.shop.example GET"), 2, Cause.METHOD_MISSING),
    "domain over http": Meant(("* GET", "http://*.shop.example PUT"), 2, Cause.ORIGIN_SCHEME),
    "domain with a slash": Meant(("* GET", "https://*.shop.example/ PUT"), 2, Cause.ORIGIN_TRAILING_SLASH),
    "domain over http with a slash": Meant(("* GET", "http://*.shop.example/ PUT"), 2, Cause.ORIGIN_TRAILING_SLASH),
    "domain with two stars": Meant(("* GET", "https://*.*.shop.example PUT"), 2, Cause.ORIGIN_SUBDOMAIN_DEPTH, "https://a.b.shop.example"),
    "domain with a port": Meant(("* GET", "https://*.shop.example:8443 PUT"), 2, Cause.ORIGIN_PORT),
    # A rule for all origins, and one for a similar host.
    "without www": Meant(("* GET", "https://shop.example PUT"), 2, Cause.ORIGIN_SUBDOMAIN_DEPTH),
    "without www, with a slash": Meant(("* GET", "https://shop.example/ PUT"), 2, Cause.ORIGIN_TRAILING_SLASH),
    "without www, over http": Meant(("* GET", "http://shop.example PUT"), 2, Cause.ORIGIN_SUBDOMAIN_DEPTH),
    "with www": Meant(("* GET", PAGE + " PUT"), 2, Cause.ORIGIN_APEX, "https://shop.example"),
    "subdomains, but not the domain": Meant(("* GET", "https://*.shop.example PUT"), 2, Cause.ORIGIN_APEX, "https://shop.example"),
    "address of this machine": Meant(("* GET", "http://127.0.0.1:5173 PUT"), 2, Cause.ORIGIN_IP_LOCALHOST, LOCAL),
    "address of this machine, another port": Meant(("* GET", "http://127.0.0.1:3000 PUT"), 2, Cause.ORIGIN_IP_LOCALHOST, LOCAL),
    "similar, and lacks the method too": Meant(("* PUT", "https://shop.example GET"), 1, Cause.HEADER_MISSING, sent="PUT x-a"),
    # A rule for all origins, and one for others.
    "others": Meant(("* GET", "https://www.other.test PUT"), 1, Cause.METHOD_MISSING),
    "others above": Meant(("https://www.other.test PUT", "* GET"), 2, Cause.METHOD_MISSING),
    "others, header missing": Meant(("https://www.other.test PUT x-a", "* PUT"), 2, Cause.HEADER_MISSING, sent="PUT x-a"),
    # Rules that name the same host.
    "port of another server": Meant(("http://localhost:3000 PUT", "http://localhost:8080 GET"), 1, Cause.ORIGIN_PORT, LOCAL),
    "port, the methods are below": Meant(("http://localhost:3000 GET", "http://localhost:8080 PUT"), 2, Cause.ORIGIN_PORT, LOCAL),
    "this machine by name and by address": Meant(("http://127.0.0.1:5173 PUT", "http://localhost:3000 PUT"), 2, Cause.ORIGIN_PORT, LOCAL),
    "reading and writing": Meant((PAGE + " GET x-a", PAGE + " PUT"), 2, Cause.HEADER_MISSING, sent="PUT x-a"),
    "reading and writing, many headers": Meant((PAGE + " GET *", PAGE + " PUT content-type"), 2, Cause.HEADER_MISSING, sent="PUT content-type,x-a,x-b,x-c,x-d"),
    "writing and reading": Meant((PAGE + " PUT", PAGE + " GET *"), 1, Cause.HEADER_MISSING, sent="PUT x-a"),
    "slash where the method is": Meant((PAGE + " GET", PAGE + "/ PUT"), 2, Cause.ORIGIN_TRAILING_SLASH),
    "scheme where the method is not": Meant(("http://www.shop.example GET", PAGE + "/ PUT"), 2, Cause.ORIGIN_TRAILING_SLASH),
    "fewer headers are missing": Meant((PAGE + " PUT content-type", PAGE + " PUT content-type,x-a"), 2, Cause.HEADER_MISSING, sent="PUT content-type,x-a,x-b"),
    "a header with an underscore": Meant((PAGE + " PUT x-b", PAGE + " PUT x_a"), 2, Cause.HEADER_UNDERSCORE, sent="PUT x-a"),
    "HEAD": Meant((PAGE + " PUT", PAGE + " GET"), 2, Cause.METHOD_HEAD_NOT_GET, sent="HEAD"),
    "equal": Meant((PAGE + " GET", PAGE + " POST"), 1, Cause.METHOD_MISSING),
    "DELETE in neither": Meant((PAGE + " GET,PUT", PAGE + " POST"), 1, Cause.METHOD_MISSING, sent="DELETE"),
    # Rules for other hosts only.
    "similar and foreign": Meant(("https://www.other.test PUT", "https://shop.example PUT"), 2, Cause.ORIGIN_SUBDOMAIN_DEPTH),
    "similar without the method, and foreign": Meant(("https://www.other.test PUT", "https://shop.example GET"), 2, Cause.ORIGIN_SUBDOMAIN_DEPTH),
    "same site and foreign": Meant(("https://cdn.other.test PUT", "https://app.shop.example PUT"), 2, Cause.ORIGIN_NOT_LISTED, "https://admin.shop.example"),
    "same site, and everybody": Meant(("* GET", "https://app.shop.example PUT"), 2, Cause.ORIGIN_NOT_LISTED, "https://admin.shop.example"),
    "two foreign ones, the method is in one": Meant(("https://www.other.test GET", "https://www.more.test PUT"), 2, Cause.ORIGIN_NOT_LISTED),
    # Pages without an origin.
    "null is named": Meant((PAGE + " PUT", "null GET"), 2, Cause.METHOD_MISSING, "null"),
    "null is named, and everybody": Meant(("* GET", "null GET"), 2, Cause.METHOD_MISSING, "null"),
    "null is not named": Meant((PAGE + " PUT", "* GET"), 2, Cause.METHOD_MISSING, "null"),
    "a file": Meant((PAGE + " PUT", "* GET"), 2, Cause.METHOD_MISSING, "file://"),
    "nobody is for null": Meant((PAGE + " GET", "https://shop.example PUT"), 2, Cause.ORIGIN_NULL, "null"),
}  # fmt: skip


def test_there_are_enough_rows_and_none_twice() -> None:
    assert len(MEANT) == len({*MEANT.values()}) >= 60


def rules_of(meant: Meant) -> list[dict[str, object]]:
    found = []
    for text in meant.rules:
        # A value may have any character but these.
        origins, methods, headers = (*text.split(" "), "")[:3]
        names = headers.replace(",", " ")
        found.append(rule(*origins.split("|"), methods=methods.replace(",", " "), headers=names))
    return found


@in_one_test
@pytest.mark.parametrize("meant", MEANT.values(), ids=MEANT)
def test_the_rule_that_a_person_means(meant: Meant) -> None:
    method, headers = (*meant.sent.split(), "")[:2]
    names = headers.split(",") if headers else []
    explanation = explain(rules_of(meant), origin=meant.origin, method=method, headers=names)
    assert explanation.nearest is not None
    assert (explanation.nearest.rule + 1, explanation.cause) == (meant.meant, meant.cause)


@in_one_test
@pytest.mark.parametrize(
    "held, asked, misspelt",
    [
        ("exmaple.com", "example.com", True),
        ("wwww.example.com", "www.example.com", True),
        ("ww.example.com", "www.example.com", False),
        ("www.example.con", "www.example.com", True),
        ("example.co", "example.com", True),
        ("wwwexample.com", "www.example.com", True),
        ("my-shop.example", "myshop.example", True),
        ("locahost", "localhost", True),
        ("wwww.exmaple.com", "www.example.com", True),
        ("storage-prodution.example", "storage-production.example", True),
        ("*.exmaple.com", "www.example.com", True),
        ("*.exmaple.com", "a.b.example.com", True),
        ("elsewhere.com", "example.com", False),
        # Other names, which differ by a letter as well.
        ("a.example", "b.example", False),
        ("app.example.com", "api.example.com", False),
        ("shop1.example.com", "shop2.example.com", False),
        ("node10.example.com", "node1.example.com", False),
        ("example.de", "example.dk", False),
        ("10.0.0.1", "10.0.0.2", False),
        ("example.com", "example.com", False),
        ("*.example.com", "x.example.com", False),
        ("https*example.com", "exmaple.com", False),
        ("", "example.com", False),
    ],
)
def test_a_host_with_a_typing_error(held: str, asked: str, misspelt: bool) -> None:
    assert is_misspelt(f"https://{held}/", f"https://{asked}") is misspelt
    assert is_misspelt(f"http://{held}:8080", f"https://{asked}") is misspelt
