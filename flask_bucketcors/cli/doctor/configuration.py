"""Checks the settings, the access keys and the order of the middlewares."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_bucketcors.cli.doctor.notes import Note
from flask_bucketcors.cli.terminal import counted
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.extension import BucketCORSState
from flask_bucketcors.settings import CONSOLE, PREFIX, SETTING_NAMES, Settings
from flask_bucketcors.signatures import AccessKey
from flask_bucketcors.wsgi.middleware import SAY_WHICH, TOO_WIDE, BucketCORSMiddleware
from flask_bucketcors.wsgi.rules_calls import find_layer

_note = partial(Note, "settings")
_KEYS: Final = "BUCKETCORS_ACCESS_KEYS"
_INSECURE: Final = "BUCKETCORS_CONSOLE_INSECURE"
_DEFAULT_RULES: Final = "BUCKETCORS_DEFAULT_RULES"
_OWN_NOTES: Final = ("access_keys", "default_rules")


def examine_settings(app: Flask, state: BucketCORSState) -> Iterator[Note]:
    """Check the settings of an application."""
    for name in sorted(SETTING_NAMES):
        if name not in _OWN_NOTES:
            yield _note(setting_text(state.settings, name))
    yield _default_rules_note(state)
    yield from _examine_keys(state)
    yield from _examine_console(app, state.settings)
    yield from _layers(app, state)


def setting_text(settings: Settings, name: str) -> str:
    """The key of a setting with its value."""
    value = getattr(settings, name)
    # A read-only mapping is printed as a dictionary.
    shown = dict(value) if isinstance(value, Mapping) else value
    return f"{PREFIX}{name.upper()} is {shown!r}"


def _default_rules_note(state: BucketCORSState) -> Note:
    rules = state.settings.default_rules
    if not isinstance(rules, RuleSet):
        return _note(f"{_DEFAULT_RULES} is not set: buckets without their own rules have none")
    if state.middleware.default_rules is None:
        return _note(f"{_DEFAULT_RULES} is not in force: {TOO_WIDE}", SAY_WHICH)
    count = counted(len(rules.rules), "rule")
    on_hosts = ", on hosts below BUCKETCORS_HOST_SUFFIXES"
    where = on_hosts if state.middleware.resolve.paths.is_assumed else ""
    return _note(f"{_DEFAULT_RULES} has {count}, for buckets without their own{where}")


def _examine_keys(state: BucketCORSState) -> Iterator[Note]:
    keys = state.settings.access_keys
    if callable(keys):
        yield _note(f"{_KEYS} is a function")
    elif keys is None:
        consequence = "every ?cors call is refused"
        if not state.api.cross_origin:
            consequence = "the authorize hook decides"
        yield _note(f"{_KEYS} is not set: {consequence}")
    elif not keys:
        yield _note(f"{_KEYS} is set but empty", "add a key, or remove the setting")
    else:
        yield _note(f"{_KEYS} holds {counted(len(keys), 'key')}")
        padded = [key for key, secret in keys.items() if _is_padded(key) or _is_padded(secret)]
        if padded:
            text = f"{_KEYS}: {len(padded)} ids or secrets begin or end with a space"
            yield _note(text, "remove the spaces: no client signs with them")


def _examine_console(app: Flask, settings: Settings) -> Iterator[Note]:
    if CONSOLE not in app.blueprints:
        yield _note("there is no console: pass console=ConsoleOptions(...) to BucketCORS for one")
        return
    yield _note(f"the console is at {settings.console_prefix}/")
    if settings.console_insecure:
        text = f"{_INSECURE} is True: a page in a bucket of the same host can use the console"
        yield _note(text, f"serve https, apply ProxyFix, and remove {_INSECURE}")


def _is_padded(key: str | AccessKey) -> bool:
    text = key.secret if isinstance(key, AccessKey) else key
    return text != text.strip()


def _layers(app: Flask, state: BucketCORSState) -> Iterator[Note]:
    if find_layer(app.wsgi_app, BucketCORSMiddleware) is not state.middleware:
        text = "BucketCORS does not wrap the application"
        yield _note(text, "something replaced app.wsgi_app: wrap it instead")
    if find_layer(state.middleware.app, ProxyFix):
        text = "ProxyFix is inside BucketCORS, so BucketCORS sees the proxy's host"
        yield _note(text, "write app.wsgi_app = ProxyFix(app.wsgi_app) after BucketCORS(app)")
    elif find_layer(app.wsgi_app, ProxyFix):
        yield _note("ProxyFix wraps BucketCORS")
    elif state.settings.host_suffixes:
        yield _note("there is no ProxyFix; you need it behind a proxy that changes Host")
