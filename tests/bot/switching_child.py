"""``baraza index`` in a process of its own, which dies on the way to another model.

Run as ``python -m tests.bot.switching_child CONFIG BATCHES``: after so many batches of
texts were embedded ahead, it ends as by ``kill -9``.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path

from bot.app import App
from bot.config import load_config
from bot.indexing import bring_up


def main(config: str, batches: str) -> None:
    asked = count()

    def go_on() -> bool:
        if next(asked) == int(batches):
            os.kill(os.getpid(), signal.SIGKILL)
        return True

    bring_up(App(load_config(Path(config))), go_on=go_on)


if __name__ == "__main__":
    main(*sys.argv[1:])
