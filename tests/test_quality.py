"""The sample community with the packaged model: the demo, and a floor under quality.

The demo is the one of the README. For quality, the sample forum and its documentation
are harvested over a real socket, indexed, and asked the labelled questions of
``new_questions.yaml``. Both embed nearly the same passages, so the second takes the
first one's converted model and embedding cache, which are half a minute of computing.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import pytest
import yaml

from bot.app import App
from bot.config import load_config, parse_config
from bot.demo import run_demo
from bot.policy import PolicySettings, choose, judge_links, needed
from bot.ranking import thresholds_for
from bot.report.brief import brief
from bot.report.making import make, wanted
from bot.sandbox import Sandbox, write_docs
from bot.sandbox.load import SAMPLE
from kb.metrics import mrr_at_k, recall_at_k
from kb.model import RankingModel, shipped_model
from kb.search import Searcher
from kb.thresholds import Thresholds
from kb.types import Kind, SearchHit
from tests.bot.test_cli import imported
from tests.conftest import CHECKOUT

# Whichever test comes first waits for the demo.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def only(name: str) -> RankingModel:
    """The shipped model with one signal left."""
    model = shipped_model()
    return replace(
        model,
        kinds={
            kind: replace(each, weights={name: 1.0})
            for kind, each in model.kinds.items()
        },
    )


@dataclass(frozen=True, slots=True)
class Golden:
    """A question with what a good helper would link; nothing, if nothing helps."""

    title: str
    text: str
    relevant: frozenset[str]
    language: str


def golden_questions(part: str = "golden") -> list[Golden]:
    data = yaml.safe_load((SAMPLE / "new_questions.yaml").read_text(encoding="utf-8"))
    return [
        Golden(q["title"], q["raw"], frozenset(map(str, q["relevant"])), q["language"])
        for q in data[part]
    ]


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that was run in an empty folder, and what it said."""

    folder: Path
    told: str
    as_expected: bool


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder, said = tmp_path_factory.mktemp("sample") / "demo", list[str]()
    as_expected = run_demo(folder, say=said.append, port=0)
    return Demo(folder, "\n".join(said), as_expected)


