"""A bridge of the community's own, end to end: translations are harvested, learned
from, and carry a question to what another language knows."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.app import App
from bot.bridging import bridge_is_due, learn_bridge
from bot.config import parse_config
from bot.sandbox import Community, Library, Sandbox
from bot.sandbox.load import SAMPLE
from kb.bridge import load_bridge
from tests.bot.conftest import FakeClock

QUESTION = "Comment fusionner deux unités d'organisation ?"
MERGING = "en/implement/organisation-units.html#merging-and-splitting"

Make = Callable[..., App]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The translations of the sample community, to be changed at will."""
    return Path(shutil.copytree(SAMPLE / "translations", tmp_path / "translations"))


@pytest.fixture
def make(tmp_path: Path, files: Path, clock: FakeClock) -> Iterator[Make]:
    """Installations over one data folder, which differ in the bridge they use."""
    rules = [{"pattern": r"/(?P<version>\d[^/]*)/(?P<language>[a-z]{2})/"}]
    with Sandbox(Community.empty(), library=Library.sample()) as box:
        docs = {"type": "website", "url": box.docs_url, "rules": rules}

        def installed(bridge: str) -> App:
            data = {
                "community": {
                    "name": "Sample",
                    "contact": "you@localhost",
                    "languages": ["en", "fr", "es", "pt"],
                },
                "sources": {
                    "docs": {**docs, "requests_per_second": 1000},
                    "terms": {"type": "terms", "path": str(files), "language": "en"},
                },
                "search": {"bridge": bridge},
                "embedding": {"model": "hashing"},
            }
            return App(parse_config(data, folder=tmp_path), clock=clock)

        yield installed


def harvest(app: App, *sources: str) -> None:
    for source in sources or app.sources.names():
        assert app.harvest(source).complete


def first(app: App, query: str = QUESTION) -> str:
    """Where the best page is, below its version."""
    best = app.ask(query, limit=1)[0]
    return best.url.split("/docs-site/")[1].partition("/")[2]


def means(app: App, word: str) -> str | None:
    """The likeliest sense of a French word in English, as it was learned."""
    table = load_bridge(app.bridge_path).table("fr", "en")
    assert table is not None
    senses = table.senses(word)
    return senses[0].text if senses else None


def test_a_question_crosses_over_what_the_community_translated_itself(
    make: Make,
) -> None:
    """From files in three formats, and from the pages that are translated."""
    app = make("own")
    harvest(app)
    app.index()
    before = first(app)

    report = learn_bridge(app)

    assert (report.terms["en-fr"], report.terms["en-pt"]) == (52, 51)
    assert report.pages == {
        "en-es": 3,
        "en-fr": 4,
        "en-pt": 3,
        "es-fr": 1,
        "es-pt": 1,
        "fr-pt": 2,
    }
    assert first(app) == MERGING
    assert before != MERGING
    assert first(make("off")) == before
    for question in (
        "¿Cómo fusionar dos unidades organizativas?",
        "Como unir duas unidades organizacionais?",
    ):
        assert first(app, question) == MERGING


def test_a_changed_file_of_translations_changes_the_bridge(
    make: Make, files: Path
) -> None:
    app = make("own")
    harvest(app)
    app.index()
    learn_bridge(app)
    assert (means(app, "fusionner"), means(app, "reunir")) == ("merge", None)
    french = files / "web" / "fr.po"
    text = french.read_text("utf-8")
    french.write_text(text.replace("Fusionner", "Réunir"), "utf-8")

    harvest(app, "terms")
    assert bridge_is_due(app)
    learn_bridge(app)

    assert not bridge_is_due(app)
    assert (means(app, "fusionner"), means(app, "reunir")) == (None, "merge")
    assert first(app, "Comment réunir deux unités d'organisation ?") == MERGING


def test_what_a_removed_file_told_is_forgotten(make: Make, files: Path) -> None:
    app = make("own")
    harvest(app)
    app.index()
    learn_bridge(app)
    before = app.bridge_path.read_bytes()
    assert first(app) == MERGING
    shutil.rmtree(files / "web")

    harvest(app, "terms")
    assert bridge_is_due(app)
    report = learn_bridge(app)

    assert report.terms["en-fr"] == 18
    assert app.bridge_path.read_bytes() != before
    assert means(app, "fusionner") is None
    assert first(app) != MERGING
