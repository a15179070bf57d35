"""One harvest in a process of its own, and the memory that it took.

    python benchmarks/harvester.py FORUM_URL DATABASE

Texts are cleaned and cut by the real chunker, which counts words in place of a
model's tokens: what a model costs is not a harvest's. Nothing paces the requests.
Peak memory is Linux's own figure (VmHWM), which starts anew with each program.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from functools import partial
from pathlib import Path

from tqdm import tqdm

from indexer.chunk import chunk_document, chunker_stamp
from indexer.discourse import DiscourseClient
from indexer.http import Transport
from indexer.pipeline import RefreshReport, refresh
from indexer.sources.forum import ForumSource, WalkSettings
from kb.embed.hashing import count_words
from kb.store import Store
from kb.types import Clock, utc_now

NAME = "forum"


def harvest(
    url: str,
    database: Path,
    *,
    recrawl_per_day: int = 0,
    bar: bool = False,
    clock: Clock = utc_now,
) -> RefreshReport:
    """Refresh *database* from the forum at *url*.

    Args:
        recrawl_per_day: Requests for looking at what the forum does not announce.
        bar: Show one of requests.
    """
    with (
        Transport(url, requests_per_second=None) as transport,
        Store.open(database) as store,
        tqdm(desc=NAME, unit="req", leave=False, disable=not bar) as shown,
    ):
        settings = WalkSettings(recrawl_per_day=recrawl_per_day)
        source = ForumSource(NAME, DiscourseClient(transport), settings, clock=clock)

        def show(report: RefreshReport) -> None:
            if report.remaining is not None:
                shown.total = report.requests + report.remaining
            shown.update(report.requests - shown.n)

        return refresh(
            source,
            store,
            partial(chunk_document, count_tokens=count_words),
            chunker_stamp("words"),
            clock=clock,
            progress=show,
        )


def peak_kib() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    assert found is not None
    return int(found[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("database", type=Path)
    options = parser.parse_args()
    started, idle_kib = time.monotonic(), peak_kib()
    report = harvest(options.url, options.database, bar=True)
    assert report.complete
    figures = {
        "requests": report.requests,
        "phases": dict(report.phases),
        "seconds": round(time.monotonic() - started, 1),
        "idle_mib": round(idle_kib / 1024),
        "peak_mib": round(peak_kib() / 1024),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
