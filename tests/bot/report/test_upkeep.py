"""What answers lead to and should not, and how the sources are."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.report.model import BadLink, Resource, Topic, Upkeep
from bot.report.records import Period
from bot.report.upkeep import Visible, source_health, upkeep
from kb.links import LinkRules
from kb.store import Fetch, SetAside, SourceState, Store
from kb.store.upkeep import OfSource
from kb.types import Document, DocumentId, Kind
from tests.kb.linked import FORUM, STAFF_ROOM, docs, link, put, thread
from tests.kb.stored import NOON

DAY = timedelta(days=1)
UNTIL = NOON + 100 * DAY
PERIOD = Period(UNTIL - 7 * DAY, UNTIL)
SITE = "https://docs.example"
RULES = LinkRules(
    sites=(SITE,),
    forums=(FORUM,),
    hosts=(("old.example", "docs.example"),),
    fold=(
        (r"(?<=/)(?:v?\d+(?:\.\d+)*|latest)(?=/)", "any"),
        (r"(?<=/watch)\?.*", ""),
    ),
)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "baraza.db") as opened:
        with opened.transaction():
            opened.links.use(RULES)
        yield opened


def ask(
    store: Store,
    number: int,
    *hrefs: str,
    views: int = 0,
    visibility: str = "public",
) -> None:
    """A thread in which helpers link: a post for each."""
    texts = ("A question.", *("See there." for _ in hrefs))
    made = thread(number, *texts, visibility=visibility)
    links = [link(made, n, href) for n, href in enumerate(hrefs, start=2)]
    put(store, replace(made, views=views), *links)


def die(store: Store, *ids: DocumentId) -> None:
    for each in ids:
        target = store.targets.get(each)
        assert target is not None
        with store.transaction():
            problem = "404, it is not there"
            store.targets.mark(each, target.url, problem=problem, at=NOON + DAY)


def edition(key: str, version: str, *, shared: str = "*/maps") -> Document:
    return replace(docs(key, "Maps."), version=version, page=shared)


def settle(store: Store, preferred: str | None = None) -> None:
    with store.transaction():
        store.editions.settle("docs", preferred)


def links(store: Store, visible_to: Visible = frozenset({"public"})) -> list[BadLink]:
    return list(upkeep(store, PERIOD, visible_to=visible_to).links)


def told(found: Sequence[BadLink]) -> list[tuple[str, str, str]]:
    return [
        (each.problem, each.url, "" if each.instead is None else each.instead.url)
        for each in found
    ]


# -- dead ----------------------------------------------------------------------------


def test_a_dead_page_is_told_with_the_posts_that_lead_there(kept: Store) -> None:
    ask(kept, 1, f"{SITE}/maps", f"{SITE}/maps#zoom", views=5)
    ask(kept, 2, "http://www.docs.example/maps/", views=9)
    ask(kept, 3, f"{SITE}/fine")
    dead, _fine = put(kept, docs("maps", "Maps.")), put(kept, docs("fine", "Fine."))
    die(kept, dead)

    topics = [
        Topic(
            "forum",
            str(number),
            f"Topic {number}",
            f"{FORUM}/t/{number}/2",
            NOON + number * DAY,
            language="en",
        )
        # The most read first.
        for number in (2, 1)
    ]
    assert links(kept) == [
        BadLink(
            "dead",
            "Maps",
            f"{SITE}/maps",
            "404, it is not there, since 2026-03-02",
            3,
            None,
            tuple(topics),
        )
    ]


def test_what_dies_later_is_alive_as_of_a_moment(kept: Store) -> None:
    ask(kept, 1, f"{SITE}/maps")
    die(kept, put(kept, docs("maps", "Maps.")))

    assert upkeep(kept, Period(NOON, NOON + 2 * DAY)).links
    assert upkeep(kept, Period(NOON, NOON + DAY)).links == ()


def test_what_another_source_holds_alive_is_not_dead(kept: Store) -> None:
    ask(kept, 1, f"{SITE}/maps")
    dead = put(kept, docs("maps", "Maps."))
    put(kept, replace(docs("maps", "Maps."), source="mirror"))
    die(kept, dead)

    assert links(kept) == []


def test_for_a_dead_version_the_living_one_is_named(kept: Store) -> None:
    ask(kept, 1, f"{SITE}/2.40/maps")
    old = put(kept, edition("2.40/maps", "2.40"))
    new = put(kept, edition("2.42/maps", "2.42"))
    settle(kept)
    die(kept, old)

    assert told(links(kept)) == [("dead", f"{SITE}/2.40/maps", f"{SITE}/2.42/maps")]
    die(kept, new)
    assert told(links(kept)) == [("dead", f"{SITE}/2.40/maps", "")]


@pytest.mark.parametrize(("hours", "is_told"), [(23, False), (24, True)])
def test_what_its_site_does_not_give_out_is_dead_once_that_is_certain(
    kept: Store, hours: int, is_told: bool
) -> None:
    ask(kept, 1, f"{SITE}/lost/", f"{SITE}/never-heard-of")
    missing = Fetch(
        f"{SITE}/lost",
        NOON + timedelta(hours=hours),
        failures=2,
        failed_at=NOON,
    )
    with kept.transaction():
        kept.fetches.put("docs", [missing])

    # Of what is not held, and was not asked for, nothing is known.
    assert told(links(kept)) == [("dead", f"{SITE}/lost/", "")] * is_told


# -- moved ---------------------------------------------------------------------------


def test_an_address_that_leads_to_another_page_has_moved(kept: Store) -> None:
    ask(kept, 1, f"{SITE}/cartes", f"{SITE}/same", f"{SITE}/maps.md", f"{SITE}/maps/")
    put(kept, docs("maps", "Maps."))
    fetches = [
        Fetch(f"{SITE}/cartes", NOON, reason="leads to maps"),
        Fetch(f"{SITE}/same", NOON, reason="holds the same as maps"),
        # Its Markdown file, and the same without a slash, lead where they should.
        Fetch(f"{SITE}/maps.md", NOON, key="maps"),
        Fetch(f"{SITE}/maps/", NOON, key="maps"),
    ]
    with kept.transaction():
        kept.fetches.put("docs", fetches)

    [found] = links(kept)

    assert told([found]) == [("moved", f"{SITE}/cartes", f"{SITE}/maps")]
    assert found.instead == Resource(Kind.DOCS, "Maps", f"{SITE}/maps")
    assert found.detail == f"its address is {SITE}/maps now"


def test_a_page_that_is_read_at_another_address_has_moved(kept: Store) -> None:
    ask(kept, 1, f"{SITE}/cartes")
    moved = put(kept, replace(docs("cartes", "Maps."), url=f"{SITE}/maps"))
    with kept.transaction():
        kept.fetches.put("docs", [Fetch(f"{SITE}/cartes", NOON, key="cartes")])

    assert told(links(kept)) == [("moved", f"{SITE}/cartes", f"{SITE}/maps")]
    # Nobody is sent from one dead end to the next.
    die(kept, moved)
    assert links(kept) == []


def test_an_old_host_is_an_old_address(kept: Store) -> None:
    ask(kept, 1, "http://www.old.example/maps?x=1#zoom", "http://old.example/none")
    ask(kept, 2, f"{SITE}/maps?x=1")
    put(kept, replace(docs("maps", "Maps."), url=f"{SITE}/maps?x=1"))

    [found] = links(kept)

    assert told([found]) == [
        ("moved", "http://www.old.example/maps?x=1", f"{SITE}/maps?x=1")
    ]
    assert (found.links, found.detail) == (1, "its site has another name now")


# -- old versions --------------------------------------------------------------------


def test_a_page_of_an_older_version_is_told_with_the_current_one(kept: Store) -> None:
    ask(kept, 1, f"{SITE}/2.40/maps", f"{SITE}/2.42/maps", f"{SITE}/master/maps")
    for version in ("2.40", "2.42", "master"):
        put(kept, edition(f"{version}/maps", version))
    settle(kept)

    [found] = links(kept)

    assert told([found]) == [("old_version", f"{SITE}/2.40/maps", f"{SITE}/2.42/maps")]
    assert (found.links, found.detail) == (1, "a page of version 2.40; there is 2.42")


def test_a_version_that_is_newer_than_the_one_in_use_is_not_old(kept: Store) -> None:
    ask(kept, 1, f"{SITE}/2.42/maps", f"{SITE}/2.40/maps")
    for version in ("2.40", "2.41", "2.42"):
        put(kept, edition(f"{version}/maps", version))
    settle(kept, "2.41")

    assert told(links(kept)) == [
        ("old_version", f"{SITE}/2.40/maps", f"{SITE}/2.41/maps")
    ]


def test_a_page_that_newer_versions_have_no_more_has_no_other(kept: Store) -> None:
    ask(kept, 1, f"{SITE}/2.40/gone", f"{SITE}/2.39/gone")
    for version in ("2.39", "2.40"):
        put(kept, edition(f"{version}/gone", version, shared="*/gone"))
    put(kept, edition("2.42/maps", "2.42"))
    settle(kept)

    found = links(kept)

    assert told(found) == [
        ("old_version", f"{SITE}/2.39/gone", ""),
        ("old_version", f"{SITE}/2.40/gone", ""),
    ]
    assert found[0].detail == (
        "a page of version 2.39; newer versions have no such page any more"
    )


@pytest.mark.parametrize(
    ("linked", "held", "is_old"),
    [
        ("2.40/maps", "2.42/maps", True),
        ("2.40/maps/", "latest/maps", True),
        ("v4.11/maps", "v5.1/maps", True),
        ("2.44/maps", "2.42/maps", False),
        ("latest/maps", "2.42/maps", False),
        ("40/maps", "2.42/maps", False),
        ("2.42/maps/", "2.42/maps", False),
        ("2.42/maps/index.html", "2.42/maps", False),
    ],
)
def test_of_a_version_that_is_not_held_its_address_tells_whether_it_is_old(
    kept: Store, linked: str, held: str, is_old: bool
) -> None:
    ask(kept, 1, f"{SITE}/{linked}")
    put(kept, docs(held, "Maps."))

    assert (
        told(links(kept))
        == [("old_version", f"{SITE}/{linked}", f"{SITE}/{held}")] * is_old
    )


def test_numbers_in_the_address_of_a_video_are_no_version(kept: Store) -> None:
    ask(kept, 1, "https://v.example/2/watch?v=b1", "https://v.example/1/watch?v=b2")
    video = replace(docs("x", "Video."), kind=Kind.VIDEO)
    put(kept, replace(video, url="https://v.example/2/watch?v=b2"))

    assert links(kept) == []


# -- who may know, and in which order ------------------------------------------------


def test_nothing_private_is_told_to_the_public(kept: Store) -> None:
    ask(kept, 1, f"{SITE}/maps", visibility=STAFF_ROOM)
    ask(kept, 2, f"{SITE}/plans")
    dead = put(kept, docs("maps", "Maps."))
    secret = put(kept, replace(docs("plans", "Plans."), visibility=STAFF_ROOM))
    die(kept, dead, secret)

    assert links(kept) == []
    both = [("dead", f"{SITE}/maps", ""), ("dead", f"{SITE}/plans", "")]
    assert told(links(kept, {"public", STAFF_ROOM})) == both
    assert told(links(kept, None)) == both


def test_what_most_posts_lead_to_comes_first_then_what_is_read_most(
    kept: Store,
) -> None:
    ask(kept, 1, f"{SITE}/rare", views=1)
    ask(kept, 2, f"{SITE}/often", f"{SITE}/often", f"{SITE}/alike", views=2)
    ask(kept, 3, f"{SITE}/read", views=900)
    for number in range(4, 12):
        ask(kept, number, f"{SITE}/everywhere", views=number % 3)
    names = ("rare", "often", "read", "alike", "everywhere")
    die(kept, *(put(kept, docs(name, "x")) for name in names))

    found = links(kept)

    assert [each.title for each in found] == [
        *("Everywhere", "Often", "Read", "Alike", "Rare")
    ]
    # One post of each thread, and a few threads.
    assert [topic.key for topic in found[0].topics] == ["5", "8", "11", "4", "7"]
    assert [topic.key for topic in found[1].topics] == ["2"]
    assert [each.links for each in found] == [8, 2, 1, 1, 1]
    few = upkeep(kept, PERIOD, limit=2).links
    assert few == tuple(found[:2])


def test_the_order_in_which_things_were_stored_changes_nothing(tmp_path: Path) -> None:
    found: list[Upkeep] = []
    for turn in range(3):
        order = list(range(1, 9))
        random.Random(turn).shuffle(order)
        with Store.open(tmp_path / f"{turn}.db") as store:
            dead = [put(store, docs(f"p{n % 3}", "x")) for n in order]
            die(store, *sorted(set(dead)))
            for number in order:
                ask(store, number, f"{SITE}/p{number % 3}", f"{SITE}/p{number % 2}")
            found.append(replace(upkeep(store, PERIOD), sources=()))

    titles = [each.title for each in found[0].links]
    assert titles == ["P1", "P0", "P2"]
    assert all(
        [(b.title, b.links, b.detail) for b in each.links]
        == [(b.title, b.links, b.detail) for b in found[0].links]
        for each in found
    )


def test_an_empty_store_has_nothing_to_mend(kept: Store) -> None:
    assert upkeep(kept, PERIOD) == Upkeep((), ())


def test_hostile_titles_and_addresses_stay_what_they_are(kept: Store) -> None:
    evil = '"><script>alert(1)</script>\u202e|'
    ask(kept, 1, f"{SITE}/a%22%3E%3Cscript%3E?x=%7C")
    page = docs("x", "x")
    url = f"{SITE}/a%22%3E%3Cscript%3E?x=%7C"
    die(kept, put(kept, replace(page, url=url, title=evil)))

    [found] = links(kept)

    assert (found.title, found.problem, found.links) == (evil, "dead", 1)


# -- sources -------------------------------------------------------------------------


def state(**changes: object) -> SourceState:
    values = {
        "name": "docs",
        "cursor": None,
        "walk": 2,
        "complete_walk": 2,
        "started_at": NOON,
        "finished_at": UNTIL - 2 * DAY,
        "last_error": None,
    }
    return SourceState(**(values | changes))  # type: ignore[arg-type]


def aside(key: str, first: timedelta) -> SetAside:
    at = UNTIL + first
    return SetAside("docs", key, "why", 1, at, at)


def test_a_source_says_how_old_it_is_and_what_is_wrong_with_it() -> None:
    found = source_health(
        state(last_error="docs.example:\n503 \u202e"),
        OfSource(7, 7),
        [aside("a", -DAY), aside("b", DAY)],
        dead=3,
        until=UNTIL,
    )

    assert (found.name, found.documents, found.dead, found.set_aside) == (
        "docs",
        7,
        3,
        1,
    )
    assert (found.age_hours, found.refreshed_at) == (48.0, UNTIL - 2 * DAY)
    assert found.error == "docs.example: 503"


@pytest.mark.parametrize(
    ("finished", "age"), [(None, None), (UNTIL, 0.0), (UNTIL + DAY, 0.0)]
)
def test_a_source_that_was_never_read_has_no_age_and_none_is_below_zero(
    finished: object, age: float | None
) -> None:
    known = state(finished_at=finished)
    found = source_health(known, OfSource(0, 0), [], dead=0, until=UNTIL)

    assert found.age_hours == age


def test_the_error_of_a_source_that_is_not_for_everybody_is_not_told() -> None:
    failed = state(last_error="https://forum.example/t/secret-plan: 500")

    def error(shown: int) -> str:
        held = OfSource(2, shown)
        return source_health(failed, held, [], dead=0, until=UNTIL).error

    assert "secret-plan" in error(2)
    assert error(1) == "its last refresh failed; the log says why"


def test_sources_are_read_from_the_store(kept: Store) -> None:
    with kept.transaction():
        for name in ("docs", "forum"):
            kept.progress.begin(name, at=NOON)
        kept.progress.finish("docs", at=UNTIL - DAY)
        kept.progress.fail("forum", "it rests")
        kept.progress.set_aside("forum", "7", "broken", at=NOON)
    die(kept, put(kept, docs("maps", "Maps.")))
    put(kept, docs("fine", "Fine."))
    put(kept, replace(docs("plans", "x"), source="vault", visibility=STAFF_ROOM))

    docs_, forum = upkeep(kept, PERIOD).sources

    assert (docs_.name, docs_.documents, docs_.dead) == ("docs", 2, 1)
    assert (docs_.age_hours, docs_.error, docs_.set_aside) == (24.0, "", 0)
    assert (forum.name, forum.documents, forum.dead) == ("forum", 0, 0)
    # Of a source that holds nothing nobody knows for whom it is.
    told = "its last refresh failed; the log says why"
    assert (forum.age_hours, forum.error, forum.set_aside) == (None, told, 1)
    # Whoever may see nothing of a source does not hear of it.
    everything = upkeep(kept, PERIOD, visible_to=None).sources
    assert [(each.name, each.error) for each in everything] == [
        ("docs", ""),
        ("forum", "it rests"),
        ("vault", ""),
    ]
