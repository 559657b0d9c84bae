"""Every vendor's SDKs, unmodified, at one server: each puts, reads and deletes the rules.

Which is which stands in :mod:`table`. Those that the test extra does not install are installed
if ``BUCKETCORS_CLIENTS=1`` asks for it.
"""

from collections.abc import Callable, Iterator
from http.client import HTTPConnection

import pytest
from calls import Refused, normal
from installing import Installed
from running import Running
from table import EVERYTHING, KEYS, ORIGIN, OTHER_ORIGIN, STRANGERS, Client, parameters, table

from tests.support.processes.children import CHILD_SECONDS


@pytest.fixture(scope="module", params=parameters())
def client(request: pytest.FixtureRequest) -> Client:
    found: Client = request.param
    return found


@pytest.fixture(scope="module")
def running(client: Client, port: int, installed: Installed) -> Iterator[Running]:
    running = client.start(client.module, client.where(port), installed)
    yield running
    running.close()


def preflight(port: int, client: Client, origin: str) -> tuple[int, dict[str, str]]:
    """Ask for a PUT, in the client's style: the status, and what of the answer is CORS."""
    where = client.where(port)
    path, host = f"/{client.bucket}/key", where.address
    if where.virtual:
        path, host = "/key", f"{client.bucket}.{client.suffix}:{port}"
    connection = HTTPConnection("127.0.0.1", port, timeout=CHILD_SECONDS)
    headers = {
        "Host": host,
        "Origin": origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "Content-Type,X-Cos-Meta-Author",
    }
    try:
        connection.request("OPTIONS", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    prefix = "access-control-"
    named = {name.lower(): value for name, value in answer.headers.items()}
    return answer.status, {name: named[name] for name in named if name.startswith(prefix)}


def expect_no_rules(client: Client, running: Running) -> None:
    """Its form of NoSuchCORSConfiguration."""
    if client.hides_absence:
        assert running.get(KEYS)["rules"] == []
        return
    with pytest.raises(Refused) as raised:
        running.get(KEYS)
    assert raised.value.code == "NoSuchCORSConfiguration"
    assert raised.value.status == (404 if client.has_status else None)


def test_rules_come_and_go(client: Client, running: Running, port: int) -> None:
    running.delete(KEYS)
    running.delete(KEYS)
    expect_no_rules(client, running)
    assert preflight(port, client, ORIGIN)[0] == 403

    everything = client.sayable(EVERYTHING)
    running.put(KEYS, everything)
    assert normal(running.get(KEYS)) == normal(everything)
    allowed = {
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET,PUT,POST,DELETE,HEAD",
        "access-control-allow-headers": "content-type,x-cos-meta-author",
        "access-control-expose-headers": "ETag,x-cos-request-id",
        "access-control-max-age": "600",
    }
    assert preflight(port, client, ORIGIN) == (200, allowed)
    assert preflight(port, client, OTHER_ORIGIN) == (403, {})

    other = {"rules": [{**everything["rules"][0], "origins": [OTHER_ORIGIN]}], "vary": None}
    running.put(KEYS, other)
    # Without a word about it, OSS says that it is not so.
    got = normal(running.get(KEYS))
    assert (got["rules"], got["vary"] or None) == (normal(other)["rules"], None)
    assert preflight(port, client, ORIGIN)[0] == 403
    assert preflight(port, client, OTHER_ORIGIN)[0] == 200

    running.delete(KEYS)
    expect_no_rules(client, running)


@pytest.mark.parametrize("code", STRANGERS)
def test_strangers_are_told_what_is_wrong(client: Client, running: Running, code: str) -> None:
    everything = client.sayable(EVERYTHING)
    running.put(KEYS, everything)
    stranger = STRANGERS[code]
    calls: list[Callable[[], object]] = [
        lambda: running.get(stranger),
        lambda: running.put(stranger, {**everything, "rules": everything["rules"][1:]}),
        lambda: running.delete(stranger),
    ]
    for call in calls:
        with pytest.raises(Refused) as raised:
            call()
        assert raised.value.code == code
        assert raised.value.status in (403, None)
    assert normal(running.get(KEYS)) == normal(everything)


@pytest.mark.parametrize(
    "client",
    [each for each in parameters() if each.values[0].has_options],
    indirect=True,
    scope="module",
)
def test_a_preflight_may_be_signed(client: Client, running: Running) -> None:
    running.put(KEYS, client.sayable(EVERYTHING))
    asked = {"origin": ORIGIN, "method": "PUT", "headers": ["content-type", "x-cos-meta-author"]}
    assert running.options(KEYS, asked) == ORIGIN
    assert running.options(KEYS, {**asked, "origin": OTHER_ORIGIN}) is None
    assert running.options(KEYS, {**asked, "headers": ["content-type", "x-other"]}) is None


def test_values_that_are_not_allowed_are_refused(client: Client, running: Running) -> None:
    rule = {**client.sayable(EVERYTHING)["rules"][0], "methods": ["PATCH"]}
    with pytest.raises(Refused) as raised:
        running.put(KEYS, {"rules": [rule], "vary": None})
    # S3 has another code for it.
    assert raised.value.code in ("InvalidArgument", "InvalidRequest")
    assert raised.value.status in (400, None)


def test_no_two_clients_have_one_bucket() -> None:
    assert len({client.bucket for client in table()}) == len(list(table()))
