"""Short texts with a grammar: origins and patterns, lists of header names, hosts, settings."""

import json
from collections.abc import Iterator
from typing import Any

from flask import Flask

from flask_bucketcors import BucketCORS, CompiledRules, MemoryStore, Rule, RuleSet
from flask_bucketcors.core.errors import SetupRefused
from flask_bucketcors.core.headers import (
    MAX_REQUESTED_HEADERS,
    MAX_REQUESTED_HEADERS_BYTES,
    is_header_name,
    parse_requested_headers,
)
from flask_bucketcors.core.hosts import split_host
from flask_bucketcors.core.origins import (
    MAX_ORIGIN_BYTES,
    are_usual_patterns,
    covers,
    is_origin,
    pattern_problem,
)
from flask_bucketcors.settings import SETTING_NAMES
from tests.fuzz.target import Target, check_words
from tests.support import naive_evaluator
from tests.support.strategies import HOSTS, JUNK_ORIGINS, NON_TOKENS, NULL_PATTERNS, PORTS, STARTS
from tests.support.vendor_corpus import load

_HOST_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:[]")


def check_origin(data: bytes) -> None:
    """``pattern LF origin``: grammar, pattern and compiled rules say the same as the oracle.

    What is echoed is spelt out in a rule, or has passed the grammar.
    """
    pattern, _, origin = data.decode("latin-1").partition("\n")
    if is_origin(origin):
        assert len(origin) <= MAX_ORIGIN_BYTES
        assert naive_evaluator.is_origin(origin)
        assert origin.isascii()
        assert not set(origin.partition("://")[2]) & set("/?#@, \\\"'<>")
    problem = pattern_problem(pattern)
    if problem is None:
        assert covers(pattern, origin) is naive_evaluator.origin_matches(pattern, origin)
        _check_echo(pattern, origin)
    else:
        assert not are_usual_patterns([pattern])


def _check_echo(pattern: str, origin: str) -> None:
    rules = CompiledRules(RuleSet([Rule([pattern], ["GET"])]))
    # The second time it goes by what was made ready.
    for decision in (rules.actual(origin, "GET"), rules.actual(origin, "GET")):
        assert decision.allowed is covers(pattern, origin)
        allowed = dict(decision.headers).get("Access-Control-Allow-Origin")
        assert decision.allowed is (allowed is not None)
        if allowed is not None:
            assert allowed == ("*" if pattern == "*" else origin)
            assert allowed == pattern or is_origin(allowed)


def origin_seeds() -> Iterator[bytes]:
    """Pairs that meet, and that just miss."""
    for vector in load("vectors.json")["origin_match"]:
        yield f"{vector['pattern']}\n{vector['origin']}".encode()
    patterns = ["*", "https://*.a.test", "http://*", "*://a.test:*", "http://[::1]", *NULL_PATTERNS]
    origins = [start + host + port for start in STARTS for host in HOSTS for port in PORTS]
    for number, origin in enumerate([*origins, *JUNK_ORIGINS]):
        yield f"{patterns[number % len(patterns)]}\n{origin}".encode("latin-1")


def check_requested_headers(data: bytes) -> None:
    """A list has only tokens in it, within the bounds, and reads the same when written again."""
    text = data.decode("latin-1")
    found, expected = parse_requested_headers(text), naive_evaluator.requested_names(text)
    assert (found is None) is (expected is None)
    if found is None:
        return
    assert list(found.sent) == expected
    assert list(found.names) == [name.lower() for name in expected]
    assert len(found.names) <= MAX_REQUESTED_HEADERS
    assert len(text) <= MAX_REQUESTED_HEADERS_BYTES
    assert all(map(is_header_name, found.sent))
    again = parse_requested_headers(",".join(found.sent))
    assert again is not None
    assert again.sent == found.sent


def header_seeds() -> Iterator[bytes]:
    """Lists of the vendors, of browsers, and some that are none."""
    for vector in load("vectors.json")["header_match"]:
        yield vector["requested"].encode()
    yield from (name.encode("latin-1") for name in NON_TOKENS)
    yield b"content-type,x-cos-meta-a, X-Ok ,,\tx-b"
    yield b",".join([b"x"] * MAX_REQUESTED_HEADERS)


def check_host(data: bytes) -> None:
    """A Host falls apart into a name and a port that make it up, or is none."""
    text = data.decode("latin-1")
    split = split_host(text)
    if split is not None:
        assert "".join(split) == text
        assert set(text) <= _HOST_CHARACTERS
        assert len(text) <= 260


def host_seeds() -> Iterator[bytes]:
    """Hosts, and what else stands in that header."""
    yield from (
        b"a.test",
        b"a.test:80",
        b"[::1]:8080",
        b"[::ffff:1.2.3.4]",
        b"A_b.test.",
        b"a:",
        b"",
    )
    yield from (
        b"a.test,b.test",
        b"a.test:80:80",
        b"a.test:\xb2",
        b"a" * 254,
        b"[::1",
        b"a/b",
        b"a b",
    )


def check_settings(data: bytes) -> None:
    """``{"NAME": value}``: an application is set up, or refused with the setting's name."""
    app = Flask("fuzzed")
    values = _settings(data)
    app.config.update({f"BUCKETCORS_{name}": value for name, value in values.items()})
    try:
        BucketCORS(app, store=MemoryStore())
    except SetupRefused as error:
        check_words(str(error), None, "BUCKETCORS_")
        return
    assert values.keys() <= set(map(str.upper, SETTING_NAMES))


def _settings(data: bytes) -> dict[str, Any]:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        values = None
    return values if isinstance(values, dict) else {"URL_PREFIX": data.decode("latin-1")}


def settings_seeds() -> Iterator[bytes]:
    """Each setting with values of all types, and forms of those that have one."""
    values = ("", "a", 1, 0, -1, True, None, [], ["a"], {}, {"cos": [1, 2]}, 1.5, "False")
    for name in map(str.upper, SETTING_NAMES):
        for value in values:
            yield json.dumps({name: value}).encode()
    yield b'{"HOST_SUFFIXES": ["cos.test", "cos.{region}.test"], "URL_PREFIX": "/a/b"}'
    yield b'{"ACCESS_KEYS": {"id": "secret"}, "LIMITS": {"oss": [20, 65536]}}'


_PIECES = (
    b"*", b"://", b"https://", b".test", b":80", b":0", b":65536", b"[::1]", b"\n", b"null", b"..",
    b"@", b"%2e", b"\r\n", b"\x00", b"\xff", b"\x7f", b"a" * 64, b"xn--", b",", b"{region}",
)  # fmt: skip
_LISTED = (b",", b" ", b"x-a", b"\t")
_VALUES = (b'"/a"', b"[", b"]", b"null", b"1e9", b"9" * 40)

TARGETS = (
    Target("origin", check_origin, origin_seeds, _PIECES),
    Target(
        "requested-headers",
        check_requested_headers,
        header_seeds,
        _LISTED + _PIECES,
    ),
    Target("host", check_host, host_seeds, _PIECES),
    Target(
        "settings", check_settings, settings_seeds, (b'"/a"', b"[", b"]", b"null", b"1e9", *_PIECES)
    ),
)
