"""Clients in this process and in others, behind one face."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from types import ModuleType
from typing import Any

from calls import Configuration, Keys, Refused, Where, parse_xml

STOP_SECONDS = 10


class Running:
    """A client that makes calls, each with the keys that come with it."""

    def put(self, keys: Keys, configuration: Configuration) -> None:
        self._call("put", keys, configuration)

    def get(self, keys: Keys) -> Configuration:
        found: Configuration = self._call("get", keys)
        return found

    def delete(self, keys: Keys) -> None:
        self._call("delete", keys)

    def options(self, keys: Keys, preflight: dict[str, Any]) -> str | None:
        """Ask for a preflight: the origin that is allowed, None if it is none."""
        allowed: str | None = self._call("options", keys, preflight)
        return allowed

    def close(self) -> None:
        raise NotImplementedError

    def answer(
        self, name: str, keys: Keys, configuration: Configuration | None = None
    ) -> dict[str, Any]:
        """Make a call: its ``value``, or ``status`` and ``code`` of what refused it."""
        raise NotImplementedError

    def _call(self, name: str, keys: Keys, configuration: Configuration | None = None) -> Any:
        answered = self.answer(name, keys, configuration)
        if "code" in answered:
            raise Refused(answered["status"], answered["code"])
        if "value" not in answered:
            raise RuntimeError(answered["failure"])
        return answered["value"]


class InProcess(Running):
    """A client in this process, by one of the modules ``with_...``."""

    def __init__(self, module: ModuleType, where: Where) -> None:
        self._module = module
        self._where = where
        self._clients: dict[Keys, Any] = {}

    def answer(
        self, name: str, keys: Keys, configuration: Configuration | None = None
    ) -> dict[str, Any]:
        client = self._client(tuple(keys))
        try:
            arguments = () if configuration is None else (configuration,)
            return {"value": getattr(client, name)(*arguments)}
        except Refused as error:
            return {"status": error.status, "code": error.code}
        except Exception as error:
            found = self._module.read_error(error)
            if found is None:
                raise
            return dict(zip(("status", "code"), found, strict=True))

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _client(self, keys: Keys) -> Any:
        if keys not in self._clients:
            self._clients[keys] = self._module.Calls(self._where, keys)
        return self._clients[keys]


class InAnotherProcess(Running):
    """A client that reads calls and writes answers, one JSON object a line."""

    def __init__(
        self, command: Sequence[str], where: Where, environ: Mapping[str, str] | None = None
    ) -> None:
        self._process: subprocess.Popen[str] = subprocess.Popen(
            [*command, json.dumps(asdict(where))],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(
        self, name: str, keys: Keys, configuration: Configuration | None = None
    ) -> dict[str, Any]:
        call = {"name": name, "keys": keys}
        if configuration is not None:
            call["configuration"] = configuration
        to_client, from_client = self._process.stdin, self._process.stdout
        assert to_client is not None
        assert from_client is not None
        # What has ended reads nothing, and has nothing to say.
        with suppress(BrokenPipeError):
            to_client.write(json.dumps(call) + "\n")
            to_client.flush()
        line = from_client.readline()
        if not line:
            return {"failure": "the client has ended; it said why on standard error"}
        answered: dict[str, Any] = json.loads(line)
        if isinstance(answered.get("value"), dict) and "xml" in answered["value"]:
            answered["value"] = parse_xml(answered["value"]["xml"])
        return answered

    def close(self) -> None:
        """End the client: it does so itself at the end of its input, or is killed."""
        to_client, from_client = self._process.stdin, self._process.stdout
        assert to_client is not None
        assert from_client is not None
        with suppress(BrokenPipeError):
            to_client.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        self._process.kill()
        self._process.wait(STOP_SECONDS)
        from_client.close()
