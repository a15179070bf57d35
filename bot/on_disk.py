"""A derived file that is read again whenever it changed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

Content = TypeVar("Content")


class OnDisk(Generic[Content]):
    """What a file holds, as it is now. May be shared between threads.

    Args:
        read: Reads the file; ``None`` when it cannot be used, which it has said then.
            Asked once for each state of the file.
    """

    def __init__(self, path: Path, read: Callable[[Path], Content | None]) -> None:
        self._path = path
        self._read = read
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._content: Content | None = None

    def content(self) -> Content | None:
        """``None`` when there is no file, or it cannot be used."""
        with self._lock:
            state = self._state()
            if state != self._seen:
                self._content = None if state is None else self._read(self._path)
                self._seen = state
            return self._content

    def _state(self) -> tuple[int, int, int] | None:
        """Tells one file from the next; ``None`` when there is none."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError:
            # It is there, and reading it will say what is wrong with it.
            return (0, 0, 0)
        return (found.st_ino, found.st_mtime_ns, found.st_size)
