"""How long ``baraza ask`` takes from a cold start to its printed answer.

    python benchmarks/ask.py [--passages 50000] [--runs 5] [--archive FILE] [--json]

Builds an installation of at least so many passages in a temporary folder, from an
archive of topics or from generated text, and starts the command anew for each run,
as a person would. The model is the real one for the question; passages that are
not in its cache get random vectors, which cost the search the same.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import yaml

from bot.app import App
from bot.config import load_config
from kb.store import EmbeddingCache

QUESTION = "Why does the nightly export of the analytics tables stop with an error?"
_BARAZA = Path(sys.executable).with_name("baraza")
_SYLLABLES = re.findall("..", "tarimokelusandervonipaelkamishobe")


def generated_archive(path: Path, passages: int, seed: int = 7) -> None:
    """Topics of ten posts, one passage each, words as unevenly common as in prose."""
    source = random.Random(seed)  # noqa: S311 - text, not secrets
    words = [
        "".join(source.choices(_SYLLABLES, k=source.randint(1, 4)))
        for _ in range(20_000)
    ]
    weights = [1 / (rank + 10) for rank in range(len(words))]
    start = datetime(2020, 1, 1, tzinfo=UTC)

    def text(count: int) -> str:
        return " ".join(source.choices(words, weights, k=count))

    with path.open("w", encoding="utf-8") as file:
        for number in range(1, passages // 10 + 2):
            created = (start + timedelta(hours=number)).isoformat()
            posts = [
                {
                    "id": number * 10 + place,
                    "post_number": place,
                    "username": "member",
                    "created_at": created,
                    "cooked": f"<p>{text(60)}</p>",
                }
                for place in range(1, 11)
            ]
            topic = {"id": number, "title": text(8), "created_at": created}
            file.write(json.dumps(topic | {"posts": posts}) + "\n")


def install(folder: Path, archive: Path) -> tuple[Path, int]:
    """Harvest and index the archive; returns the config and the passages."""
    config = folder / "config.yaml"
    settings = {
        "community": {"name": "Benchmark", "contact": "https://example.org"},
        "sources": {
            "history": {
                "type": "archive",
                "path": str(archive.resolve()),
                "forum_url": "https://forum.example.org",
            }
        },
    }
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    app = App(load_config(config))
    app.harvest("history")
    fill_cache(app)
    return config, app.index().passages


def fill_cache(app: App) -> None:
    """Give every passage without a vector some, so that nothing must be embedded."""
    random_vectors = np.random.default_rng(7)
    model_id = app.embedder.model_id
    with app.open_store() as store, EmbeddingCache.open(app.cache_path) as cache:
        hashes = list(dict.fromkeys(store.passages.content_hashes()))
        missing = list(cache.missing(model_id, hashes))
        for start in range(0, len(missing), 5_000):
            some = missing[start : start + 5_000]
            rows = random_vectors.standard_normal(
                (len(some), app.embedder.dim), dtype=np.float32
            )
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            cache.put(model_id, dict(zip(some, rows, strict=True)))


def seconds(*command: str) -> float:
    """Wall time of a command that must succeed and print something."""
    started = time.monotonic()
    result = subprocess.run(command, capture_output=True, check=True)
    taken = time.monotonic() - started
    assert result.stdout.strip(), f"{command} printed nothing"
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--passages", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--archive", type=Path, help="topics as JSON Lines")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive = options.archive or folder / "topics.jsonl"
        if options.archive is None:
            generated_archive(archive, options.passages)
        config, passages = install(folder, archive)
        ask = (str(_BARAZA), "ask", QUESTION, "--config", str(config))
        runs = [seconds(*ask) for _ in range(options.runs)]
        bare = statistics.median(
            seconds(str(_BARAZA), "--help") for _ in range(options.runs)
        )
    figures = {
        "passages": passages,
        "runs": options.runs,
        "ask_median_s": round(statistics.median(runs), 2),
        "ask_first_s": round(runs[0], 2),
        "ask_max_s": round(max(runs), 2),
        "ratio_to_help": round(statistics.median(runs) / bare, 2),
    }
    if options.json:
        print(json.dumps(figures))
    else:
        for key, value in figures.items():
            print(f"{key:14} {value}")


if __name__ == "__main__":
    main()
