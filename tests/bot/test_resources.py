"""Documentation, courses and videos beside the forum: all of it over HTTP, end to end.

The sample community's sites run in the sandbox; an installation harvests, indexes and
searches them as an operator's would.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.app import App
from bot.config import parse_config
from bot.explaining import explain
from bot.sandbox import Community, Library, Sandbox
from kb.types import Kind, SearchHit
from tests.bot.conftest import FakeClock

KEY = "BARAZA_TEST_YOUTUBE_KEY"
BACKUP = "2.41/en/manage/backup"
NEWS = """# Backup and restore { #backup-and-restore }

About copies.

## Scheduling a backup { #scheduling-a-backup }

A penguin carries the dump across the ice.
"""


@pytest.fixture
def library() -> Library:
    return Library.sample()


@pytest.fixture
def site(library: Library) -> Iterator[Sandbox]:
    with Sandbox(Community.empty(), library=library) as box:
        yield box


@pytest.fixture
def app(
    tmp_path: Path,
    site: Sandbox,
    library: Library,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> App:
    monkeypatch.setenv(KEY, "a-key")
    at_once: dict[str, Any] = {"requests_per_second": 1000}
    rule = {"pattern": r"/(?P<version>\d[^/]*)/(?P<language>[a-z]{2})/"}
    sources = {
        "docs": {"type": "website", "url": site.docs_url, "rules": [rule], **at_once},
        "courses": {"type": "courses", "url": site.academy_url, **at_once},
        "videos": {
            "type": "videos",
            "url": site.videos_url,
            "api_url": site.videos_url,
            "api_key_env": KEY,
            "playlists": [playlist.id for playlist in library.playlists],
            **at_once,
        },
    }
    data = {
        "community": {
            "name": "Example",
            "contact": "ops@example.org",
            "languages": ["en", "fr", "es", "pt"],
        },
        "sources": sources,
        "embedding": {"model": "hashing"},
    }
    return App(parse_config(data, folder=tmp_path), clock=clock)


def harvest(app: App) -> dict[str, tuple[int, int, int, int]]:
    """New, updated, unchanged and deleted documents by source."""
    reports = {name: app.harvest(name) for name in app.sources.names()}
    assert all(report.complete for report in reports.values())
    return {
        name: (r.inserted, r.updated, r.unchanged, r.deleted)
        for name, r in reports.items()
    }


def first(app: App, query: str, *kinds: Kind) -> SearchHit:
    return app.ask(query, limit=5, kinds=kinds)[0]


def below(site_url: str, hit: SearchHit) -> str:
    assert hit.url.startswith(site_url)
    return hit.url[len(site_url) :]


def test_all_kinds_of_sources_are_harvested_and_found(app: App, site: Sandbox) -> None:
    assert harvest(app) == {
        "docs": (60, 0, 0, 0),
        "courses": (12, 0, 0, 0),
        "videos": (15, 0, 0, 0),
    }
    app.index()

    page = first(app, "scheduling a backup every night", Kind.DOCS)
    assert below(site.docs_url, page) == f"/{BACKUP}.html#scheduling-a-backup"
    assert (page.document.version, page.document.language) == ("2.41", "en")

    course = first(app, "administration de serveur, sauvegarder avec pg_dump")
    assert course.document.kind is Kind.COURSE
    assert course.document.language == "fr"
    assert course.document.details.pacing == "self"
    assert below(site.academy_url, course).startswith(
        "/courses/course-v1:Baobab+SRV101"
    )

    video = first(app, "who may transfer a pupil to another school", Kind.VIDEO)
    assert below(site.videos_url, video) == "/watch?v=sEm1sTrfB02&t=40"
    assert video.passage.heading == "Who may transfer"
    assert video.document.details.duration_s == 438
    assert video.document.details.lists == ("SEMIS user training",)


def test_a_second_refresh_asks_only_what_changed_and_embeds_nothing(
    app: App, site: Sandbox, clock: FakeClock
) -> None:
    harvest(app)
    app.index()
    site.recorded.clear()
    clock.forward(hours=1)

    again = harvest(app)
    built = app.index()

    assert again == {
        "docs": (0, 0, 60, 0),
        "courses": (0, 0, 12, 0),
        "videos": (0, 0, 15, 0),
    }
    plain = [
        request.target
        for request in site.recorded
        if {"if-none-match", "if-modified-since"}.isdisjoint(request.headers)
    ]
    # robots.txt is asked for once a day, by itself.
    assert [target for target in plain if target != "/robots.txt"] == []
    assert (built.embedded, built.added, built.removed) == (0, 0, 0)


def test_a_new_process_asks_only_what_changed_too(
    app: App, site: Sandbox, clock: FakeClock
) -> None:
    harvest(app)
    site.recorded.clear()
    clock.forward(hours=1)

    again = harvest(App(app.config, clock=clock))

    assert {counts[2] for counts in again.values()} == {60, 12, 15}
    assert all(
        request.target == "/robots.txt"
        or not {"if-none-match", "if-modified-since"}.isdisjoint(request.headers)
        for request in site.recorded
    )


def test_a_changed_section_is_all_that_is_embedded_anew(
    app: App, site: Sandbox, library: Library, clock: FakeClock
) -> None:
    harvest(app)
    app.index()
    clock.forward(days=1)
    page = library.pages[BACKUP]
    changed = page.markdown.replace("## Restoring", "A penguin helps.\n\n## Restoring")
    assert changed != page.markdown
    library.put_page(BACKUP, changed, clock())

    assert harvest(app)["docs"] == (0, 1, 59, 0)
    built = app.index()

    assert (built.added, built.removed) == (1, 1)
    assert built.embedded == 1
    assert "penguin" in first(app, "a penguin helps", Kind.DOCS).passage.text


def test_a_page_that_is_taken_down_leaves_when_that_is_certain(
    app: App, library: Library, clock: FakeClock
) -> None:
    library.put_page(BACKUP, NEWS)
    library.put_page("2.40/en/manage/backup", NEWS)
    harvest(app)
    app.index()
    for path in (BACKUP, "2.40/en/manage/backup"):
        library.take_down(path)

    clock.forward(hours=1)
    assert harvest(app)["docs"] == (0, 0, 58, 0)
    app.index()
    assert "penguin" in first(app, "a penguin carries the dump").passage.text
    clock.forward(days=1)
    assert harvest(app)["docs"] == (0, 0, 58, 2)
    app.index()

    found = app.ask("a penguin carries the dump", limit=10)
    assert all("penguin" not in hit.passage.text for hit in found)


def test_a_new_version_is_searched_and_the_old_one_is_still_known(
    app: App, site: Sandbox, library: Library, clock: FakeClock
) -> None:
    harvest(app)
    app.index()
    clock.forward(days=1)
    page = library.pages[BACKUP]
    library.put_page(BACKUP.replace("2.41", "2.42"), page.markdown, clock())

    assert harvest(app)["docs"] == (1, 0, 60, 0)
    built = app.index()

    asked = "scheduling a backup every night"
    places = {
        question: below(site.docs_url, first(app, question, Kind.DOCS))
        for question in (asked, f"{asked} on 2.41.2", f"{asked}, we have v40")
    }
    assert {question: place.split("/")[1] for question, place in places.items()} == {
        asked: "2.42",
        f"{asked} on 2.41.2": "2.41",
        f"{asked}, we have v40": "2.40",
    }
    assert {place.partition("#")[2] for place in places.values()} == {
        "scheduling-a-backup"
    }
    # The same text is known under its hash.
    assert built.embedded == 0
    assert built.added == built.removed > 0


def test_what_is_explained_is_the_version_that_is_named(
    app: App, site: Sandbox
) -> None:
    harvest(app)
    app.index()

    explained = explain(
        app, "scheduling a backup every night on 2.40", kinds=[Kind.DOCS]
    )

    [docs] = explained.kinds
    best = docs.suggestions[0]
    assert best.url.startswith(f"{site.docs_url}/2.40/en/manage/backup.html")
    assert "of its kind fit better" not in best.why


def test_a_video_made_private_leaves_at_once(
    app: App, library: Library, clock: FakeClock
) -> None:
    harvest(app)
    app.index()
    library.change_video("sEm1sTrfB02", privacy="private")
    clock.forward(minutes=5)

    assert harvest(app)["videos"] == (0, 0, 14, 1)
    app.index()

    found = app.ask("who may transfer a pupil", limit=10, kinds=[Kind.VIDEO])
    assert "sEm1sTrfB02" not in {hit.document.key for hit in found}


def test_a_site_that_fails_loses_nothing(
    app: App, site: Sandbox, clock: FakeClock
) -> None:
    harvest(app)
    app.index()
    site.faults.fail_next(10_000, status=500)
    clock.forward(days=1)

    for name in app.sources.names():
        with pytest.raises(Exception, match="500"):
            app.harvest(name)
    site.faults.clear()

    assert {counts[2] for counts in harvest(app).values()} == {60, 12, 15}
