"""One instance per data folder, and a refusal that says who has it.

The kernel holds the lock, so that a killed process cannot leave it behind. Who
holds it stands in a file beside it, for people only.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from kb.errors import AlreadyRunningError, StoreError
from kb.types import Clock, utc_now

# Long enough for another `owner` to look, which holds the lock for an instant.
_PATIENCE_S = 0.5


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a data folder.

    Attributes:
        since: ISO 8601, UTC.
    """

    pid: int
    host: str
    since: str
    command: str

    def __str__(self) -> str:
        return f"{self.command} (process {self.pid} on {self.host}, since {self.since})"


@contextmanager
def single_instance(
    data_dir: Path, command: str, *, clock: Clock = utc_now
) -> Iterator[Owner]:
    """Hold *data_dir* for the time of the block.

    Args:
        command: What runs, as a person would type it.

    Raises:
        AlreadyRunningError: Another process holds it; the error says which.
        StoreError: The folder cannot be made or written.
    """
    lock = _lock(data_dir)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=_PATIENCE_S)
    except Timeout:
        found = _read(data_dir)
        raise AlreadyRunningError(str(found or "another process")) from None
    except OSError as exc:
        raise StoreError(data_dir, f"cannot be locked: {exc}") from exc
    try:
        since = clock().isoformat(timespec="seconds")
        mine = Owner(os.getpid(), socket.gethostname(), since, command)
        _write(data_dir, mine)
        yield mine
    finally:
        _note(data_dir).unlink(missing_ok=True)
        lock.release()


def owner(data_dir: Path) -> Owner | None:
    """Who holds *data_dir* now, or ``None``; a killed process holds nothing."""
    found = _read(data_dir)
    if found is None:
        return None
    lock = _lock(data_dir)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return found
    except OSError:
        # A folder that we may only read: the note is all there is to go by.
        return found
    lock.release()
    return None


def _lock(data_dir: Path) -> FileLock:
    return FileLock(data_dir / "baraza.lock")


def _note(data_dir: Path) -> Path:
    return data_dir / "baraza.lock.json"


def _write(data_dir: Path, mine: Owner) -> None:
    draft = data_dir / f"baraza.lock.{mine.pid}.json"
    try:
        draft.write_text(json.dumps(asdict(mine)), encoding="utf-8")
        draft.replace(_note(data_dir))
    except OSError as exc:
        raise StoreError(data_dir, f"cannot be written: {exc}") from exc


def _read(data_dir: Path) -> Owner | None:
    try:
        data = json.loads(_note(data_dir).read_text(encoding="utf-8"))
        return Owner(
            int(data["pid"]),
            str(data["host"]),
            str(data["since"]),
            str(data["command"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        # Not there, or cut short by a full disk: then nobody is named.
        return None
