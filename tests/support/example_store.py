"""The example application as its tests build it, with two buckets and a few objects."""

from typing import Any

from flask import Flask

from example_app.storage import Storage
from example_app.views import create_blueprint
from tests.support.cos_signing import KEYS

BUCKET = "bucket-1250000000"
PUBLIC = "public-1250000000"


def build_app(storage: Storage, keys: Any = KEYS) -> Flask:
    """Make an application that serves a storage, without CORS."""
    app = Flask("store", static_folder=None)
    app.register_blueprint(create_blueprint(storage, keys, "cos.test"))
    return app


def put(
    storage: Storage, key: str, data: bytes = b"hello", bucket: str = BUCKET, **headers: str
) -> object:
    """Store an object; give what the storage says of it."""
    return storage.put_object(bucket, key, [data], headers)


def read(storage: Storage, key: str, bucket: str = BUCKET) -> bytes:
    """Give the bytes of an object."""
    _, file = storage.open_object(bucket, key)
    with file:
        return file.read()
