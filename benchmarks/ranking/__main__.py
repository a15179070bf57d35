"""Ways of ranking a forum's history, each scored against what people linked.

    python -m benchmarks.ranking --archive topics.jsonl.gz --docs docs.jsonl.gz \\
        --labels labels.jsonl.gz --forum-url https://forum.example.org \\
        [--rows bm25,rrf] [--run baraza=run.jsonl.gz] [--since 2021-07-01] [--json]

Reads what `baraza replay` reads. Each row is ranked with nothing later than the
question, and its run is kept under --out. Runs of that command are rows too (--run);
the one called baraza is the reference: each other row shows how far it is from it, with
the 95 % interval of a paired bootstrap.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.ranking import baraza
from benchmarks.ranking.rows import REFERENCE, ROWS, missing
from benchmarks.ranking.scoring import KindScores, labels_since, read_rows, score
from benchmarks.ranking.table import figures, shown
from benchmarks.ranking.task import Task, read_task
from bot.config import load_config
from bot.terminal import progress_of_steps
from kb.errors import KBError
from kb.store import EmbeddingCache

CONFIG = Path(__file__).parents[1] / "slicer.yaml"
_NAMES = (*ROWS, *baraza.TITLES)


def make_runs(
    task: Task, names: Sequence[str], forum_url: str, out: Path
) -> dict[str, Path]:
    """Rank by each of the rows; returns the files of the runs."""
    runs = {}
    ours = [name for name in names if name in baraza.TITLES]
    for name, rows in baraza.rank_all(task, ours, forum_url).items() if ours else ():
        runs[name] = write_run(out / f"{name}.jsonl.gz", rows)
    for name in names:
        if name in runs:
            continue
        started = time.monotonic()
        runs[name] = write_run(out / f"{name}.jsonl.gz", ROWS[name].run(task))
        seconds = time.monotonic() - started
        tqdm.write(f"{name}: ranked in {seconds:.0f} s", file=sys.stderr)
    return runs


def write_run(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """Write all rows or leave *path* as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.part")
    with gzip.open(draft, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    os.replace(draft, path)
    return path


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ranking",
        description=(__doc__ or "").splitlines()[0],
    )
    parser.add_argument("--archive", type=Path, help="topics with their posts")
    parser.add_argument("--docs", type=Path, help="pages; without, threads only")
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--forum-url", help="where the topics can be read")
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument(
        "--rows", type=_names, default=_NAMES, help=f"of {', '.join(_NAMES)}"
    )
    parser.add_argument(
        "--run", type=_named_file, action="append", default=[], help="NAME=FILE"
    )
    parser.add_argument("--reference", default=REFERENCE, help="row to compare with")
    parser.add_argument("--since", type=_moment, help="score questions from then on")
    parser.add_argument("--out", type=Path, default=Path("build/ranking"))
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args(arguments)
    given = {name for name, _ in options.run}
    # What has a run already is not made again.
    options.rows = [name for name in options.rows if name not in given]
    if options.rows and not (options.archive and options.forum_url):
        parser.error("--archive and --forum-url are needed to rank")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    options = options_of(arguments)
    names = []
    for name in options.rows:
        reason = missing(name)
        if reason is None:
            names.append(name)
        else:
            print(f"{name}: left out: {reason}", file=sys.stderr)
    runs: dict[str, Path] = dict(options.run)
    if names:
        config = load_config(options.config)
        with (
            EmbeddingCache.open(config.data_dir / "embeddings.db") as cache,
            progress_of_steps("reading") as p,
        ):
            task = read_task(
                config,
                cache,
                archive=options.archive,
                docs=options.docs,
                labels=options.labels,
                forum_url=options.forum_url,
                since=options.since,
                progress=p,
            )
            runs |= make_runs(task, names, options.forum_url, options.out)
    if not runs:
        sys.exit("Error: no row is left")
    labels = labels_since(read_rows(options.labels), options.since)
    scores: dict[str, dict[str, KindScores]] = {
        name: score(labels, read_rows(path)) for name, path in runs.items()
    }
    told = figures(scores, options.reference)
    titles = {name: row.title for name, row in ROWS.items()} | dict(baraza.TITLES)
    print(json.dumps(told) if options.as_json else shown(told, titles))


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in _NAMES]
    if unknown:
        raise argparse.ArgumentTypeError(f"no row is called {', '.join(unknown)}")
    return names


def _named_file(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError("expected NAME=FILE")
    return name, Path(path)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    try:
        main()
    except KBError as exc:
        sys.exit(f"Error: {exc}")