@pytest.fixture(scope="module")
def app(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> App:
    """An installation that knows the sample community."""
    folder = tmp_path_factory.mktemp("quality")
    with Sandbox() as box:
        write_docs(folder / "docs", box.docs_url)
        config = parse_config(
            {
                "community": {
                    "name": "Sample",
                    "contact": "https://example.org",
                    "languages": ["en", "fr", "es", "pt"],
                },
                "sources": {
                    "forum": {
                        "type": "forum",
                        "url": box.url,
                        "requests_per_second": 1000.0,
                        "ignore_authors": ["baraza", "system"],
                    },
                    "docs": {
                        "type": "markdown",
                        "path": "docs",
                        "base_url": box.docs_url,
                        "rules": [
                            {"pattern": r"^(?P<version>[\d.]+)/(?P<language>[a-z]{2})/"}
                        ],
                    },
                },
            },
            folder=folder,
        )
        app = App(config)
        app.harvest("forum")
        app.harvest("docs")
    known = App(load_config(demo.folder / "config.yaml"))
    shutil.copytree(known.models_folder, app.models_folder)
    shutil.copyfile(known.cache_path, app.cache_path)
    app.index()
    return app


@pytest.fixture(scope="module")
def results(app: App) -> Mapping[str, list[tuple[Golden, tuple[SearchHit, ...]]]]:
    """What each way of ranking returns for each question."""
    ways = {
        "dense": only("cosine_passage"),
        "lexical": only("bm25_passage"),
        "shipped": shipped_model(),
    }
    with app.open_store(readonly=True) as store:
        index = app.open_index(store)
        try:
            return {
                way: [
                    (
                        golden,
                        Searcher(store, index, app.embedder, model).search(
                            golden.text, title=golden.title, limit=10
                        ),
                    )
                    for golden in golden_questions()
                ]
                for way, model in ways.items()
            }
        finally:
            index.close()


@pytest.fixture(scope="module")
def across(app: App) -> Mapping[str, list[tuple[Golden, tuple[SearchHit, ...]]]]:
    """What is found for questions whose answer is in another language, with the bridge
    and without; and for the golden ones with it, as an installation has it."""
    bridge = app.bridge_on_disk.current()
    assert bridge is not None
    with app.open_store(readonly=True) as store:
        index = app.open_index(store)
        try:
            return {
                way: [
                    (
                        golden,
                        Searcher(store, index, app.embedder, bridge=some).search(
                            golden.text, title=golden.title, limit=10
                        ),
                    )
                    for golden in golden_questions(part)
                ]
                for way, part, some in (
                    ("bridge", "across", bridge),
                    ("none", "across", None),
                    ("golden", "golden", bridge),
                )
            }
        finally:
            index.close()


def keys(hits: tuple[SearchHit, ...]) -> list[str]:
    """Topic ids, and pages without their version, as the labels name them."""
    return [
        hit.document.key.split("/", 1)[-1]
        if hit.document.kind is Kind.DOCS
        else hit.document.key
        for hit in hits
    ]


def figures(
    answered: list[tuple[Golden, tuple[SearchHit, ...]]],
) -> tuple[float, float]:
    """Mean recall@10 and MRR@10 over the questions that have an answer."""
    rows = [
        (keys(hits), golden.relevant) for golden, hits in answered if golden.relevant
    ]
    return (
        fmean(recall_at_k(ranking, relevant, 10) for ranking, relevant in rows),
        fmean(mrr_at_k(ranking, relevant, 10) for ranking, relevant in rows),
    )


# -- quality -----------------------------------------------------------------------


def test_the_golden_set_is_found(
    results: Mapping[str, list[tuple[Golden, tuple[SearchHit, ...]]]],
) -> None:
    """Recall and reciprocal rank stay above a floor; all three ways are reported."""
    by_way = {way: figures(answered) for way, answered in results.items()}
    for way, (recall, reciprocal_rank) in by_way.items():
        sys.stdout.write(f"{way:8} R@10 {recall:.3f}  MRR@10 {reciprocal_rank:.3f}\n")

    recall, reciprocal_rank = by_way["shipped"]
    assert recall >= 0.7
    assert reciprocal_rank >= 0.8


def test_confidence_tells_questions_with_an_answer_from_those_without(
    app: App,
    results: Mapping[str, list[tuple[Golden, tuple[SearchHit, ...]]]],
) -> None:
    """At the default threshold the bot is silent where nothing helps, and when it
    speaks its first link is one that does."""
    precision = app.config.bot.precision
    settings = PolicySettings(
        username="baraza",
        precision=precision,
        thresholds=thresholds_for(shipped_model(), precision),
    )
    spoken = []
    for golden, hits in results["shipped"]:
        chosen = choose(hits, settings)
        opens = [
            needed(hit.document.kind, settings).opens(hit.confidence) for hit in chosen
        ]
        if any(opens):
            spoken.append((golden, keys(chosen)))
    wrong = [
        golden.title for golden, found in spoken if found[0] not in golden.relevant
    ]
    possible = sum(1 for golden in golden_questions() if golden.relevant)
    sys.stdout.write(f"spoke {len(spoken)} of {possible}, wrong {wrong}\n")

    assert len(wrong) <= 2
    assert len(spoken) >= 0.5 * possible


# Of recall and reciprocal rank. Measured 1.00 and 1.00, of Portuguese 0.95 and 0.88;
# without the bridge 0.29 and 0.36 at best, since Spanish and Portuguese share words.
FLOORS_ACROSS = {
    "en": (0.8, 0.8),
    "fr": (0.8, 0.8),
    "es": (0.8, 0.8),
    "pt": (0.8, 0.75),
}


def test_what_is_written_in_another_language_is_found(
    across: Mapping[str, list[tuple[Golden, tuple[SearchHit, ...]]]],
) -> None:
    """Recall and reciprocal rank stay above a floor for whoever asks in each language;
    without the bridge there is next to nothing."""
    measured = {}
    for way in ("bridge", "none"):
        for language in FLOORS_ACROSS:
            some = [each for each in across[way] if each[0].language == language]
            assert len(some) >= 2
            found = measured[way, language] = figures(some)
            sys.stdout.write(
                f"{language} {way:6} R@10 {found[0]:.3f}  MRR@10 {found[1]:.3f}\n"
            )

    for language, (recall, reciprocal_rank) in FLOORS_ACROSS.items():
        assert measured["bridge", language][0] >= recall
        assert measured["bridge", language][1] >= reciprocal_rank
    assert figures(across["none"])[1] <= 0.4


def test_the_bridge_costs_little_where_the_answer_is_in_the_own_language(
    across: Mapping[str, list[tuple[Golden, tuple[SearchHit, ...]]]],
) -> None:
    """What more is found stands beside what was found before, and seldom before it."""
    recall, reciprocal_rank = figures(across["golden"])
    sys.stdout.write(
        f"golden, bridged R@10 {recall:.3f}  MRR@10 {reciprocal_rank:.3f}\n"
    )

    assert recall >= 0.7
    assert reciprocal_rank >= 0.8


OFF_TOPIC = (
    "How long must bread with yeast rest before it goes into the oven?",
    "My bicycle chain jumps on the smallest gear, which tool do I need?",
    "Who is going to win the football cup this year?",
    "Which phone should I buy for my son, and where is it cheapest?",
    "Quelle est la meilleure recette de soupe de poisson ?",
    "Por que minhas plantas de tomate ficam amarelas no inverno?",
    "¿Cuál es el mejor libro para aprender a tocar la guitarra?",
    "Thanks a lot everybody, and happy holidays to you all!",
)


def test_a_question_from_elsewhere_is_met_with_silence(app: App) -> None:
    """Something is always nearest. That is no reason to suggest it."""
    precision = app.config.bot.precision
    settings = PolicySettings(
        username="baraza", precision=precision, thresholds=Thresholds(precision)
    )
    with app.open_store(readonly=True) as store, app.searcher(store) as searcher:
        found = {text: searcher.search(text) for text in OFF_TOPIC}
    surest = {
        text: max((hit.confidence for hit in hits), default=0.0)
        for text, hits in found.items()
    }
    sys.stdout.write(f"surest off topic: {max(surest.values()):.3f}\n")

    spoken = [t for t, hits in found.items() if judge_links(hits, settings).speak]
    assert spoken == []
    assert max(surest.values()) < precision / 2


# -- the demo ----------------------------------------------------------------------


def readme_demo() -> str:
    """What the README says that the demo prints."""
    text = (CHECKOUT / "README.md").read_text("utf-8")
    return text.split("<!-- demo -->\n```text\n")[1].split("```\n<!-- /demo -->")[0]


def readme_report() -> str:
    """What the README says that the report of the sample community tells."""
    text = (CHECKOUT / "README.md").read_text("utf-8")
    return text.split("<!-- report -->\n```text\n")[1].split("```\n<!-- /report")[0]


def without_numbers(output: str, folder: Path) -> list[str]:
    """Its lines: ports, sizes, times and second decimals differ by machine."""
    # A long port leaves less room for an address at the end of an excerpt.
    whole = re.sub(r"\S+…", "…", output.replace(str(folder), "demo"))
    numberless = re.sub(r"\d[\d.,]*", "#", whole)
    return [" ".join(line.split()) for line in numberless.strip().splitlines()]


def test_the_demo_answers_two_questions_and_leaves_the_third(demo: Demo) -> None:
    assert demo.as_expected, demo.told
    assert "Harvested forum: " in demo.told
    assert demo.told.count("→ answer: ") == 2
    assert demo.told.count("→ silence: ") == 1
    assert "Ces pages répondent peut-être déjà" in demo.told
    assert (demo.folder / "data" / "baraza.db").is_file()
    assert without_numbers(demo.told, demo.folder) == without_numbers(
        readme_demo(), Path("demo")
    )
    # A cold question needs the model's runtime, and never PyTorch.
    config = str(demo.folder / "config.yaml")
    assert "torch" not in imported("ask", "nightly backup", "--config", config)


def test_the_report_of_the_sample_community_is_the_one_of_the_readme(
    demo: Demo,
) -> None:
    app = App(load_config(demo.folder / "config.yaml"))
    asked = wanted(app, since="2025-01-01", until="2025-03-31")

    told = brief(make(app, asked))

    assert without_numbers(told, demo.folder) == without_numbers(
        readme_report(), Path("demo")
    )
