"""Settings and arguments: each is checked once, where it is given, by the row of its name."""

from os import PathLike
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_bucketcors import (
    BucketCORS,
    BucketCORSMiddleware,
    BucketCORSState,
    MemoryStore,
    Rule,
    RulesAPI,
    RuleSet,
    create_blueprint,
)
from flask_bucketcors.core.errors import SettingRefused
from flask_bucketcors.settings import SETTING_NAMES, Settings, check
from tests.support.tables import in_one_test


def application(environ: Any, start_response: Any) -> list[bytes]:
    return []


def extension(**arguments: Any) -> object:
    return BucketCORS(**arguments)


def blueprint(store: Any = None, **arguments: Any) -> object:
    return create_blueprint(store or MemoryStore(), **arguments)


def api(store: Any = None, **arguments: Any) -> object:
    return RulesAPI(store or MemoryStore(), **arguments)


def middleware(app: Any = application, store: Any = None, **arguments: Any) -> object:
    return BucketCORSMiddleware(app, store=store or MemoryStore(), **arguments)


class ServerStore(MemoryStore):
    serves_requests = False


SERVER = "store is ServerStore, whose reads wait for a network, so requests cannot use it: set"
STORE = "write a store, such as SQLiteStore('rules.sqlite') or MemoryStore()"
BUCKETS = "write a function of a Request that returns (bucket, key) or None"
NO_HOSTS = (
    "hosts_only is True, but host_suffixes is empty, so no URL would be about a bucket: write host "
    "names such as 'cos.example.com' in host_suffixes"
)
HOOK = "write a function of a RulesCall that returns True, False or a name"
RULES = RuleSet([Rule(["*"], ["GET"])])
WRONG = [
    (extension, {"store": "rules.sqlite"}, f"store is str: {STORE}"),
    (extension, {"buckets": "photos"}, f"buckets is 'photos': {BUCKETS}"),
    (extension, {"authorize": True}, f"authorize is True: {HOOK}"),
    (extension, {"bucket_exists": ["photos"]}, "bucket_exists is ['photos']: write a function"),
    (extension, {"reserved": "api"}, "reserved is 'api': write a list of first segments"),
    (extension, {"reserved": ["/api"]}, "reserved is ['/api']: write a list of first segments"),
    (blueprint, {"reserved": [""]}, "reserved is ['']: write a list of first segments"),
    (middleware, {"reserved": [b"api"]}, "reserved is [b'api']: write a list of first segments"),
    (extension, {"store": ServerStore()}, SERVER),
    (middleware, {"store": ServerStore()}, SERVER),
    (blueprint, {"store": {"photos": []}}, f"store is dict: {STORE}"),
    (blueprint, {"buckets": "photos"}, f"buckets is 'photos': {BUCKETS}"),
    (blueprint, {"host_suffixes": [".cos.test"]}, "without port and leading dot"),
    (middleware, {"host_suffixes": "localhost"}, "host_suffixes is 'localhost': write a list of"),
    (api, {"store": MemoryStore}, f"store is ABCMeta: {STORE}"),
    (api, {"authorize": True}, f"authorize is True: {HOOK}"),
    (api, {"access_keys": {"AKID": ""}}, "access_keys is dict: write a mapping"),
    (api, {"dialect": "azure"}, "dialect is 'azure': write one of 'cos', 'oss', 's3', 'obs'"),
    (api, {"limits": {"oss": 20}}, "limits is {'oss': 20}: write a mapping of dialects"),
    (api, {"extra_methods": "PATCH"}, "extra_methods is 'PATCH': write a list of methods such as"),
    (blueprint, {"extra_methods": ["GET"]}, "extra_methods is ['GET']: write a list of methods"),
    (middleware, {"extra_methods": ["patch"]}, "extra_methods is ['patch']: write a list of"),
    (api, {"strict": True}, "strict is True: write one of 'off', 'dangers', 'warnings'"),
    (middleware, {"app": None}, "app is NoneType: write a WSGI application"),
    (middleware, {"store": "rules.sqlite"}, f"store is str: {STORE}"),
    (middleware, {"api": True}, "api is True: write a WSGI application such as RulesAPI(store)"),
    (middleware, {"buckets": "photos"}, f"buckets is 'photos': {BUCKETS}"),
    (middleware, {"url_prefix": "storage"}, "url_prefix is 'storage': write a path such as"),
    (middleware, {"hosts_only": 1}, "hosts_only is 1: write True or False"),
    (middleware, {"hosts_only": True}, NO_HOSTS),
    (blueprint, {"hosts_only": True}, NO_HOSTS),
    (Settings, {"hosts_only": True}, "BUCKETCORS_HOSTS_ONLY is True, but BUCKETCORS_HOST_SUFFIXES"),
    (blueprint, {"route_variable": "<bucket>"}, "route_variable is '<bucket>': write the name of"),
    (middleware, {"reserved": lambda: []}, "write a list of first segments"),
    (middleware, {"vary": "Safe"}, "vary is 'Safe': write one of 'safe', 'vendor'"),
    (middleware, {"default_rules": 5}, "default_rules is 5: write a RuleSet, a document in XML or"),
    (middleware, {"default_rules": RULES}, "default rules would apply to every URL of the applic"),
    (middleware, {"cached_buckets": 0}, "cached_buckets is 0: write a whole number from 1"),
    (middleware, {"refusals": "true"}, "refusals is 'true': write True, False, the path of a file"),
    (
        middleware,
        {"metrics": "on"},
        "metrics is 'on': write True, False, or a CollectorRegistry of",
    ),
    (Settings, {"metrics": None}, "metrics is None: write True, False, or a CollectorRegistry of"),
    (Settings, {"replica": ":memory:"}, "replica is ':memory:': write the path of a file"),
    (Settings, {"refresh_seconds": 0}, "refresh_seconds is 0: write a number of seconds above 0"),
    (Settings, {"refresh_seconds": True}, "refresh_seconds is True: write a number of seconds"),
    (Settings, {"refresh_seconds": "1"}, "refresh_seconds is '1': write a number of seconds"),
    (Settings, {"stale_seconds": float("nan")}, "stale_seconds is nan: write a number of seconds"),
    (Settings, {"stale_seconds": float("inf")}, "stale_seconds is inf: write a number of seconds"),
    (middleware, {"cached_bytes": 0}, "cached_bytes is 0: write a whole number from 1"),
]


