"""Where a local Rampart is found by other terminals: a file that its process wrote, and a lock that it holds.

The lock is the operating system's and ends with the process, however that ends; the file alone says nothing.
"""

import fcntl
import json
import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from controller.core.errors import InputError

_START = "start one in another terminal with: rampart local"
_MISLEADING = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "RAMPART_TABLE", "RAMPART_CONTROL_FUNCTION")
"""Variables that would lead a command elsewhere, or that say more than is needed."""


@dataclass(frozen=True, slots=True)
class Running:
    """A local Rampart that runs."""

    pid: int
    url: str
    variables: dict[str, str] = field(default_factory=dict)
    """What leads `rampart`, `aws` and boto3 to it."""


def state_directory() -> Path:
    """Return where a user's local Rampart keeps what it leaves (XDG Base Directory Specification, state files)."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "rampart" / "local"


class Place:
    """The place of a user's one local Rampart."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._written = directory / "running.json"
        self._scratch = directory / "scratch"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the place, with a scratch directory for all temporary files of this process.

        What one that was killed left behind is removed first. Raises InputError when another process holds it, or
        when it cannot be written.
        """
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self._directory / "lock").open("a")
        except OSError as error:
            raise InputError(f"cannot write to {self._directory}: {error.strerror}") from None
        with lock:
            if not _lock(lock, fcntl.LOCK_EX):
                raise InputError(f"one runs already: {self._whose()}")
            self._written.unlink(missing_ok=True)
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch.mkdir(mode=0o700)
            before, tempfile.tempdir = tempfile.tempdir, str(self._scratch)
            try:
                yield
            finally:
                tempfile.tempdir = before
                self._written.unlink(missing_ok=True)
                shutil.rmtree(self._scratch, ignore_errors=True)

    def publish(self, running: Running) -> None:
        """Let other terminals find what runs here."""
        draft = self._written.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(running)))
        draft.replace(self._written)

    def running(self) -> Running:
        """Return what runs; raises InputError when nothing does, or not yet."""
        try:
            lock = (self._directory / "lock").open("a")
        except OSError:
            raise InputError(f"no local Rampart runs; {_START}") from None
        with lock:
            if _lock(lock, fcntl.LOCK_SH):
                raise InputError(f"no local Rampart runs; {_START}")
        found = self._read()
        if found is None:
            raise InputError("the local Rampart is still starting; try again in a few seconds")
        return found

    def ended(self, url: str) -> str | None:
        """Return what there is to say of one that was at a URL and is no more; None while it is there."""
        running = None
        with suppress(InputError):
            running = self.running()
        if running and running.url == url:
            return None
        another = f"another one runs at {running.url};" if running else f"{_START}, and"
        find = 'point this shell at it with: eval "$(rampart local env)"'
        return f"the AWS of this machine that this shell points at ({url}) has ended; {another} {find}"

    def _read(self) -> Running | None:
        with suppress(OSError, ValueError, TypeError):
            return Running(**json.loads(self._written.read_text()))
        return None

    def _whose(self) -> str:
        found = self._read()
        if found is None:
            return "it is still starting"
        return f"process {found.pid} at {found.url}; end it with Ctrl-C in its terminal, or with: kill {found.pid}"


def exports(running: Running, path: str, home: Path) -> str:
    """Return the shell commands that lead `rampart`, `aws` and boto3 to what runs.

    `home` is where the command `rampart` is; it goes first in `path`, the shell's PATH, when it is not there yet.
    """
    lines = [f"export {name}={shlex.quote(value)}" for name, value in running.variables.items()]
    if str(home) not in path.split(os.pathsep):
        lines.append(f'export PATH={shlex.quote(str(home))}:"$PATH"')
    return "\n".join([*lines, f"unset {' '.join(_MISLEADING)}"])


def _lock(lock: TextIO, kind: int) -> bool:
    """Take a lock, until the file is closed; False when another process is in the way."""
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
