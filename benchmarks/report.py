"""How long the moderators' report takes, step by step, and how much memory.

    python benchmarks/report.py --config CONFIG [--until 2022-06-30] [--days 7]
        [--runs 3] [--json]

Of an installation that is harvested and indexed: the whole history, and the last days
of it. Each report is made in a process of its own, the files it reads being in the
machine's memory from the one before; the first run of each is not counted. Beside the
time on the clock stands the processors' time, which other work hardly disturbs.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.app import App
from bot.config import load_config
from bot.report.making import make, wanted
from bot.report.writing import TEXTS, tables

_MIB = 1024


def measured(config: Path, until: str, days: int) -> dict[str, Any]:
    """One report, made and written down here and now.

    Args:
        days: 0 for the whole history.
    """
    app = App(load_config(config))
    since = ""
    if days:
        end = datetime.fromisoformat(until) if until else app.clock()
        since = (end - timedelta(days=days - 1)).date().isoformat()
    steps: dict[str, float] = {}
    now = started = time.perf_counter()
    running = "start"

    def look(step: str, _done: int, _todo: int) -> None:
        nonlocal now, running
        if step != running:
            later = time.perf_counter()
            steps[running] = round(later - now, 2)
            now, running = later, step

    asked = wanted(app, since=since, until=until, whole=not days)
    report = make(app, asked, progress=look)
    look("written", 0, 0)
    made = time.perf_counter()
    sizes = {form: len(write(report).encode()) for form, write in TEXTS.items()}
    sizes["csv"] = sum(len(text.encode()) for text in tables(report).values())
    ended = time.perf_counter()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "topics": report.topics,
        "made_s": round(made - started, 2),
        "written_s": round(ended - made, 2),
        "processors_s": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mib": round(usage.ru_maxrss / _MIB),
        "steps_s": steps,
        "bytes": sizes,
    }


def runs(options: argparse.Namespace, days: int) -> list[dict[str, Any]]:
    """Several in processes of their own; the first, which warms, is left out."""
    command = [sys.executable, __file__, "--one", "--days", str(days)]
    command += ["--config", str(options.config), "--until", options.until]
    found = []
    for _ in range(options.runs + 1):
        result = subprocess.run(command, capture_output=True, check=True, text=True)
        found.append(json.loads(result.stdout))
    return found[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--until", default="", help="the last day; unset, now")
    parser.add_argument("--days", type=int, default=7, help="of the short one")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(options.config, options.until, options.days)))
        return
    figures = {
        name: runs(options, days)
        for name, days in (("whole history", 0), (f"{options.days} days", options.days))
    }
    if options.json:
        print(json.dumps(figures))
        return
    for name, found in figures.items():
        print(f"{name}: {found[0]['topics']} topics, {len(found)} runs")
        for key in ("made_s", "written_s", "processors_s", "peak_mib"):
            values = [each[key] for each in found]
            print(f"  {key:13} {statistics.median(values)}  (at most {max(values)})")
        print(f"  steps_s       {found[-1]['steps_s']}")
        print(f"  bytes         {found[-1]['bytes']}")


if __name__ == "__main__":
    main()
