"""Pages in Chromium, and the servers that their scripts ask."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from served import DATABASE, LOG_PATH, PREFIX, VARY, Request

from flask_bucketcors import Rule, RuleSet, SQLiteStore, Store
from tests.support.processes.servers import gunicorn

if TYPE_CHECKING:
    from playwright.sync_api import Frame

#: Of one website with all names below app.test, which is what cookies and caches go by.
STORAGE_HOST = "cos.app.test"

# For a machine that has much else to do.
WAIT_SECONDS = 60

# Fetches go out in batches, since a browser queues what is more than six for a host anyway.
FETCH_ALL = """async ({requests, batch}) => {
    const one = async ({url, init}) => {
        try {
            const answer = await fetch(url, init);
            const size = (await answer.arrayBuffer()).byteLength;
            const headers = Object.fromEntries(answer.headers);
            return {status: answer.status, type: answer.type, size, url: answer.url, headers};
        } catch (error) {
            return null;
        }
    };
    const answers = [];
    for (let start = 0; start < requests.length; start += batch) {
        answers.push(...await Promise.all(requests.slice(start, start + batch).map(one)));
    }
    return answers;
}"""
BATCH = 100

LOAD_IMAGE = """([url, crossOrigin]) => new Promise(resolve => {
    const image = new Image();
    image.crossOrigin = crossOrigin;
    image.onload = () => resolve(true);
    image.onerror = () => resolve(false);
    image.src = url;
})"""

OPEN_IFRAME = """([sandbox, source]) => new Promise(resolve => {
    const frame = document.createElement("iframe");
    if (sandbox !== null) frame.sandbox = sandbox;
    frame.onload = resolve;
    frame.src = source;
    document.body.append(frame);
})"""


@dataclass(frozen=True)
class Received:
    """What a script learns of an answer that it may read; headers by lower-case name."""

    status: int
    type: str
    size: int
    url: str
    headers: dict[str, str]


class Page:
    """A page, or a frame of one, whose script makes requests."""

    def __init__(self, frame: "Frame") -> None:
        self.frame = frame

    def fetch(self, url: str, **init: Any) -> Received | None:
        """Call ``fetch``; None is the failure of which a script learns nothing else."""
        return self.fetch_all([(url, init)])[0]

    def fetch_all(self, requests: Sequence[tuple[str, dict[str, Any]]]) -> list[Received | None]:
        """Call ``fetch`` with each URL and its init; give the responses in the same order."""
        plain = [{"url": url, "init": init} for url, init in requests]
        found = self.frame.evaluate(FETCH_ALL, {"requests": plain, "batch": BATCH})
        return [None if each is None else Received(**each) for each in found]

    def load_image(self, url: str, cross_origin: str | None = None) -> bool:
        """Load an image as ``<img>`` does, without CORS if not told so; say whether it worked."""
        return bool(self.frame.evaluate(LOAD_IMAGE, [url, cross_origin]))

    def why_blocked(self, url: str, **init: Any) -> str:
        """Make a request that is blocked; give what the console says about it."""
        with self.frame.page.expect_console_message(
            lambda message: "blocked by CORS policy" in message.text
        ) as message:
            assert self.fetch(url, **init) is None
        return str(message.value.text).partition("CORS policy: ")[2]

    def open_frame(self, source: str = "/", *, sandbox: str | None = "allow-scripts") -> "Page":
        """Open a frame in the page: sandboxed, and so without an origin, if not told otherwise."""
        self.frame.evaluate(OPEN_IFRAME, [sandbox, source])
        return Page(self.frame.child_frames[-1])


@dataclass
class Site:
    """A served application, with the store that it reads its rules from."""

    port: int
    store: Store
    _numbers: Iterator[int] = field(default_factory=count)

    def origin(self, host: str) -> str:
        """Give an origin that has an empty page."""
        return f"http://{host}:{self.port}"

    def token(self) -> str:
        """Give a name for requests that no others have; names begin with it that extend it."""
        return f"{next(self._numbers):06}."

    def bucket(self, *rules: Rule, response_vary: bool | None = None) -> str:
        """Make a bucket with these rules; give its name."""
        name = f"bucket-{next(self._numbers)}"
        self.store.put(name, RuleSet(rules, response_vary=response_vary))
        return name

    def url(self, bucket: str, key: str = "key", *, host: str = STORAGE_HOST, **query: Any) -> str:
        """Give a URL of an object that no other request has; see ``served.answer``."""
        return self._url(f"{PREFIX}/{bucket}/{key}", host, query)

    def plain_url(self, *headers: str, **query: Any) -> str:
        """Give a URL outside all buckets, which is answered with these headers."""
        return self._url("/plain", STORAGE_HOST, {"header": headers, **query})

    def seen(self, url: str) -> list[Request]:
        """Give the requests for a URL that have reached the server."""
        return self.seen_by_token(parse_qs(urlsplit(url).query)["token"][0])

    def seen_by_token(self, prefix: str) -> list[Request]:
        """Give the requests that have reached the server, whose token begins like this."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS)) as connection:
            connection.request("GET", f"{LOG_PATH}?token={prefix}")
            return [Request(**each) for each in json.load(connection.getresponse())]

    def methods_seen(self, url: str) -> list[str]:
        """Give the methods of the requests for a URL that have reached the server."""
        return [request.method for request in self.seen(url)]

    def _url(self, path: str, host: str, query: dict[str, Any]) -> str:
        query = {"token": self.token(), **query}
        return f"{self.origin(host)}{path}?{urlencode(query, doseq=True)}"


@contextmanager
def serve(folder: Path, vary: str) -> Iterator[Site]:
    """Serve the application with a database in a folder.

    One process, because it counts the requests; with threads, because a browser keeps several
    connections open.
    """
    database = folder / f"{vary}.sqlite"
    store = SQLiteStore(database)
    with (
        closing(store),
        gunicorn(
            "served:create_app()",
            worker_class="gthread",
            workers=1,
            threads=8,
            environ={DATABASE: str(database), VARY: vary},
            folder=Path(__file__).parent,
        ) as server,
    ):
        yield Site(server.port, store)
