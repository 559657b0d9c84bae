"""A second process on the same database, which prints the origin that its responses allow.

Run it with ``-m`` and the path of a database. For each line that it reads, it sends one GET for
an object of ``bucket-a`` from ``https://a.test`` and prints the Access-Control-Allow-Origin, or
``none``.
"""

import sys

from flask_bucketcors import BucketCORSMiddleware, SQLiteStore
from tests.support.attack_corpus import call, environ_of, make_app

REQUEST = {
    "method": "GET",
    "path": "/bucket-a/x",
    "headers": [["Origin", "https://a.test"]],
    "credentials_mode": "omit",
}


def main(path: str) -> None:
    store = SQLiteStore(path)
    app = BucketCORSMiddleware(make_app().wsgi_app, store=store)
    for _ in sys.stdin:
        values = call(app, environ_of(REQUEST)).values("Access-Control-Allow-Origin")
        print(*values or ["none"], flush=True)
    store.close()


if __name__ == "__main__":
    main(sys.argv[1])
