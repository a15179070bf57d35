"""Serves collected pages, courses and videos until its standard input ends.

Prints one JSON object with the addresses; on each line of input, the number of requests
so far and how many of them were conditional.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from collected import library

from bot.sandbox import Community, Sandbox


def main(folder: Path, languages: tuple[str, ...]) -> None:
    shown = library(folder, languages=languages)
    with Sandbox(Community.empty(), library=shown) as box:
        told = {
            "docs": box.docs_url,
            "academy": box.academy_url,
            "videos": box.videos_url,
            "playlists": [playlist.id for playlist in shown.playlists],
        }
        print(json.dumps(told), flush=True)
        for _ in sys.stdin:
            asked = [r for r in box.recorded if "robots.txt" not in r.target]
            conditional = sum(
                not {"if-none-match", "if-modified-since"}.isdisjoint(r.headers)
                for r in asked
            )
            print(json.dumps([len(asked), conditional]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), tuple(sys.argv[2:]))
