"""Questions in one language, answered by pages in another.

    python benchmarks/languages.py --queries FILE --docs FILE --terms FILE
        [--first-words N] [--json] [--data FOLDER]

QUERIES, one object a line: ``{"query", "lang", "urls": [the pages that it is about]}``.
DOCS: ``{"url", "markdown"}``; TERMS: ``{"lang", "en", "text"}``, short texts of an
interface with their translations. Each may be packed (.gz).

The pages are harvested and indexed as any documentation is; of those in several
versions one is searched, and a page counts as found in whatever version. Near copies
are not folded here: a question's label names one of them. What each row says:

* raw: the question as it was asked; by words (BM25 of the best passage), by vectors
  (cosine of the best passage), and by the whole ranking.
* terms: carried over a bridge that was learned from TERMS alone.
* first run: that bridge over the one that comes with Baraza. This is what is asked when
  a community has just been set up.

Then, for each language of TERMS that DOCS are not in, a test of its own, made of what a
bridge has not seen: a fifth of the English texts (chosen by a hash) is held out in all
languages, a bridge is learned from the others alone, and the translation of a held out
text of three words or more is the question. It asks for the pages that have the English
text in so many words, if these are three at most.

The first run embeds all pages, which takes minutes; FOLDER (data/languages) keeps them
for the next.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit

import click
import yaml

from bot.app import App
from bot.config import load_config
from indexer.terms.wording import words_of
from kb.asked import Asked
from kb.bridge import Bridge, shipped_bridge
from kb.bridge.learning import learn_bridge
from kb.bridge.rendering import renderings
from kb.corpus import Corpus
from kb.embed import Embedder
from kb.question import Question
from kb.search import Searcher
from kb.store import Store
from kb.tongues import primary
from kb.types import DocumentId, Kind, PassageId

K = 5
# Passages that are looked at for the first pages by one signal alone.
_DEPTH = 200
_HELD_OUT = 5
_LEAST_WORDS = 3
_MOST_PAGES = 3
_MOST_QUESTIONS = 300
# Where DHIS2's documentation has its versions.
_VERSION = re.compile(
    r"/(?:dhis-core|app|android-app)-version-(?:\d+|master)(?=/)|^/?\d\.\d+(?=/)"
)
_RULES = [
    {"pattern": "^(?P<language>[a-z]{2})/"},
    {
        "pattern": r"/dhis-core-version-(?P<version>2(?P<minor>\d\d))/",
        "version": r"2.\g<minor>",
    },
    {"pattern": "/dhis-core-version-(?P<version>master)/"},
    {"pattern": r"/(?:android-)?app-version-(?P<version>\d+|master)/"},
]

Ranker = Callable[[Question], Sequence[str]]
"""The pages for a question, best first, without their versions."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A question, and the pages that answer it, without their versions."""

    question: Question
    pages: frozenset[str]


@dataclass(frozen=True, slots=True)
class Score:
    """How a ranking did.

    Attributes:
        first: Share of the questions whose first page is right (P@1).
        among: Share with a right one among the first five (R@5).
    """

    name: str
    questions: int
    first: float
    among: float


def page_of(url: str) -> str:
    """An address without its version.

    >>> page_of("https://docs.dhis2.org/en/use/dhis-core-version-243/maps.html")
    '/en/use/maps.html'
    """
    return _VERSION.sub("", urlsplit(url).path)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    opener: Callable[..., TextIO] = gzip.open if path.suffix == ".gz" else open  # type: ignore[assignment]
    with opener(path, "rt", encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())


# -- the installation ----------------------------------------------------------


