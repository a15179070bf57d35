"""Small files that are there whole, or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file in one step, even if the power fails now.

    Raises:
        OSError: It cannot be written; what was there stays.
    """
    draft = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            file.write(data)
            # Else a power cut may leave the new name and none of the content.
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        # Where it cannot be written it can hardly be removed.
        with suppress(OSError):
            draft.unlink(missing_ok=True)
