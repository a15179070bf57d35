"""How fast passages and queries are embedded: PyTorch, OpenVINO f32, OpenVINO bf16.

    python benchmarks/embedding.py [--texts FILE.jsonl[.gz]] [--model packaged] [--json]

The backends take turns over the same texts within one run, several times, and the
best turn of each counts: ratios hold on a busy machine, texts per second do not.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from kb.embed import Embedder
from kb.embed.convert import converted
from kb.embed.models import find_model
from kb.embed.openvino import OpenVinoEmbedder
from kb.embed.pytorch import TorchEmbedder
from kb.embed.runtime import openvino_core

QUERY = "How do I move an organisation unit to another parent? Attempt {}"
_WORDS = re.findall(
    r"\w+",
    "the import of data values failed with error after we moved an organisation "
    "unit to another parent level please check user role sharing settings dashboard "
    "indicator program stage tracker capture event analytics table export server log",
)


def generated(count: int, seed: int = 1) -> list[str]:
    """Passages of 10 to 250 words, as forums and manuals have them."""
    rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
    return [" ".join(rng.choices(_WORDS, k=rng.randint(10, 250))) for _ in range(count)]


def read_texts(path: Path, count: int) -> list[str]:
    """The first *count* values of ``text`` in a JSONL file."""
    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    texts: list[str] = []
    with opener(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if len(texts) == count:
                break
            text = json.loads(line).get("text")
            if not isinstance(text, str):
                raise SystemExit(f"{path}:{number}: text: expected a string")
            texts.append(text)
    if not texts:
        raise SystemExit(f"{path}: no texts")
    return texts


def measure(
    embedders: dict[str, Embedder], texts: list[str], *, turns: int, queries: int
) -> dict[str, dict[str, float]]:
    """Per embedder: texts per second, median query time, least cosine to torch."""
    seconds: dict[str, list[float]] = {name: [] for name in embedders}
    rows = {}
    for embedder in embedders.values():
        embedder.embed_passages(texts[:32])
    for _ in range(turns):
        for name, embedder in embedders.items():
            started = time.perf_counter()
            rows[name] = embedder.embed_passages(texts)
            seconds[name].append(time.perf_counter() - started)
    figures = {}
    for name, embedder in embedders.items():
        cosines = np.sum(rows[name] * rows["torch f32"], axis=1)
        figures[name] = {
            "texts_per_s": round(len(texts) / min(seconds[name]), 1),
            "speedup": round(min(seconds["torch f32"]) / min(seconds[name]), 2),
            "cosine_min": round(float(cosines.min()), 6),
            "cosine_mean": round(float(cosines.mean()), 6),
            "query_ms_median": round(
                1000 * statistics.median(query_times(embedder, queries)), 2
            ),
        }
    return figures


def query_times(embedder: Embedder, count: int) -> Iterator[float]:
    for number in range(count):
        started = time.perf_counter()
        embedder.embed_query(QUERY.format(number))
        yield time.perf_counter() - started


@contextmanager
def cache_folder(chosen: Path | None) -> Iterator[Path]:
    if chosen is not None:
        yield chosen
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=Path, help="JSONL, objects with 'text'")
    parser.add_argument("--count", type=int, default=256, help="texts to embed")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--model", default="packaged")
    parser.add_argument("--cache-dir", type=Path, help="where conversions are kept")
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args(None if arguments is None else list(arguments))
    texts = (
        read_texts(options.texts, options.count)
        if options.texts
        else generated(options.count)
    )
    with cache_folder(options.cache_dir) as cache_dir:
        source = find_model(options.model, cache_dir=cache_dir)
        model = converted(source, cache_dir)
        embedders: dict[str, Embedder] = {
            "torch f32": TorchEmbedder(source, device="cpu"),
            "openvino f32": OpenVinoEmbedder(source, model, precision="f32"),
            "openvino bf16": OpenVinoEmbedder(source, model, precision="bf16"),
        }
        figures = measure(
            embedders, texts, turns=options.turns, queries=options.queries
        )
    able = openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    report = {
        "model": source.model_id,
        "texts": len(texts),
        "machine": platform.machine(),
        "bf16_in_hardware": "BF16" in able,
        "backends": figures,
    }
    if options.as_json:
        print(json.dumps(report))
        return
    print(f"{source.model_id}, {len(texts)} texts, bf16 in hardware: {'BF16' in able}")
    for name, values in figures.items():
        print(
            f"{name:14} {values['texts_per_s']:8.1f} texts/s  x{values['speedup']:<5}"
            f"  query {values['query_ms_median']:6.2f} ms"
            f"  cosine min {values['cosine_min']:.6f} mean {values['cosine_mean']:.6f}"
        )


if __name__ == "__main__":
    main()
