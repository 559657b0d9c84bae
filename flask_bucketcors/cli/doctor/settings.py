"""The settings in force, the keys, and what is wrapped around what."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_bucketcors.api import RulesAPI
from flask_bucketcors.cli.doctor.notes import Note
from flask_bucketcors.extension import BucketCORSState
from flask_bucketcors.middleware import BucketCORSMiddleware, find_layer

_note = partial(Note, "settings")
_KEYS: Final = "BUCKETCORS_ACCESS_KEYS"


def examine_settings(app: Flask, state: BucketCORSState) -> Iterator[Note]:
    """Look at what the application says."""
    for key in sorted(app.config):
        if key.startswith("BUCKETCORS_") and key != _KEYS:
            value = app.config[key]
            # A mapping that nobody may change looks like what it is.
            shown = dict(value) if isinstance(value, Mapping) else value
            yield _note(f"{key} is {shown!r}")
    yield _keys(app.config[_KEYS], state)
    yield from _layers(app, state)


def _keys(keys: Any, state: BucketCORSState) -> Note:
    if isinstance(keys, Mapping) and keys:
        return _note(f"{_KEYS} holds {len(keys)} {'key' if len(keys) == 1 else 'keys'}")
    if callable(keys):
        return _note(f"{_KEYS} is a function")
    api = state.middleware.api
    if isinstance(api, RulesAPI) and api.cross_origin:
        return _note(f"{_KEYS} holds no key: every ?cors call is refused")
    return _note(f"{_KEYS} holds no key: the authorize hook decides")


def _layers(app: Flask, state: BucketCORSState) -> Iterator[Note]:
    if find_layer(app.wsgi_app, BucketCORSMiddleware) is not state.middleware:
        text = "BucketCORS is not found around the application"
        yield _note(text, "wrap what app.wsgi_app is, and do not put something else in its place")
    if find_layer(state.middleware.app, ProxyFix):
        text = "ProxyFix stands inside of BucketCORS, which sees the proxy's host"
        yield _note(text, "write app.wsgi_app = ProxyFix(app.wsgi_app) after BucketCORS(app)")
    elif find_layer(app.wsgi_app, ProxyFix):
        yield _note("ProxyFix stands around BucketCORS")
    elif app.config["BUCKETCORS_HOST_SUFFIXES"]:
        yield _note("there is no ProxyFix; behind a proxy that changes Host one is needed")
