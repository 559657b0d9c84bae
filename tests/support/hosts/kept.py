"""Programs that a keeper runs, in a folder of their own, as a user without rights."""

import atexit
import json
import os
import pwd
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.hosts.waiting import START_SECONDS, STOP_SECONDS

KEEPER: Final = Path(__file__).with_name("keeper.py")


class CannotRun(Exception):
    """Something that a server needs is missing, or the system forbids it."""


@dataclass
class Kept:
    """A keeper, and what it runs.

    :param folder: the programs' own; it is removed in the end, also if this process is killed.
    :param user: as whom the programs run; None is the user of this process.
    """

    keeper: subprocess.Popen[str]
    folder: Path
    user: int | None
    pid: int | None = None

    def start(self, command: Sequence[str], log: Path, *, as_root: bool = False) -> int:
        """Start a program, and give the number of its process."""
        user = None if as_root else self.user
        line = json.dumps({"command": list(command), "log": str(log), "user": user})
        assert self.keeper.stdin is not None
        print(line, file=self.keeper.stdin, flush=True)
        self.pid = int(self._told("started", START_SECONDS))
        return self.pid

    def wait(self, seconds: float) -> int:
        """Wait until the program and all that it has started are gone, and give its exit code.

        :raises TimeoutError: if it still runs after so long.
        """
        code = int(self._told("ended", seconds))
        self.pid = None
        return code

    def run(self, command: Sequence[str], log: Path, seconds: float = START_SECONDS) -> None:
        """Run a program to its end.

        :raises RuntimeError: with what it has written, if it fails.
        """
        self.start(command, log)
        if code := self.wait(seconds):
            raise RuntimeError(f"{command[0]} exits with {code}:\n{log.read_text()}")

    def has_ended(self) -> bool:
        """Whether the program has ended, and nobody has waited for it yet."""
        return self._is_ready(0)

    def _told(self, word: str, seconds: float) -> str:
        if not self._is_ready(seconds):
            raise TimeoutError(f"no program has {word} within {seconds} s")
        assert self.keeper.stdout is not None
        found, _, number = self.keeper.stdout.readline().partition(" ")
        if found != word:
            raise RuntimeError(f"the keeper was to say {word!r} and said {found!r}")
        return number

    def _is_ready(self, seconds: float) -> bool:
        # One line at a time is under way, so none waits in a buffer.
        ready, _, _ = select.select([self.keeper.stdout], [], [], seconds)
        return bool(ready)


@contextmanager
def kept(name: str, *, prefix: Sequence[str] = ()) -> Iterator[Kept]:
    """Keep programs for the length of a block.

    :param name: begins the name of the folder.
    :param prefix: a command that starts the keeper elsewhere, as in a network namespace.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    user = _user_without_rights()
    if user is not None:
        os.chown(folder, user, user)
    keeper = subprocess.Popen(
        [*prefix, sys.executable, "-I", "-S", str(KEEPER), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Ctrl+C interrupts the tests, which then end the keeper.
        start_new_session=True,
    )
    try:
        yield Kept(keeper, folder, user)
    finally:
        _end(keeper)


_until_exit: Final = ExitStack()
atexit.register(_until_exit.close)


def kept_until_exit(name: str) -> Kept:
    """Keep programs, and their folder, until this process ends."""
    return _until_exit.enter_context(kept(name))


def _end(keeper: subprocess.Popen[str]) -> None:
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    # A keeper that has failed does not read. The input itself stays open if a child has it, too.
    with suppress(BrokenPipeError):
        print(file=keeper.stdin, flush=True)
    with suppress(BrokenPipeError):
        keeper.stdin.close()
    try:
        keeper.wait(STOP_SECONDS)
    finally:
        # Its programs die with it.
        keeper.kill()
        keeper.wait(STOP_SECONDS)
        keeper.stdout.close()


def _user_without_rights() -> int | None:
    """The servers refuse to run as root; it leaves them to this user."""
    return pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None
