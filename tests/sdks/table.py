"""Which clients there are, how each is started, and what is asked of them."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from calls import Configuration, Where
from installing import NPM_PACKAGES, OLD_BOTO3, TOOLS, Installed, may_install, only_if_asked_for
from running import InAnotherProcess, InProcess, Running

from tests.support.apps.served_storage import ALIYUN_SUFFIX, HOST_SUFFIX
from tests.support.cos_signing import ACCESS_KEY, SECRET_KEY

HERE = Path(__file__).parent
KEYS = (ACCESS_KEY, SECRET_KEY)
ORIGIN = "https://www.example.com"
OTHER_ORIGIN = "https://www.example.org"
STRANGERS = {
    "SignatureDoesNotMatch": (KEYS[0], "AnotherSecretKey"),
    "InvalidAccessKeyId": ("AKIDANOTHER", KEYS[1]),
}

EVERYTHING: Configuration = {
    "rules": [
        {
            "id": "a&b",
            "origins": [ORIGIN, "https://*.example.net"],
            "methods": ["GET", "PUT", "POST", "DELETE", "HEAD"],
            "headers": ["content-type", "x-cos-meta-*"],
            "expose": ["ETag", "x-cos-request-id"],
            "max_age": 600,
        },
        {
            "id": None,
            "origins": ["https://*.b.example"],
            "methods": ["GET"],
            "headers": [],
            "expose": [],
            "max_age": 0,
        },
    ],
    "vary": True,
}

Start = Callable[[str, Where, Installed], Running]


def in_process(module: str, where: Where, installed: Installed | None = None) -> Running:
    return InProcess(import_module(module), where)


def in_environment(*packages: str) -> Start:
    def start(module: str, where: Where, installed: Installed) -> Running:
        python = installed.environment(packages) / "python"
        return InAnotherProcess([str(python), str(HERE / "child.py"), module], where)

    return start


def in_node(module: str, where: Where, installed: Installed) -> Running:
    environ = {
        **os.environ,
        "NODE_PATH": str(installed.npm(NPM_PACKAGES)),
        "NODE_NO_WARNINGS": "1",
    }
    return InAnotherProcess(["node", str(HERE / "node" / module)], where, environ)


@dataclass(frozen=True)
class Client:
    """A client, and what it cannot say.

    :param style: ``"path"``, ``"host"`` or ``"ip"``; see :class:`calls.Where`.
    :param has_status: whether it tells the status of an error.
    :param hides_absence: whether it makes of NoSuchCORSConfiguration that there are no rules.
    :param has_options: whether it can ask for a preflight; it signs that.
    """

    name: str
    module: str
    style: str
    version: str = ""
    start: Start = in_process
    package: str = ""
    suffix: str = HOST_SUFFIX
    has_id: bool = True
    has_vary: bool = False
    has_zero: bool = True
    has_status: bool = True
    hides_absence: bool = False
    has_options: bool = False

    @property
    def bucket(self) -> str:
        """A bucket of its own."""
        words = (self.name, self.version, self.style)
        return "-".join("".join(filter(str.isalnum, word.lower())) for word in words if word) + "-1"

    def where(self, port: int) -> Where:
        return Where(port, self.bucket, self.suffix, self.style, self.version, self.package)

    def sayable(self, configuration: Configuration) -> Configuration:
        """What it can say of a configuration."""
        rules = [dict(rule) for rule in configuration["rules"]]
        for rule in rules:
            if not self.has_id:
                rule["id"] = None
            if not self.has_zero and not rule["max_age"]:
                rule["max_age"] = None
        return {"rules": rules, "vary": configuration["vary"] if self.has_vary else None}


def table() -> Iterator[Client]:
    """All clients, each in each style and with each signature that it has."""
    for style in ("host", "ip"):
        yield Client("cos-python-sdk-v5", "with_cos", style, has_vary=True)
        yield Client(
            "cos-nodejs-sdk-v5",
            "cos.js",
            style,
            start=in_node,
            hides_absence=True,
            has_options=True,
        )
    for style in ("path", "host"):
        for version in ("V1", "V2", "V4"):
            yield Client("oss2", "with_oss2", style, version, has_id=False, has_vary=True)
        for version in ("V1", "V4"):
            yield Client(
                "alibabacloud-oss-v2",
                "with_oss_v2",
                style,
                version,
                has_id=False,
                has_vary=True,
                has_options=True,
            )
            yield Client(
                "ali-oss", "ali_oss.js", style, version, in_node, has_id=False, has_zero=False
            )
        for version in ("V2", "V4"):
            yield Client("boto3", "with_boto3", style, version)
            yield Client(
                "boto3 1.34", "with_boto3", style, version, start=in_environment(*OLD_BOTO3)
            )
        for name, package in AWS_PACKAGES.items():
            yield Client(name, "aws.js", style, start=in_node, package=package)
        yield Client("minio", "with_minio", style, start=in_environment(*TOOLS))
        yield Client("minio-js", "minio.js", style, start=in_node, has_status=False)
        yield Client("esdk-obs-nodejs", "obs.js", style, start=in_node, has_options=True)
    # To an address it sends a host of Aliyun's.
    yield Client(
        "ali-oss",
        "ali_oss.js",
        "ip",
        "V1",
        in_node,
        suffix=ALIYUN_SUFFIX,
        has_id=False,
        has_zero=False,
    )
    for style, version in [("path", "V2"), ("path", "V4"), ("host", "OBS"), ("host", "V4")]:
        yield Client("esdk-obs-python", "with_obs", style, version, has_options=True)


AWS_PACKAGES = {
    "client-s3": "@aws-sdk/client-s3",
    "client-s3 3.600": "aws-sdk-client-s3-3.600",
}


def parameters() -> list[Any]:
    return [
        pytest.param(
            client,
            id=" ".join(filter(None, (client.name, client.version, client.style))),
            marks=[] if client.start is in_process else [only_if_asked_for, may_install],
        )
        for client in table()
    ]
