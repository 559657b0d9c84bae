"""docs/vendors.md shows what each dialect sends: its tables are computed."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from werkzeug.test import Client, TestResponse

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, Rule, RuleSet
from flask_bucketcors.core.dialects import DIALECTS
from tests.support import ROOT
from tests.support.page_tables import Row, assert_table, read_tables, unquoted

PAGE = ROOT / "docs" / "vendors.md"
WWW = "https://www.example.com"
OTHER = "https://other.example"
HEAD = ["", "COS", "OSS", "S3, OBS"]
#: Not part of the comparison: they are in docs/api.md, or belong to the application.
IDS = {each.header for dialect in DIALECTS.values() for each in dialect.ids}
LEFT_OUT = {"content-length", "content-type", "vary", *IDS}
REQUESTED = "content-type,x-cos-meta-author"


def rule() -> Rule:
    """The rule that the page shows."""
    rows = read_tables(PAGE, "An allowed preflight")[0]
    values = {name: [unquoted(value) for value in text.split(", ")] for name, text in rows}
    return Rule(
        values["`AllowedOrigin`"],
        values["`AllowedMethod`"],
        values["`AllowedHeader`"],
        values["`ExposeHeader`"],
        int(values["`MaxAgeSeconds`"][0]),
    )


def storage(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"an object"]


def requests(
    dialect: str, rules: RuleSet | None, headers: Mapping[str, str], method: str, vary: str
) -> TestResponse:
    """The response to a request for an object."""
    store = MemoryStore()
    if rules is not None:
        store.put("photos", rules)
    app = BucketCORSMiddleware(
        storage, store=store, dialect=dialect, vary=vary, plain_options="refuse"
    )
    return Client(app).open("/photos/cat.png", method=method, headers=dict(headers))


def responses(
    rules: RuleSet | None, headers: Mapping[str, str], method: str = "OPTIONS", vary: str = "safe"
) -> list[TestResponse]:
    """The responses in the dialects of the columns; that of OBS is the one of S3."""
    cos, oss, s3, obs = (requests(each, rules, headers, method, vary) for each in DIALECTS)
    # Their ids have other lengths, and so have their error documents.
    ignored = {"Content-Length", *IDS}
    of_s3, of_obs = (
        [pair for pair in each.headers if pair[0] not in ignored] for each in (s3, obs)
    )
    assert of_s3 == of_obs
    return [cos, oss, s3]


def preflight(origin: str = WWW, method: str = "PUT", asked: str = "") -> dict[str, str]:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    return {**headers, "Access-Control-Request-Headers": asked} if asked else headers


def code(text: str | None) -> str:
    return f"`{text}`" if text else ""


def header_rows(found: list[TestResponse]) -> Iterator[Row]:
    """A row for each header that one of the responses has."""
    names = sorted({name for each in found for name, _ in each.headers})
    for name in names:
        if name.lower() not in LEFT_OUT:
            yield [code(name), *(code(each.headers.get(name)) for each in found)]


def test_the_headers_of_an_allowed_preflight() -> None:
    found = responses(RuleSet([rule()]), preflight(asked=REQUESTED))
    assert {each.status_code for each in found} == {200}
    assert_table(PAGE, "An allowed preflight", HEAD, header_rows(found), place=1)


def test_the_headers_of_an_allowed_actual_request() -> None:
    found = responses(RuleSet([rule()]), {"Origin": WWW}, "PUT")
    assert_table(PAGE, "An allowed actual request", HEAD, header_rows(found))


def test_the_names_in_allow_headers() -> None:
    cases = [
        (["Content-Type", "Range"], "content-type"),
        (["Content-Type", "Range"], ""),
        (["x-cos-meta-*"], "x-cos-meta-author"),
        (["*"], "content-type,range"),
        (["*"], ""),
    ]
    rows = []
    for allowed, asked in cases:
        found = responses(RuleSet([Rule([WWW], ["PUT"], allowed)]), preflight(asked=asked))
        shown = [code(each.headers.get("Access-Control-Allow-Headers")) for each in found]
        rows.append([", ".join(map(code, allowed)), code(asked) or "none", *shown])
    head = ["`AllowedHeader`", "requested", *HEAD[1:]]
    assert_table(PAGE, "`Access-Control-Allow-Headers`", head, rows)


def test_when_vary_is_sent() -> None:
    requests = {
        "an allowed preflight": (preflight(), "OPTIONS"),
        "a refused preflight": (preflight(OTHER), "OPTIONS"),
        "an allowed actual request": ({"Origin": WWW}, "PUT"),
        "an actual request that no rule allows": ({"Origin": OTHER}, "PUT"),
        "a request without `Origin`": ({}, "GET"),
    }
    settings = {"safe": [False], "vendor": [False, True]}
    rows = []
    for vary, shown in settings.items():
        for response_vary in shown:
            for name, (headers, method) in requests.items():
                rules = RuleSet([rule()], response_vary=response_vary)
                found = responses(rules, headers, method, vary)
                setting = f'`"{vary}"`' + ", `ResponseVary` true" * response_vary
                cells = [short(each.headers.get("Vary")) for each in found]
                if response_vary:
                    cells[2] = ""
                rows.append([setting, name, *cells])
    assert_table(PAGE, "`Vary`", ["`BUCKETCORS_VARY`", "response to", *HEAD[1:]], rows)


def short(vary: str | None) -> str:
    names = (vary or "").split(", ")
    return "all three" if len(names) == 3 else code(vary) or "none"


def test_how_preflights_are_refused() -> None:
    rules = RuleSet([rule()])
    situations: dict[str, tuple[RuleSet | None, dict[str, str]]] = {
        "no rule allows the request": (rules, preflight(OTHER)),
        "the bucket has no rules": (None, preflight()),
        "the method is one that rules cannot allow": (rules, preflight(method="LINK")),
        "a requested header is not a name": (rules, preflight(asked="content type")),
        "there is no `Origin`": (rules, {"Access-Control-Request-Method": "PUT"}),
        "there is no `Access-Control-Request-Method`": (rules, {"Origin": WWW}),
    }
    rows = [
        [name, *(refusal(each) for each in responses(*situation))]
        for name, situation in situations.items()
    ]
    assert_table(PAGE, "Refused preflights", HEAD, rows)


def refusal(response: TestResponse) -> str:
    """The status, the code and the first sentence of a message."""
    assert not [name for name, _ in response.headers if name.startswith("Access-Control-")]
    text = response.get_data(as_text=True)
    found, message = (
        text.partition(f"<{name}>")[2].partition(f"</{name}>")[0] for name in ("Code", "Message")
    )
    return f"{response.status_code} `{found}`: {message.split('. ')[0].removesuffix('.')}"


def test_the_messages_are_explained() -> None:
    refused, messages = read_tables(PAGE, "Refused preflights")
    explained = [row[0] for row in messages]
    shown = {cell.partition(": ")[2] for row in refused for cell in row[1:]}
    for message in shown:
        assert any(message.startswith(each) for each in explained), message
    for each in explained:
        assert any(message.startswith(each) for message in shown), each


def test_the_columns_are_the_dialects() -> None:
    assert list(DIALECTS) == ["cos", "oss", "s3", "obs"]
