"""Courses of a catalogue: as its site tells of them, and gone only when it is sure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.sandbox import Community, Library, Sandbox
from bot.sandbox.outline import unit_id
from indexer.catalogue import outline_units
from indexer.fields import Fields
from indexer.http import Transport
from indexer.reader import Reader
from indexer.site_json import SiteJson
from indexer.sources.course_site import Academy
from kb.errors import ForumProtocolError, ForumUnavailableError, KBError, SourceError
from kb.store import Store
from kb.types import Details, Kind
from tests.indexer.forum_world import Hands
from tests.indexer.learning_world import STARTS, Reading, course
from tests.indexer.loopback import Loopback, as_json
from tests.indexer.samples import content

API = "/academy/api/courses/v1/courses/"
BLOCKS = "/academy/api/courses/v2/blocks/"
ONE = "course-v1:Org+C1+2026"
TWO = "course-v1:Org+C2+2026"
ENDS = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    library = Library(courses=[course(1, public=True), course(2)])
    with Sandbox(Community.empty(), library=library) as running:
        yield running


@pytest.fixture
def academy(box: Sandbox, store: Store, clock: Hands) -> Reading:
    return Reading(box, store, clock)


def test_a_first_refresh_reads_what_the_catalogue_and_public_outlines_tell(
    academy: Reading, box: Sandbox
) -> None:
    box.library.change_course(ONE, end=ENDS, enrollment_start=STARTS)
    report = academy.courses(language="en")

    assert (report.inserted, report.complete) == (2, True)
    assert report.skipped == {"outline for learners only, the course itself is read": 1}
    found = academy.document("academy", ONE)
    assert (found.kind, found.url, found.title, found.language, found.expires_at) == (
        Kind.COURSE,
        f"{box.academy_url}/courses/{ONE}",
        "Course 1",
        "en",
        ENDS,
    )
    assert found.details == Details(
        effort="2 hours",
        pacing="self",
        starts_at=STARTS,
        ends_at=ENDS,
        enrolment_starts_at=STARTS,
    )
    layers, legends = (unit_id(course(1), name) for name in ("Layers", "Legends"))
    one, two = academy.links("academy", ONE), academy.links("academy", TWO)
    units = [
        (
            f"/jump_to_id/{layers}",
            "Maps › Section 1 › Layers",
            "Add a thematic layer.",
        ),
        (f"/jump_to_id/{legends}", "Maps › Section 1 › Legends", "Legends"),
    ]
    assert one[-2:] == units
    assert one[:-2] == two
    assert {anchor for anchor, _, _ in two} == {"/about"}
    assert two[0][2].startswith("What & why.")


def test_every_address_of_a_passage_answers(academy: Reading, box: Sandbox) -> None:
    academy.courses()
    url = academy.document("academy", ONE).url
    anchors = {anchor for anchor, _, _ in academy.links("academy", ONE)}

    answers = {a: httpx.get(url + a, trust_env=False).status_code for a in anchors}

    assert len(answers) == 3
    assert set(answers.values()) == {200}
    lost = httpx.get(f"{url}/jump_to_id/none", trust_env=False)
    assert lost.status_code == 404


def test_a_second_refresh_asks_only_for_what_changed_and_changes_nothing(
    academy: Reading, store: Store, clock: Hands
) -> None:
    first = academy.asked(academy.courses)
    before = [academy.passages("academy", key) for key in (ONE, TWO)]
    generation = store.generation

    clock.now += timedelta(hours=23)
    second = academy.asked(academy.courses)
    clock.now += timedelta(hours=1)
    third = academy.asked(academy.courses)

    assert len(second) == 4
    assert all(conditional for _, conditional in second)
    # What is not public has no mark to ask by: it is asked for once a day.
    assert [target for target, _ in third] == [target for target, _ in first]
    plain = [target for target, conditional in third if not conditional]
    assert [target.partition("?")[0] for target in plain] == [BLOCKS]
    assert [academy.passages("academy", key) for key in (ONE, TWO)] == before
    assert store.generation == generation


def test_an_outline_that_is_opened_is_found_within_a_day(
    academy: Reading, box: Sandbox, clock: Hands
) -> None:
    academy.courses()
    box.library.change_course(TWO, public=True)
    clock.now += timedelta(days=1)

    academy.courses()

    assert len({anchor for anchor, _, _ in academy.links("academy", TWO)}) == 3


def test_a_course_whose_address_answered_was_seen_alive(
    academy: Reading, box: Sandbox, clock: Hands
) -> None:
    academy.courses()
    first = clock.now
    box.faults.fail_next(2, f"{API}{TWO}", status=500)
    clock.now += timedelta(days=1)
    academy.courses()

    assert academy.verified("academy") == {ONE: clock.now, TWO: first}


def test_rules_for_crawlers_may_keep_the_outlines(
    box: Sandbox, store: Store, clock: Hands
) -> None:
    box.faults.fail_next(
        1,
        "/robots.txt",
        status=200,
        headers={"Content-Type": "text/plain"},
        body="User-agent: *\nDisallow: /academy/api/courses/v2/blocks\n",
    )
    academy = Reading(box, store, clock, polite=True)
    report = academy.courses()

    assert report.inserted == 2
    assert report.skipped == {"outline for learners only, the course itself is read": 2}


def test_a_long_catalogue_is_read_page_by_page(academy: Reading, box: Sandbox) -> None:
    box.library.courses = [course(number) for number in range(230)]
    asked = academy.asked(academy.courses)

    assert len(academy.keys("academy")) == 230
    pages = [target for target, _ in asked if "page_size" in target]
    assert pages == [f"{API}?page_size=100&page={number}" for number in (1, 2, 3)]


def test_a_site_behind_a_proxy_may_know_itself_by_another_scheme(
    academy: Reading, box: Sandbox
) -> None:
    def proxied(answer: Any) -> Any:
        if following := answer["pagination"]["next"]:
            answer["pagination"]["next"] = following.replace("http:", "https:")
        return answer

    box.library.courses = [course(number) for number in range(130)]
    box.faults.alter(proxied, f"{API}?")
    academy.courses()

    assert len(academy.keys("academy")) == 130


@pytest.mark.parametrize(
    ("following", "words"),
    [
        ("https://evil.example/api/courses/v1/courses/?page=2", "another site, evil"),
        ("/api/courses/v1/courses/?page=1", "the pages lead in a circle"),
        ("/api/courses/v1/courses/?page=x", "expected a page"),
        ("http://[", "expected an address"),
        (7, "expected str"),
    ],
)
def test_pages_that_lead_astray_end_the_walk_and_nothing_leaves(
    academy: Reading, box: Sandbox, following: object, words: str
) -> None:
    academy.courses()

    def astray(answer: Any) -> Any:
        answer["results"] = answer["results"][:1]
        answer["pagination"]["next"] = following
        return answer

    box.library.change_course(ONE, effort="3 hours")
    box.faults.alter(astray, f"{API}?")
    with pytest.raises(SourceError, match=words):
        academy.courses()
    box.faults.clear()

    assert set(academy.keys("academy")) == {ONE, TWO}
    academy.courses()
    assert academy.document("academy", ONE).details.effort == "3 hours"


def test_a_catalogue_without_end_is_an_error(clock: Hands) -> None:
    pages = [
        as_json({"results": [], "pagination": {"next": f"/?page={number}"}})
        for number in range(2, 600)
    ]
    with Loopback() as site, Transport(site.url, requests_per_second=None) as transport:
        site.on("/api/courses/v1/courses/", *pages)
        reader = Reader(transport, lambda url: None, clock=clock)
        academy = Academy("academy", site.url, SiteJson(reader))

        with pytest.raises(SourceError, match="more than 500 pages"):
            list(academy.pages())
        assert len(site.requests) == 500


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ({"status": 401}, SourceError, r"set sources\.academy\.catalogue to false"),
        ({"status": 403}, SourceError, r"set sources\.academy\.catalogue to false"),
        ({"status": 404}, SourceError, r"set sources\.academy\.catalogue to false"),
        ({"status": 500}, ForumUnavailableError, "500"),
        ({"status": 429, "headers": {"Retry-After": "7"}}, KBError, "rate limited"),
        ({"status": 200, "body": "<html>Hi</html>"}, ForumProtocolError, "no.* JSON"),
        ({"status": 200, "body": "[]"}, ForumProtocolError, "but no object"),
        ({"status": 200, "body": "{}"}, SourceError, "results: expected list"),
        ({"malformed": True}, ForumProtocolError, "is not JSON"),
        ({"drop": True}, ForumUnavailableError, "disconnected"),
    ],
)
def test_a_catalogue_that_fails_loses_nothing_and_is_asked_again(
    academy: Reading,
    box: Sandbox,
    fault: dict[str, Any],
    error: type[KBError],
    words: str,
) -> None:
    academy.courses()
    before = content(academy.store, "academy")

    # Another answer, or there would be none to spoil.
    box.library.courses = [course(1, public=True, effort="9"), course(2), course(3)]
    box.faults.fail_next(4, f"{API}?", **fault)
    with pytest.raises(error, match=words):
        academy.courses()
    held = content(academy.store, "academy")
    box.faults.clear()
    report = academy.courses()

    assert held == before
    assert (report.inserted, report.updated, report.unchanged) == (1, 1, 1)


def test_an_answer_that_was_cut_short_once_is_asked_for_once_more(
    academy: Reading, box: Sandbox
) -> None:
    box.faults.fail_next(1, f"{API}?", malformed=True)

    assert academy.courses().inserted == 2


def test_one_course_that_fails_is_set_aside_and_the_others_are_read(
    academy: Reading, box: Sandbox
) -> None:
    box.faults.fail_next(2, f"{API}{ONE}", status=500)
    first = academy.courses()
    aside = academy.aside("academy")
    second = academy.courses()

    assert (first.inserted, first.set_aside, list(aside)) == (1, 1, [ONE])
    assert (second.inserted, academy.aside("academy")) == (1, {})


def test_a_site_that_fails_for_one_after_the_other_is_down(
    academy: Reading, box: Sandbox
) -> None:
    box.library.courses = [course(number) for number in range(9)]
    box.faults.fail_next(99, f"{API}course", status=502)
    with pytest.raises(ForumUnavailableError, match="502"):
        academy.courses()

    assert len([each for each in box.requests if f"{API}course" in each]) == 6


def test_a_site_that_fails_now_and_then_is_read_to_its_end(
    academy: Reading, box: Sandbox
) -> None:
    box.library.courses = [course(number) for number in range(7)]
    for number in (0, 1, 3, 4, 6):
        failing = f"{API}course-v1:Org+C{number}+2026"
        box.faults.fail_next(2, failing, status=500)
    report = academy.courses()

    assert (report.inserted, report.set_aside, report.complete) == (2, 5, True)


def test_what_is_asked_no_more_is_forgotten(academy: Reading, store: Store) -> None:
    academy.courses()
    before = [fetch.url for fetch in store.fetches.all("academy")]
    academy.courses(exclude=frozenset({TWO}))
    academy.courses(exclude=frozenset({TWO}))

    after = [fetch.url for fetch in store.fetches.all("academy")]
    assert [url for url in before if url not in after] == [
        url for url in before if "C2" in url
    ]


def test_a_course_that_left_the_catalogue_leaves_when_that_is_certain(
    academy: Reading, box: Sandbox, clock: Hands
) -> None:
    academy.courses()
    box.library.remove_course(TWO)
    deleted = []
    for hours in (0, 23, 2):
        clock.now += timedelta(hours=hours)
        deleted.append(academy.courses().deleted)
        if hours == 23:
            reason = academy.aside("academy")[TWO]

    assert deleted == [0, 0, 1]
    assert reason.startswith("left the catalogue, but its own address answers 404")
    assert academy.keys("academy") == [ONE]
    assert academy.aside("academy") == {}


def test_a_course_that_is_only_not_listed_stays(
    academy: Reading, box: Sandbox, clock: Hands
) -> None:
    academy.courses()
    box.library.change_course(TWO, listed=False)
    for _ in range(3):
        clock.now += timedelta(days=2)
        academy.courses()

    assert set(academy.keys("academy")) == {ONE, TWO}
    assert list(academy.aside("academy")) == [TWO]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"hidden": True}, "hidden from the catalogue"),
        ({"invitation_only": True}, "by invitation only"),
        ({"hidden": True, "listed": False}, "hidden from the catalogue"),
    ],
)
def test_a_course_that_is_not_for_everybody_leaves_at_once(
    academy: Reading, box: Sandbox, changes: dict[str, bool], reason: str
) -> None:
    academy.courses()
    box.library.change_course(ONE, **changes)
    report = academy.courses()

    assert (report.deleted, report.skipped[reason]) == (1, 1)
    assert academy.keys("academy") == [TWO]


def test_a_course_that_the_config_excludes_leaves(academy: Reading) -> None:
    academy.courses()
    report = academy.courses(exclude=frozenset({ONE}))

    assert (report.deleted, report.skipped["excluded"]) == (1, 1)
    assert academy.keys("academy") == [TWO]


def test_an_outline_that_is_closed_takes_its_units_along(
    academy: Reading, box: Sandbox
) -> None:
    academy.courses()
    kept = academy.passages("academy", ONE)[0]
    box.library.change_course(ONE, public=False)
    academy.courses()

    assert {anchor for anchor, _, _ in academy.links("academy", ONE)} == {"/about"}
    assert academy.passages("academy", ONE)[0].id == kept.id


def test_an_edited_unit_changes_its_own_passage_alone(
    academy: Reading, box: Sandbox
) -> None:
    academy.courses()
    before = academy.passages("academy", ONE)
    box.library.change_course(ONE, texts={"Layers": "<p>Other words.</p>"})
    report = academy.courses()
    after = academy.passages("academy", ONE)

    assert (report.updated, report.unchanged) == (1, 1)
    assert [b.id == a.id for b, a in zip(before, after, strict=True)].count(False) == 1
    assert "Other words." in [each.text for each in after]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_older_release_has_the_first_version_of_the_outline(
    academy: Reading, box: Sandbox, status: int
) -> None:
    box.faults.fail_next(2, BLOCKS, status=status)
    academy.courses()

    anchors = {anchor for anchor, _, _ in academy.links("academy", ONE)}
    # A refusal is no sign of another version.
    assert len(anchors) == (3 if status == 404 else 1)


def test_an_outline_that_leads_to_a_login_is_not_public(
    academy: Reading, box: Sandbox
) -> None:
    login = {"Location": "/academy/login?next=/"}
    box.faults.fail_next(2, BLOCKS, status=302, headers=login)
    box.faults.fail_next(2, "/academy/login", status=200, body="<html>Log in</html>")
    report = academy.courses()

    assert (report.inserted, report.set_aside) == (2, 0)
    assert report.skipped == {"outline for learners only, the course itself is read": 2}
    assert len(academy.links("academy", ONE)) == len(academy.links("academy", TWO))


@pytest.mark.parametrize(
    "blocks",
    [
        {"root": "a"},
        {"root": "a", "blocks": []},
        {"blocks": {}},
        {"root": "a", "blocks": {"a": {"type": 7}}},
    ],
)
def test_a_broken_outline_leaves_the_course_as_it_was(
    academy: Reading, box: Sandbox, blocks: dict[str, Any]
) -> None:
    academy.courses()
    before = academy.links("academy", ONE)
    # Another answer, or there would be none to spoil.
    box.library.change_course(ONE, texts={"Layers": "New."})
    box.faults.alter(lambda _: blocks, BLOCKS)
    report = academy.courses()

    assert (report.set_aside, list(academy.aside("academy"))) == (1, [ONE])
    assert academy.links("academy", ONE) == before


def test_an_outline_that_leads_in_a_circle_ends(academy: Reading, box: Sandbox) -> None:
    def circle(answer: Any) -> Any:
        for block in answer["blocks"].values():
            block["children"] = [answer["root"], "none", 7, *[*answer["blocks"]] * 2]
        return answer

    box.faults.alter(circle, BLOCKS)
    report = academy.courses()

    assert (report.inserted, report.set_aside) == (2, 0)
    # Each unit once, and each block: the second unit has none of its own.
    anchors = [part.anchor for part in academy.document("academy", ONE).parts]
    assert len(anchors) == len(set(anchors)) == 2


def test_a_block_that_is_named_often_is_read_once() -> None:
    blocks: dict[str, Any] = {
        kind: {"type": kind, "children": [child] * 100}
        for kind, child in [
            ("course", "chapter"),
            ("chapter", "sequential"),
            ("sequential", "vertical"),
            ("vertical", "html"),
        ]
    }
    blocks["html"] = {"type": "html", "student_view_data": {"html": "<p>Maps.</p>"}}
    outline = Fields({"root": "course", "blocks": blocks}, "u")

    assert [unit.html for unit in outline_units(outline)] == ["<p>Maps.</p>"]


def test_broken_courses_of_a_list_are_set_aside_by_name(
    academy: Reading, box: Sandbox
) -> None:
    def spoil(answer: Any) -> Any:
        answer["results"] = [
            {"name": "x"},
            7,
            {"id": "a b"},
            answer["results"][0] | {"hidden": "no"},
            answer["results"][1],
        ]
        return answer

    box.faults.alter(spoil, f"{API}?")
    academy.courses()
    listed = f"{box.academy_url}/api/courses/v1/courses/?page_size=100&page=1"

    assert academy.keys("academy") == [TWO]
    expected = {ONE, *(f"{listed}#{index}" for index in range(3))}
    assert set(academy.aside("academy")) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"start": "2030-01-01T00:00:00Z"}, Details(effort="2 hours", pacing="self")),
        (
            {"start": "2031-05-05T00:00:00Z", "effort": "", "pacing": None},
            Details(starts_at=datetime(2031, 5, 5, tzinfo=UTC)),
        ),
        (
            {"start": None, "level": " Advanced ", "effort": "1\n2"},
            Details(effort="1 2", pacing="self", level="Advanced"),
        ),
    ],
)
def test_a_course_is_shown_with_what_is_known_of_it(
    academy: Reading, box: Sandbox, told: dict[str, Any], expected: Details
) -> None:
    box.faults.alter(lambda answer: answer | told, f"{API}course")
    academy.courses()

    assert academy.document("academy", ONE).details == expected


@pytest.mark.parametrize(
    ("language", "told", "expected"),
    [
        (None, {}, None),
        (None, {"language": "es-419"}, "es"),
        (None, {"language": "English"}, None),
        ("fr", {"language": "es"}, "fr"),
    ],
)
def test_the_language_is_the_sources_else_the_catalogues(
    academy: Reading,
    box: Sandbox,
    language: str | None,
    told: dict[str, str],
    expected: str | None,
) -> None:
    box.faults.alter(lambda answer: answer | told, f"{API}course")
    academy.courses(language=language)

    assert academy.document("academy", ONE).language == expected


def test_nobody_is_led_to_a_course_that_takes_nobody(
    academy: Reading, box: Sandbox
) -> None:
    closes = ENDS - timedelta(days=30)
    box.library.change_course(ONE, end=ENDS, enrollment_end=closes)
    box.library.change_course(TWO, end=ENDS, enrollment_end=ENDS + timedelta(days=1))
    academy.courses()

    found = [academy.document("academy", key).expires_at for key in (ONE, TWO)]
    assert found == [closes, ENDS]


def test_who_may_read_follows_the_config(academy: Reading) -> None:
    academy.courses()
    academy.courses(visibility="source:academy")

    found = [academy.document("academy", key).visibility for key in (ONE, TWO)]
    assert found == ["source:academy"] * 2