@in_one_test
@pytest.mark.parametrize("make, arguments, said", WRONG)
def test_an_argument_that_is_wrong_is_refused_at_once(make: Any, arguments: Any, said: str) -> None:
    with pytest.raises(SettingRefused) as refused:
        make(**arguments)
    assert said in str(refused.value)


def test_the_password_of_a_database_is_not_repeated() -> None:
    app = Flask("storage")
    app.config["BUCKETCORS_DATABASE"] = "postgresql://me:secret@db.example/rules"
    with pytest.raises(SettingRefused) as refused:
        BucketCORS(app)
    assert str(refused.value) == (
        "BUCKETCORS_DATABASE is 'postgresql://...': write the URL with its driver, "
        "'postgresql+psycopg://...'; in a user's name and a password, write %40 for @, %3A for :, "
        "%2F for /, %3F for ?, %23 for # and %20 for a space; leave out spaces and line breaks "
        "around the URL"
    )


def test_the_password_of_a_database_is_not_printed_with_the_settings() -> None:
    config = {"BUCKETCORS_DATABASE": "postgresql+psycopg://me:secret@db.example/rules"}
    settings = Settings.from_config(config)
    assert "secret" in settings.database
    for printed in (settings, config, Settings(database=settings.database)):
        assert "'postgresql+psycopg://...'" in repr(printed)
        assert "secret" not in repr(printed)


@pytest.mark.parametrize("seconds", [1, 0.5])
def test_buckets_may_not_close_between_two_looks_at_the_server(seconds: float) -> None:
    with pytest.raises(SettingRefused) as refused:
        Settings(refresh_seconds=1, stale_seconds=seconds)
    assert str(refused.value) == (
        f"BUCKETCORS_STALE_SECONDS is {seconds}, and BUCKETCORS_REFRESH_SECONDS is 1: write more "
        "for BUCKETCORS_STALE_SECONDS, such as 60"
    )


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("database", Path("postgresql://me:secret@db.example/rules"), "is 'postgresql://...':"),
        ("database", b"postgresql://me:secret@db.example/rules", "is 'postgresql://...':"),
        ("database", {"password": "secret", "url": "postgresql://db.example"}, "is dict:"),
        ("replica", "postgresql+psycopg://me:secret@db.example/rules", "is 'postgresql+psycopg:"),
        ("refusals", "postgresql+psycopg://me:secret@db.example/rules", "is 'postgresql+psycopg:"),
        ("host_suffixes", ["https://me:secret@cos.test"], "is ['https://...@cos.test']:"),
        ("url_prefix", "https://me:secret@cos.test/x", "is 'https://...@cos.test/x':"),
    ],
)
def test_no_password_is_shown_whatever_holds_it(name: str, value: Any, said: str) -> None:
    with pytest.raises(SettingRefused) as refused:
        Settings(**{name: value})
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)


class BytesPath(PathLike[bytes]):
    def __fspath__(self) -> bytes:
        return b"rules.sqlite"


def test_a_path_of_bytes_is_refused_where_it_is_given() -> None:
    with pytest.raises(SettingRefused, match="write the path of a file"):
        Settings(database=BytesPath())  # type: ignore[arg-type]


def test_settings_cannot_be_changed() -> None:
    settings = Settings(dialect="oss")
    with pytest.raises(AttributeError):
        settings.dialect = "cos"  # type: ignore[misc]


def test_keys_are_not_shown() -> None:
    assert "secret" not in repr(Settings(access_keys={"AKID": "secret"}))


def test_every_setting_has_a_row() -> None:
    check(**{name: getattr(Settings(), name) for name in SETTING_NAMES})


def test_an_application_has_the_settings_in_force() -> None:
    app = Flask("storage")
    app.config["BUCKETCORS_DIALECT"] = "s3"
    BucketCORS(app, store=MemoryStore())
    state = BucketCORSState.of(app)
    assert (state.settings.dialect, state.api) == ("s3", state.middleware.api)
