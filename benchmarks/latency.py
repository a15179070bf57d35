"""How long ranking one question takes with everything warm, and where the time goes.

    python benchmarks/latency.py [--passages 65000] [--questions 200] [--json]
        [--archive FILE --forum-url URL] [--docs FILE --docs-url URL]
        [--vectors FILE] [--folder FOLDER]

Builds an installation in a temporary folder, from an archive of topics and a file of
pages or from generated text that is linked as forums are, and asks its own opening
posts again, each as if its topic were new. The model is the real one for the
question; passages that are not in its cache get random vectors, which cost the
search the same. Beside the time on the clock stands the processors' time, which
other work on the machine hardly disturbs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import yaml
from ask import fill_cache
from linked_text import DOCS_URL, FORUM_URL, generated_archive, generated_docs

import kb.ranking
import kb.retrieve
import kb.search
from bot.app import App
from bot.config import load_config
from kb.corpus import Corpus
from kb.index import OpenIndex
from kb.lexical import TEXTS_FORMAT, TantivyTexts
from kb.question import Question
from kb.search import Searcher
from kb.store import Store
from kb.types import Kind

_BASE = Path(__file__).with_name("slicer.yaml")
# What people usually ask, in words.
SHORTEST, LONGEST = 60, 150
# Asked first, and not counted: caches of words, files and threads of libraries.
WARMING = 20
DOCS_PAGES = 170


def install(
    folder: Path,
    archive: Path,
    docs: Path,
    *,
    forum_url: str,
    docs_url: str,
    vectors: Path | None,
) -> App:
    """Harvest and index; what is in *folder* already is only brought up to date."""
    pages = folder / "pages"
    for line in _lines(docs):
        page = pages / f"{line['path']}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(line["markdown"], encoding="utf-8")
    settings = yaml.safe_load(_BASE.read_text(encoding="utf-8"))
    settings["data_dir"] = str(folder.resolve() / "data")
    settings["sources"] = {
        "history": {
            "type": "archive",
            "path": str(archive.resolve()),
            "forum_url": forum_url,
        },
        "docs": {
            "type": "markdown",
            "path": str(pages.resolve()),
            "base_url": docs_url,
        },
    }
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    app = App(load_config(config))
    app.texts = lambda: (TantivyTexts, TEXTS_FORMAT)
    for source in settings["sources"]:
        app.harvest(source)
    if vectors is not None and not app.cache_path.exists():
        shutil.copyfile(vectors, app.cache_path)
    fill_cache(app)
    app.index()
    return app


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    from indexer.sources.lines import read_lines

    return (json.loads(line.data) for line in read_lines(path, source=path.name))


def questions(store: Store, count: int) -> list[Question]:
    """Openings of usual length, evenly over time, each with its topic named."""
    found = []
    threads = [passage.document_id for passage in store.evidence.questions()]
    titles = dict(store.evidence.titles())
    for document_id in threads:
        passages = store.passages.of_document(document_id)
        body = "\n\n".join(passage.text for passage in passages if passage.opening)
        title = titles.get(document_id, "")
        if SHORTEST <= len(f"{title} {body}".split()) <= LONGEST:
            found.append(Question(title, body, document=document_id))
    assert len(found) >= count, f"only {len(found)} questions of usual length"
    return [found[place] for place in np.linspace(0, len(found) - 1, count, dtype=int)]


# -- which part takes how long ----------------------------------------------------


class Stages(threading.local):
    """Time by stage; what a stage calls of another one counts for that one alone.

    Each thread has its own stages, and adds to the seconds of all: searches by words
    run beside the others, and for whom they keep waiting it counts as its own time.
    """

    def __init__(self, seconds: Counter[str]) -> None:
        self.seconds = seconds
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self._turn()
        self._open.append(name)
        try:
            yield
        finally:
            self._turn()
            self._open.pop()

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def within(*args: Any, **kwargs: Any) -> Any:
            with self.stage(name):
                return function(*args, **kwargs)

        return within

    def _turn(self) -> None:
        now = time.perf_counter()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now


class Timed:
    """Anything, with its methods timed as one stage."""

    def __init__(self, inner: Any, stages: Stages, stage: str) -> None:
        self._inner, self._stages, self._stage = inner, stages, stage

    def __len__(self) -> int:
        return len(self._inner)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._stages.timed(self._stage, found) if callable(found) else found


@dataclass(frozen=True)
class TimedIndex:
    """An open index whose corpus is timed part by part."""

    index: OpenIndex[Any]
    stages: Stages

    def corpus(self, store: Store, *, visible_to: frozenset[str]) -> Corpus:
        timed = self.stages.timed
        corpus = self.index.corpus(store, visible_to=visible_to)

        def part(inner: Any, stage: str) -> Any:
            return Timed(inner, self.stages, stage)

        return replace(
            corpus,
            lexical=part(corpus.lexical, "words"),
            texts=part(corpus.texts, "documents by words"),
            vectors={k: part(v, "meaning") for k, v in corpus.vectors.items()},
            titles=part(corpus.titles, "meaning"),
            questions=part(corpus.questions, "meaning"),
            passage_facts=timed("facts", corpus.passage_facts),
            document_facts=timed("facts", corpus.document_facts),
            passages_of=timed("facts", corpus.passages_of),
        )


# Functions that are no part of a corpus: where they are called, and their stage.
_FUNCTIONS: tuple[tuple[ModuleType, str, str], ...] = (
    (kb.retrieve, "linked_from", "links"),
    (kb.retrieve, "linking_to", "links"),
    (kb.retrieve, "linked_beside", "links"),
    (kb.ranking, "rank", "ranking"),
    (kb.ranking, "fold_versions", "folding"),
    (kb.ranking, "fold_copies", "folding"),
    (kb.search, "retrieve", "signals"),
)


@contextmanager
def timed_functions(stages: Stages) -> Iterator[None]:
    before = [(home, name, getattr(home, name)) for home, name, _ in _FUNCTIONS]
    for home, name, stage in _FUNCTIONS:
        setattr(home, name, stages.timed(stage, getattr(home, name)))
    try:
        yield
    finally:
        for home, name, function in before:
            setattr(home, name, function)


# -- measuring -----------------------------------------------------------------------


def ask_all(searcher: Searcher, asked: list[Question]) -> dict[str, list[float]]:
    """Milliseconds on the clock and of the processors, per question."""
    for question in asked[:WARMING]:
        searcher.search(question)
    times: dict[str, list[float]] = {"clock": [], "processors": []}
    for question in asked:
        clock, processors = time.perf_counter(), time.process_time()
        searcher.search(question)
        times["clock"].append(1000 * (time.perf_counter() - clock))
        times["processors"].append(1000 * (time.process_time() - processors))
    return times


def breakdown(
    app: App, store: Store, index: OpenIndex[Any], asked: list[Question]
) -> dict[str, float]:
    """Median milliseconds of each stage; measuring adds a little to each call.

    They add up to more than the whole where stages run beside one another.
    """
    stages = Stages(Counter())
    searcher = Searcher(
        store,
        TimedIndex(index, stages),
        Timed(app.embedder, stages, "embedding"),
        depth=app.config.search.depth,
    )
    taken: defaultdict[str, list[float]] = defaultdict(list)
    with timed_functions(stages):
        for question in asked:
            stages.seconds.clear()
            with stages.stage("rest"):
                searcher.search(question)
            for name, seconds in stages.seconds.items():
                taken[name].append(1000 * seconds)
    return {name: round(statistics.median(ms), 2) for name, ms in taken.items()}


def measure(app: App, count: int) -> dict[str, Any]:
    with app.open_store(readonly=True) as store:
        index = app.open_index(store)
        try:
            asked = questions(store, count)
            times = ask_all(app.searcher_of(store, index), asked)
            stages = breakdown(app, store, index, asked)
            found = index.corpus(store)
            links = sum(len(found.graph.out_of(i)) for i in titled(store))
            return {
                "passages": store.passages.count(),
                "documents": len(index.titles),
                "threads": len(index.questions),
                "kinds": sorted(kind.value for kind in index.vectors),
                "links": links,
                "questions": len(asked),
                "clock_ms": spread(times["clock"]),
                "processors_ms": spread(times["processors"]),
                "stages_ms": stages,
            }
        finally:
            index.close()


def titled(store: Store) -> Iterator[Any]:
    return (document_id for document_id, _ in store.evidence.titles())


def spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 1),
        "p90": round(float(np.percentile(values, 90)), 1),
        "max": round(max(values), 1),
    }


def show(figures: Mapping[str, Any]) -> Iterator[str]:
    for name in ("passages", "documents", "threads", "links", "questions"):
        yield f"{name:20} {figures[name]}"
    for name in ("clock_ms", "processors_ms"):
        told = ", ".join(f"{key} {value}" for key, value in figures[name].items())
        yield f"{name:20} {told}"
    for stage, ms in figures["stages_ms"].items():
        yield f"  {stage:18} {ms}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--passages", type=int, default=65_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--archive", type=Path, help="topics as JSON Lines")
    parser.add_argument("--forum-url", default=FORUM_URL, help="where the topics are")
    parser.add_argument("--docs", type=Path, help="pages as JSON Lines")
    parser.add_argument("--docs-url", default=DOCS_URL, help="where the pages are")
    parser.add_argument("--vectors", type=Path, help="an embedding cache to begin with")
    parser.add_argument("--folder", type=Path, help="keep the installation here")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        archive = options.archive or folder / "topics.jsonl"
        docs = options.docs or folder / "docs.jsonl"
        if options.docs is None and not docs.exists():
            generated_docs(docs, DOCS_PAGES)
        if options.archive is None and not archive.exists():
            generated_archive(archive, options.passages, DOCS_PAGES)
        app = install(
            folder,
            archive,
            docs,
            forum_url=options.forum_url,
            docs_url=options.docs_url,
            vectors=options.vectors,
        )
        figures = measure(app, options.questions)
    assert {Kind.THREAD.value, Kind.DOCS.value} <= set(figures["kinds"])
    print(json.dumps(figures) if options.json else "\n".join(show(figures)))


if __name__ == "__main__":
    main()
