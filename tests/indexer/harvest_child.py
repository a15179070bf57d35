"""A harvest as a process of its own, for tests that kill it.

``python -m tests.indexer.harvest_child FORUM_URL DATABASE [--full]``
"""

from __future__ import annotations

import sys
from pathlib import Path

from indexer.discourse import DiscourseClient
from indexer.http import Transport
from indexer.pipeline import RefreshReport, refresh
from indexer.sources.forum import ForumSource, WalkSettings
from indexer.sources.threads import ForumRules
from kb.store import Store
from tests.indexer.samples import CHUNKER, by_line


def harvest(url: str, database: Path, *, full: bool = False) -> RefreshReport:
    """Refresh *database* from the forum at *url*."""
    with (
        Transport(url, requests_per_second=None, sleep=lambda _: None) as transport,
        Store.open(database) as store,
    ):
        source = ForumSource(
            "forum",
            DiscourseClient(transport),
            WalkSettings(rules=ForumRules.of(ignored=["baraza"])),
        )
        return refresh(source, store, by_line, CHUNKER, full=full)


if __name__ == "__main__":
    harvest(sys.argv[1], Path(sys.argv[2]), full="--full" in sys.argv)
