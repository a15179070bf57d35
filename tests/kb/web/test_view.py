"""What the page shows of an answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.api.answers import SearchAnswer
from kb.api.backend import ANYBODY
from kb.api.reading import hit_answer, search_answer
from kb.instant.records import InstantHit, Why
from kb.types import Details, Kind
from kb.web.asked import Asked
from kb.web.hits import HitView, hit_view
from kb.web.marked import EXCERPT_CHARS, excerpt, pieces
from kb.web.view import FoundView, ask_link, found_view, holdings
from tests.kb.api.stand import Stand, a_hit
from tests.kb.web.looking import ASK_URL, NOW, SHOWN


def shown(number: int, language: str = "en", **changes: object) -> HitView:
    hit = replace(hit_answer(InstantHit(SHOWN[number])), **changes)  # type: ignore[arg-type]
    return hit_view(hit, language=language, now=NOW)


def answered(asked: Asked, stand: Stand | None = None) -> SearchAnswer:
    found = (stand or Stand()).search(
        asked.q, asked.filters, page=asked.page, k=10, reader=ANYBODY
    )
    return search_answer(found, query=asked.q, page=asked.page, k=10, took_ms=1)


def view_of(asked: Asked, language: str = "en") -> FoundView:
    return found_view(
        answered(asked), asked, language=language, ask_url=ASK_URL, now=NOW
    )


SPANS = st.lists(
    st.tuples(st.integers(0, 900), st.integers(0, 900)).map(
        lambda each: (min(each), max(each))
    ),
    max_size=8,
).map(sorted)


@given(st.text(max_size=60), SPANS)
def test_pieces_are_the_text_whatever_the_highlights(
    text: str, spans: list[tuple[int, int]]
) -> None:
    found = pieces(text, spans)

    assert "".join(each.text for each in found) == text
    assert all(each.text for each in found)
    marked = {at for first, last in spans for at in range(first, min(last, len(text)))}
    assert sum(len(each.text) for each in found if each.marked) == len(marked)


@given(st.text(alphabet="ab 🎒\n", min_size=EXCERPT_CHARS, max_size=900), SPANS)
def test_an_excerpt_is_a_piece_of_its_passage_that_is_not_too_long(
    text: str, spans: list[tuple[int, int]]
) -> None:
    found = excerpt(text, spans)
    told = "".join(each.text for each in found.pieces)

    assert told.removeprefix("… ").removesuffix(" …") in text
    assert len(told) <= EXCERPT_CHARS + 4
    assert bool(found.whole) == (len(text) > EXCERPT_CHARS)
    short = [
        span for span in spans if 0 < span[1] - span[0] < 100 and span[1] <= len(text)
    ]
    if len(spans) == len(short) == 1:
        assert any(each.marked for each in found.pieces)


def test_an_excerpt_shows_where_most_of_the_words_are() -> None:
    text = (
        "map "
        + "nothing to see " * 40
        + "a map of maps, and its map "
        + "so it is. " * 40
    )
    spans = [(at, at + 3) for at in range(len(text)) if text.startswith("map", at)]

    told = excerpt(text, spans).pieces
    assert sum(each.marked for each in told) == 3
    assert told[0].text == "… "
    assert told[1].text.startswith(("see ", "to ", "nothing "))
    assert told[-1].text == " …"


@pytest.mark.parametrize(
    ("number", "facts"),
    [
        (0, ("Support",)),
        (1, ("in French", "version 2.41")),
        (2, ("1 h 5 min", "from 1:33")),
        (
            3,
            (
                "self-paced",
                "starts on 5 Mar 2199",
                "enrolment open until 1 Feb 2199",
                "3 hours",
            ),
        ),
        (4, ("Kigali", "in person and online", "2 Sept 2025 to 4 Sept 2025")),
    ],
)
def test_a_hit_tells_what_it_is(number: int, facts: tuple[str, ...]) -> None:
    assert shown(number).facts == facts


def test_a_hit_tells_it_in_the_language_of_the_page() -> None:
    french = shown(1, "fr")
    assert (french.kind_name, french.facts) == ("Documentation", ("version 2.41",))
    assert shown(1, "pt").facts[0] == "em francês"
    assert shown(4, "es").facts == (
        "en inglés",
        "Kigali",
        "presencial y en línea",
        "del 2 sept 2025 al 4 sept 2025",
    )


def test_an_event_is_none_of_the_kinds_that_are_searched() -> None:
    assert (shown(4).kind, shown(4).kind_name, shown(4).date) == ("event", "Event", "")
    assert (shown(0).kind, shown(0).date, shown(0).told_date) == (
        "thread",
        "2026-03-01",
        "1 Mar 2026",
    )


@pytest.mark.parametrize(
    ("details", "facts"),
    [
        (Details(duration_s=59), ("59 s",)),
        (Details(duration_s=60), ("1 min",)),
        (Details(duration_s=3_599), ("1 h 0 min",)),
        (
            Details(pacing="instructor", starts_at=NOW),
            ("with an instructor", "started on 10 Mar 2026"),
        ),
        (Details(pacing="self", starts_at=NOW - timedelta(days=1)), ("self-paced",)),
        (
            Details(enrolment_starts_at=NOW + timedelta(days=1)),
            ("enrolment opens on 11 Mar 2026",),
        ),
        (Details(enrolment_ends_at=NOW - timedelta(days=1)), ()),
        (Details(pacing="nobody knows"), ()),
    ],
)
def test_details_are_told_as_far_as_they_still_matter(
    details: Details, facts: tuple[str, ...]
) -> None:
    hit = a_hit(1, "A course", "About it.", kind=Kind.COURSE, details=details)
    assert hit_view(hit_answer(InstantHit(hit)), language="en", now=NOW).facts == facts


@pytest.mark.parametrize(
    ("confidence", "sure"),
    [
        (1.0, "Very likely to help"),
        (0.75, "Very likely to help"),
        (0.74, "Likely to help"),
        (0.2, "May help"),
        (0.0, "Perhaps related"),
    ],
)
def test_confidence_is_told_in_words(confidence: float, sure: str) -> None:
    assert shown(0, confidence=confidence).sure_told == sure


@pytest.mark.parametrize(
    ("why", "sure"),
    [
        ((Why.LINKED,), "sure.1"),
        ((Why.LINKED, Why.SOLVED), "sure.1"),
        ((Why.MEANING, Why.LINKED), "sure.3"),
        ((Why.SOLVED,), "sure.3"),
        ((), "sure.3"),
    ],
)
def test_where_members_were_sent_is_a_hint_alone(
    why: tuple[Why, ...], sure: str
) -> None:
    assert shown(0, confidence=0.9, why=why).sure == sure
    assert shown(0, confidence=0.1, why=why).sure == "sure.0"


def test_every_reason_has_words_and_the_first_three_are_told() -> None:
    for why in Why:
        assert bool(shown(0, why=(why,)).why) == (why is not Why.SOLVED)
    assert shown(0, why=tuple(Why)).why == (
        "what you typed, word for word, your words in the title and the text, "
        "close to what you mean"
    )


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "", "//a.example", "http://[x"]
)
def test_only_addresses_of_the_web_are_links(url: str) -> None:
    assert shown(0, url=url).href == ""


def test_what_has_no_title_is_called_by_its_address() -> None:
    untitled = shown(0, title="", title_highlights=((0, 3),))
    assert [each.text for each in untitled.title] == [untitled.href]


def test_filters_that_are_on_stay_in_sight_though_nothing_has_them() -> None:
    view = view_of(Asked("zebra", (("kind", "video"), ("tag", "x"), ("since", "2024"))))

    assert [(each.name, each.on) for each in view.kinds] == [
        ("All", False),
        ("Videos", True),
    ]
    assert [(group.name, len(group.choices)) for group in view.groups] == [("tag", 1)]
    assert [each.name for each in view.chips] == ["x", "Since 1 Jan 2024"]
    assert (view.hits, view.clear, view.pager) == ((), "search?q=zebra", None)


def test_a_kind_that_was_typed_into_the_box_is_on_as_well() -> None:
    asked = Asked("kind:docs backup")
    answer = answered(Asked("backup"))
    typed = replace(answer.understood, filters={"kind": ("docs", "video")})
    answer = replace(answer, understood=typed)
    view = found_view(answer, asked, language="en", ask_url="", now=NOW)

    assert [each.name for each in view.kinds if each.on] == ["Documentation", "Videos"]


@pytest.mark.parametrize(
    ("language", "value", "told"),
    [
        ("fr", "2024", "Depuis le 1 janv. 2024"),
        ("es", "2024-05", "Desde el 1 may 2024"),
        ("pt", "2024-05-02", "Desde 2 de mai. de 2024"),
        ("en", "2024-05-02T23:30:00Z", "Since 2 May 2024"),
    ],
)
def test_a_time_is_told_as_a_whole_day(language: str, value: str, told: str) -> None:
    [chip] = view_of(Asked("zebra", (("since", value),)), language).chips
    assert chip.name == told


def test_a_filter_that_parts_nothing_is_not_offered() -> None:
    names = [group.name for group in view_of(Asked("nightly")).groups]
    assert names == ["since"]


@pytest.mark.parametrize(
    ("page", "previous", "following", "now"),
    [
        (1, "", "search?q=indicator&page=2", "1 / 3"),
        (2, "search?q=indicator", "search?q=indicator&page=3", "2 / 3"),
        (3, "search?q=indicator&page=2", "", "3 / 3"),
    ],
)
def test_pages_lead_to_those_beside_them(
    page: int, previous: str, following: str, now: str
) -> None:
    pager = view_of(Asked("indicator", page=page)).pager
    assert pager is not None
    assert (pager.previous, pager.next, pager.now) == (previous, following, now)


@pytest.mark.parametrize(
    ("url", "text", "link"),
    [
        ("", "a", ""),
        ("javascript:x()", "a", ""),
        (ASK_URL, "", ASK_URL),
        (ASK_URL + "?category=2", "a+b=c", f"{ASK_URL}?category=2&title=a%2Bb%3Dc"),
        (ASK_URL, "é" * 300, f"{ASK_URL}?title={'%C3%A9' * 255}&body={'%C3%A9' * 300}"),
    ],
)
def test_the_words_are_carried_over_to_where_one_asks(
    url: str, text: str, link: str
) -> None:
    assert ask_link(url, text) == link


def test_what_is_searched_is_told_by_kind() -> None:
    counts = {Kind.VIDEO: 1, Kind.THREAD: 12_000, Kind.COURSE: 0}
    assert holdings(counts, "en") == "Searches 12,000 threads, 1 video."
    assert holdings({}, "en") == ""


def test_a_day_is_that_of_utc() -> None:
    late = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)
    assert shown(0, updated_at=late).told_date == "31 Jan 2026"
