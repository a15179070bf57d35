"""Real documentation, courses and videos over HTTP: who names a version gets it.

Skipped where the collected data is absent; see `benchmarks/collected.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.collected import library, transcripts
from bot.app import App
from bot.config import parse_config
from bot.sandbox import Community, Library, Sandbox
from kb.types import Kind
from tests.conftest import shared_path

# Pages that all versions have, and with them those that only some have.
NAMES = ("tracker", "tracker-deprecated", "sharing")
VERSIONS = ("2.40", "2.41", "2.42", "2.43")
ENROL = "How do I enrol a tracked entity through the API"


def some_of(whole: Library) -> Library:
    """Few enough pages to be read in seconds, each in all its versions."""
    pages = {
        path: page
        for path, page in whole.pages.items()
        if "/using-the-api/" in path and path.rpartition("/")[2] in NAMES
    }
    return Library(pages=pages, courses=whole.courses[:1], playlists=whole.playlists)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    data = shared_path("dhis2")
    folder = tmp_path_factory.mktemp("resources")
    (folder / "spoken").mkdir()
    for video, text in transcripts(data).items():
        (folder / "spoken" / f"{video}.txt").write_text(text, "utf-8")
    shown = some_of(library(data))
    with (
        Sandbox(Community.empty(), library=shown) as box,
        pytest.MonkeyPatch.context() as e,
    ):
        e.setenv("BARAZA_TEST_KEY", "a-key")
        at_once = {"requests_per_second": 1000, "language": "en"}
        core = r"/dhis-core-version-(?P<version>2(?P<minor>\d\d))/"
        sources = {
            "docs": {
                "type": "website",
                "url": box.docs_url,
                "rules": [
                    {"pattern": core, "version": r"2.\g<minor>"},
                    {"pattern": "/dhis-core-version-(?P<version>master)/"},
                ],
                **at_once,
            },
            "academy": {"type": "courses", "url": box.academy_url, **at_once},
            "videos": {
                "type": "videos",
                "url": box.videos_url,
                "api_url": box.videos_url,
                "api_key_env": "BARAZA_TEST_KEY",
                "playlists": [playlist.id for playlist in shown.playlists],
                "transcripts": "spoken",
                **at_once,
            },
        }
        config = {
            "community": {"name": "Example", "contact": "ops@example.org"},
            "sources": sources,
            "embedding": {"model": "hashing"},
        }
        installed = App(parse_config(config, folder=folder))
        for name in installed.sources.names():
            report = installed.harvest(name)
            assert report.complete
            assert report.set_aside == 0
        installed.index()
        yield installed


def pages(app: App, query: str) -> dict[str, str | None]:
    """The versions of the documentation pages found, by the pages' names."""
    hits = app.ask(query, limit=10, kinds=[Kind.DOCS])
    return {Path(hit.document.url).stem: hit.document.version for hit in hits}


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("asked", ["{} in {}?", "{}? We run {}.1", "{}, DHIS2 v{}"])
def test_who_names_a_version_is_led_to_its_pages(
    app: App, version: str, asked: str
) -> None:
    spelled = version.removeprefix("2.") if "v{}" in asked else version

    found = pages(app, asked.format(ENROL, spelled))

    assert found["tracker"] == found["sharing"] == version
    # A page that left is still there for those whose version had it.
    had = version in ("2.40", "2.41")
    assert found["tracker-deprecated"] == (version if had else "2.41")


@pytest.mark.slow
@pytest.mark.parametrize("rest", ["", " in 2.12", " on port 8.080", " v4"])
def test_anybody_else_is_led_to_the_current_version(app: App, rest: str) -> None:
    found = pages(app, ENROL + rest)

    assert found["tracker"] == found["sharing"] == "2.43"


@pytest.mark.slow
def test_each_page_is_searched_in_one_version(app: App) -> None:
    with app.open_store(readonly=True) as store:
        stored = sum(row["documents"] for row in store.documents.counts())
        ids = [document_id for document_id, _ in store.evidence.titles()]
        searched = store.documents.summaries(ids)

    in_versions = [each.url for each in searched.values() if each.page]
    # Two in five versions (with master), one in two: three of twelve are searched.
    assert stored - len(ids) == 9
    assert len(in_versions) == len(set(in_versions)) == len(NAMES)


@pytest.mark.slow
def test_a_unit_and_a_video_have_addresses_of_their_own(app: App) -> None:
    (course, *_) = app.ask("pivot tables and maps", limit=1, kinds=[Kind.COURSE])
    (video, *_) = app.ask("data warehouse history", limit=1, kinds=[Kind.VIDEO])

    assert "/jump_to_id/" in course.url
    assert " › " in course.passage.heading
    assert "/watch?v=" in video.url