def install(folder: Path, docs: Path) -> App:
    """The pages, harvested and indexed; what is there already is used again."""
    pages = folder / "docs"
    host = ""
    for row in rows(docs):
        address = urlsplit(row["url"])
        host = f"{address.scheme}://{address.netloc}"
        # An address comes from a file: it must not lead out of the folder.
        parts = [p for p in address.path.split("/") if p not in ("", ".", "..")]
        path = pages.joinpath(*parts).with_suffix(".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(row["markdown"], "utf-8")
    config = folder / "config.yaml"
    values = {
        "community": {"name": "Benchmark", "contact": "you@localhost"},
        "data_dir": "data",
        "sources": {
            "docs": {
                "type": "markdown",
                "path": "docs",
                "base_url": host,
                "url_suffix": ".html",
                "rules": _RULES,
            }
        },
    }
    config.write_text(yaml.safe_dump(values, sort_keys=False), "utf-8")
    app = App(load_config(config))
    tell("reading pages")
    with app.single_instance("benchmark"):
        app.harvest("docs")
        with bar("embedding") as look:
            app.index(progress=look)
    return app


@contextmanager
def bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Progress for people, on stderr; nothing where nobody looks."""
    with click.progressbar(
        length=1, label=title, file=sys.stderr, show_pos=True
    ) as shown:

        def look(done: int, todo: int) -> None:
            shown.length = max(todo, 1)
            shown.pos = min(done, todo)
            shown.render_progress()

        yield look


def tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


# -- rankings --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rankers:
    """Ways to rank the pages of one installation.

    Attributes:
        urls: Of all documents that are searched.
    """

    store: Store
    corpus: Corpus
    embedder: Embedder
    searcher: Callable[[Bridge | None], Searcher]
    urls: Mapping[DocumentId, str]

    def words(self, bridge: Bridge) -> Ranker:
        def rank(question: Question) -> Sequence[str]:
            hits = self.corpus.lexical.search(
                question.body,
                _DEPTH,
                kinds=frozenset({Kind.DOCS}),
                renderings=renderings(question, bridge, self.corpus.languages),
            )
            return self._pages(hit.document_id for hit in hits)

        return rank

    def vectors(self, bridge: Bridge) -> Ranker:
        def rank(question: Question) -> Sequence[str]:
            carried = renderings(question, bridge, self.corpus.languages)
            asked = Asked.of(question, self.embedder, carried)
            # All pages are in one language: the vector for that is the last.
            _, ids = self.corpus.vectors[Kind.DOCS].search(asked.vectors[-1:], _DEPTH)
            facts = self.corpus.passage_facts([PassageId(int(i)) for i in ids[0]])
            return self._pages(
                facts[PassageId(int(i))].document_id for i in ids[0] if i in facts
            )

        return rank

    def whole(self, bridge: Bridge) -> Ranker:
        searcher = self.searcher(bridge)

        def rank(question: Question) -> Sequence[str]:
            explained = searcher.explain(question, limit=1)
            (ranking,) = (r for r in explained.rankings if r.kind is Kind.DOCS)
            return self._pages(r.candidate.document_id for r in ranking.ranked)

        return rank

    def _pages(self, ids: Iterable[DocumentId]) -> Sequence[str]:
        return list(dict.fromkeys(page_of(self.urls[i]) for i in ids))


def score(name: str, rank: Ranker, asked: Sequence[Asking]) -> Score:
    first = among = 0
    with bar(name) as look:
        for done, asking in enumerate(asked, start=1):
            best = rank(asking.question)[:K]
            first += bool(best) and best[0] in asking.pages
            among += any(page in asking.pages for page in best)
            look(done, len(asked))
    count = max(len(asked), 1)
    return Score(name, len(asked), round(first / count, 3), round(among / count, 3))


# -- questions -------------------------------------------------------------------


def questions(path: Path, first_words: int | None) -> list[Asking]:
    found = []
    for row in rows(path):
        text = row["query"]
        if first_words is not None:
            text = " ".join(text.split()[:first_words])
        question = Question("", text, language=primary(row["lang"]))
        found.append(Asking(question, frozenset(map(page_of, row["urls"]))))
    return found


Terms = Mapping[tuple[str, str], Sequence[tuple[str, str]]]
"""By ``("en", language)``: English texts with their translations."""


def terms_of(path: Path) -> Terms:
    found: defaultdict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for row in rows(path):
        pair = words_of(row["en"]), words_of(row["text"])
        found["en", primary(row["lang"])].add(pair)
    return {languages: sorted(texts) for languages, texts in found.items()}


def is_held_out(english: str) -> bool:
    # By what it says, in whatever case: the same text is held out everywhere.
    return zlib.crc32(" ".join(english.casefold().split()).encode()) % _HELD_OUT == 0


def held_out(
    terms: Terms, language: str, texts: Mapping[str, str], first_words: int | None
) -> list[Asking]:
    """Translations that no bridge has seen, with the pages that have their English.

    Args:
        texts: By page all that it says, in lower case and with single spaces.
    """
    found: dict[str, Asking] = {}
    for english, translation in terms["en", language]:
        sought = " ".join(english.casefold().split())
        words = translation.split()
        if not is_held_out(english) or len(sought.split()) < _LEAST_WORDS:
            continue
        if len(words) < _LEAST_WORDS or translation.casefold() == english.casefold():
            continue
        whole = re.compile(rf"(?<!\w){re.escape(sought)}(?!\w)")
        pages = frozenset(
            page
            for page, text in texts.items()
            if sought in text and whole.search(text)
        )
        if 1 <= len(pages) <= _MOST_PAGES:
            asked = " ".join(words[:first_words])
            found[asked] = Asking(Question("", asked, language=language), pages)
    # The same of them in each run, from the whole of the alphabet.
    order = sorted(found, key=lambda text: zlib.crc32(text.encode()))
    return [found[text] for text in order[:_MOST_QUESTIONS]]


def texts_by_page(store: Store, urls: Mapping[DocumentId, str]) -> dict[str, str]:
    return {
        page_of(url): " ".join(
            " ".join(p.text for p in store.passages.of_document(i)).casefold().split()
        )
        for i, url in urls.items()
    }


# -- all of it -------------------------------------------------------------------


def measure(args: argparse.Namespace) -> dict[str, list[Score]]:
    app = install(args.data, args.docs)
    terms = terms_of(args.terms)
    tell("learning the bridge")
    learned = learn_bridge(terms)
    asked = questions(args.queries, args.first_words)
    with app.open_store(readonly=True) as store:
        index = app.open_index(store)
        try:
            rankers = _rankers(app, store, index)
            nothing, whole = Bridge(), learned.over(shipped_bridge())
            own = [
                score(f"{name}: {way}", make(bridge), asked)
                for name, bridge in (
                    ("raw", nothing),
                    ("terms", learned),
                    ("first run", whole),
                )
                for way, make in (
                    ("words", rankers.words),
                    ("vectors", rankers.vectors),
                    ("whole ranking", rankers.whole),
                )
            ]
            return {"queries": own, **_unseen(rankers, terms, args.first_words)}
        finally:
            index.close()


def _unseen(
    rankers: Rankers, terms: Terms, first_words: int | None
) -> dict[str, list[Score]]:
    seen = learn_bridge(
        {
            languages: [pair for pair in texts if not is_held_out(pair[0])]
            for languages, texts in terms.items()
        }
    )
    texts = texts_by_page(rankers.store, rankers.urls)
    spoken = rankers.corpus.languages
    found = {}
    for _, language in sorted(terms):
        if language in spoken:
            continue
        asked = held_out(terms, language, texts, first_words)
        found[f"held out: {language}"] = [
            score(f"{language} {name}", rankers.whole(bridge), asked)
            for name, bridge in (("raw", Bridge()), ("terms", seen))
        ]
    return found


def _rankers(app: App, store: Store, index: Any) -> Rankers:
    corpus = index.corpus(store)
    embedder = app.models.of(index.directory, index.stamp)
    summaries = store.documents.summaries(sorted(store.evidence.document_facts(None)))
    return Rankers(
        store=store,
        corpus=corpus,
        embedder=embedder,
        searcher=lambda bridge: Searcher(
            store, index, embedder, app.ranking_model(), bridge=bridge
        ),
        urls={i: summary.url for i, summary in summaries.items() if summary.current},
    )


def report(found: Mapping[str, Sequence[Score]], seconds: float) -> Iterator[str]:
    for title, scores in found.items():
        yield f"{title} ({scores[0].questions} questions)"
        yield f"  {'':24}   P@1    R@{K}"
        for each in scores:
            yield f"  {each.name:24} {each.first:5.3f}  {each.among:5.3f}"
    yield f"{seconds:.0f} s"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("queries", "docs", "terms"):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--first-words", type=int, metavar="N", help="ask the first N words only"
    )
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument(
        "--data", type=Path, default=Path("data/languages"), metavar="FOLDER"
    )
    args = parser.parse_args()
    began = time.monotonic()
    found = measure(args)
    seconds = time.monotonic() - began
    if args.json:
        as_rows = {
            title: [asdict(s) for s in scores] for title, scores in found.items()
        }
        print(json.dumps({**as_rows, "seconds": round(seconds)}))
    else:
        print("\n".join(report(found, seconds)))


if __name__ == "__main__":
    main()
