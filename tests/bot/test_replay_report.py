"""The report of a replay: its figures by hand, and a page that obeys no member."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from random import Random

import pytest

from bot.replay_report import (
    KindFigures,
    ReplayOutcome,
    ReplaySuggestion,
    render_report,
    summarise,
)
from kb.thresholds import (
    GroupThreshold,
    Outcome,
    Threshold,
    Thresholds,
    choose_thresholds,
)
from kb.types import Kind

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
ASKED = (0.3, 0.5, 0.7)
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>\u202e{{ 7 * 7 }}'


def suggestion(confidence: float, right: bool, name: str = "page") -> ReplaySuggestion:
    return ReplaySuggestion(
        title=f"A {name}",
        url=f"https://docs.example.org/{name}",
        confidence=confidence,
        right=right,
        contributions=(("title", 0.25), ("age", -0.5), ("solved", 0.0)),
    )


def outcome(
    topic_id: int,
    *suggestions: ReplaySuggestion,
    kind: Kind = Kind.DOCS,
    language: str = "en",
    relevant: int = 1,
    shown_for: Collection[float] = (),
) -> ReplayOutcome:
    return ReplayOutcome(
        topic_id=topic_id,
        kind=kind,
        title=f"Question {topic_id}",
        url=f"https://forum.example.org/t/{topic_id}",
        asked_at=AT,
        language=language,
        suggestions=suggestions,
        linked=(("The right page", "https://docs.example.org/right"),),
        relevant=relevant,
        shown_for=frozenset(shown_for),
    )


def threshold(asked: float, confidence: float | None) -> Threshold:
    return Threshold(asked, confidence, 0.8, (0.7, 0.9), 0.5, 100)


def history(n: int = 240) -> list[ReplayOutcome]:
    random = Random(5)
    outcomes = []
    for number in range(n):
        sure = random.betavariate(1, 1.5)
        right = random.random() < sure
        outcomes.append(
            outcome(
                number,
                suggestion(sure, right),
                suggestion(sure / 2, False),
                kind=Kind.THREAD if number % 2 else Kind.DOCS,
                language="fr" if number % 3 == 0 else "en",
                shown_for=[asked for asked in ASKED if sure >= asked],
            )
        )
    return outcomes


def chosen(outcomes: Sequence[ReplayOutcome], asked: float) -> Thresholds:
    firsts = [(o, o.suggestions[0]) for o in outcomes]
    return choose_thresholds(
        [Outcome(o.kind, o.language, f.confidence, f.right) for o, f in firsts], asked
    )


def page(figures: list[KindFigures], community: str = "Example") -> str:
    return render_report(figures, community=community, made_at=AT)


class Reader(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self.attributes += given.items()
        if tag == "a":
            self.links.append((given.get("href", ""), given.get("rel", "")))
        if "id" in given:
            self.ids.append(given["id"])

    def handle_data(self, data: str) -> None:
        self.text += data


def test_figures_are_those_worked_out_by_hand() -> None:
    held_back = [
        outcome(1, suggestion(0.9, True), suggestion(0.2, False)),
        outcome(2, suggestion(0.6, False), suggestion(0.3, True)),
        outcome(3, suggestion(0.7, False), relevant=0),
        outcome(4),
    ]
    [figures] = summarise(held_back, [])
    assert (figures.kind, figures.questions, figures.scored) == (Kind.DOCS, 3, 3)
    # Found first, found second, not found; the third has nothing to be found.
    assert figures.ndcg_10 == pytest.approx((1 + 0.63093 + 0) / 3, abs=1e-4)
    assert figures.recall_5 == pytest.approx(2 / 3)
    assert figures.precision_1 == pytest.approx(1 / 3)
    assert figures.surest == (1.0, 1.0, 0.5)
    assert figures.outcomes == ((0.9, True), (0.6, False), (0.7, False))
    assert [mistake.topic_id for mistake in figures.worst] == [3, 2]
    assert [o.topic_id for o in summarise(held_back, [], worst=1)[0].worst] == [3]


def test_links_that_nobody_suggested_count_against_recall() -> None:
    [figures] = summarise([outcome(1, suggestion(0.9, True), relevant=4)], [])
    assert figures.recall_5 == 0.25


def test_what_was_shown_is_told_for_all_and_for_each_language() -> None:
    """By the thresholds that were in force then, whatever the last ones would do."""
    thresholds = Thresholds(
        0.5,
        (
            GroupThreshold(Kind.DOCS, None, threshold(0.5, 0.99)),
            GroupThreshold(Kind.DOCS, "fr", threshold(0.5, None)),
        ),
    )
    held_back = [
        outcome(1, suggestion(0.9, True), language="fr", shown_for=[0.3]),
        outcome(2, suggestion(0.8, True), shown_for=[0.3, 0.5]),
        outcome(3, suggestion(0.5, False), language="es", shown_for=[0.5]),
        outcome(4, suggestion(0.4, True)),
    ]
    [figures] = summarise(held_back, [thresholds])
    everyone, french = figures.thresholds
    assert (everyone.language, everyone.precision, everyone.coverage, everyone.n) == (
        None,
        0.5,
        0.5,
        4,
    )
    assert (french.language, french.precision, french.coverage, french.n) == (
        "fr",
        None,
        0.0,
        1,
    )
    assert everyone.chosen == threshold(0.5, 0.99)


def test_questions_without_a_link_tell_how_often_one_would_have_been_shown() -> None:
    """They change no other figure: nobody knows what was right for them."""
    held_back = [outcome(1, suggestion(0.9, True), shown_for=[0.5])]
    others = [
        outcome(2, suggestion(0.8, False), relevant=0, shown_for=[0.5]),
        outcome(3, suggestion(0.3, False), relevant=0),
        outcome(4, relevant=0),
        outcome(5, suggestion(0.9, False), relevant=0, kind=Kind.THREAD),
    ]
    thresholds = Thresholds(
        0.5, (GroupThreshold(Kind.DOCS, None, threshold(0.5, 0.5)),)
    )

    [alone] = summarise(held_back, [thresholds])
    [figures] = summarise(held_back, [thresholds], unanswered=others)

    assert (alone.unanswered, alone.thresholds[0].spoken) == (0, None)
    assert (figures.unanswered, figures.thresholds[0].spoken) == (3, 1 / 3)
    assert (figures.questions, figures.calibration_error) == (
        alone.questions,
        alone.calibration_error,
    )
    text = Reader(page([figures])).text
    assert "share of 3 questions of that time, which nobody answered" in text
    assert "33\u00a0%" in text
    assert "Without a link" not in Reader(page([alone])).text


def test_more_right_ones_than_were_linked_are_an_error() -> None:
    with pytest.raises(ValueError, match="topic 7: 1 suggestions are right, but only"):
        outcome(7, suggestion(0.5, True), relevant=0)


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    outcomes = history()
    thresholds = [chosen(outcomes, asked) for asked in ASKED]
    text = page(summarise(outcomes, thresholds))
    seen = Reader(text)
    forbidden = {"script", "link", "img", "iframe", "object", "form", "image"}
    assert not seen.tags & forbidden
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    assert not re.search(r"url\((?!#)|@import", text)
    assert "default-src 'none'" in text
    assert len(seen.ids) == len(set(seen.ids))
    for name, value in seen.attributes:
        if name == "xlink:href":
            assert value.removeprefix("#") in seen.ids
        if name == "aria-labelledby":
            assert set(value.split()) <= set(seen.ids)


def test_charts_follow_the_page_in_colour_and_say_what_they_show() -> None:
    outcomes = [o for o in history() if o.kind is Kind.DOCS]
    text = page(summarise(outcomes, [chosen(outcomes, 0.5)]))
    charts = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert len(charts) == 2
    for chart in charts:
        assert re.search(r"<title id=[^>]+>Documentation: ", chart)
        assert not re.search(r"#[0-9a-f]{6}\b(?!-)", re.sub(r'#\w+-[^")]*', "", chart))
        assert "var(--curve)" in chart
        assert "DejaVu" not in chart
    assert "50\u00a0% asked: " in charts[0]
    assert "<details>" in text


def test_the_same_figures_give_the_same_page() -> None:
    figures = summarise(history(60), [])
    assert page(figures) == page(figures)


def test_words_of_members_are_shown_and_never_obeyed() -> None:
    evil = replace(
        outcome(1, replace(suggestion(0.9, False), title=EVIL, url="javascript:x()")),
        title=EVIL,
        url="https://forum.example.org/t/1?a=1&b=\"'><b>",
        language=EVIL,
        linked=(
            (EVIL, "data:text/html,x"),
            (EVIL, "//example.org/x"),
            ("broken", "http://[x"),
            ("", "https://docs.example.org/untitled"),
        ),
    )
    evil = replace(
        evil,
        suggestions=(replace(evil.suggestions[0], contributions=((EVIL, 1.0),)),),
    )
    text = page(summarise([evil], []), community=EVIL)
    seen = Reader(text)
    assert not seen.tags & {"script", "img", "b"}
    assert "{{ 7 * 7 }}" in seen.text
    assert "<script>alert(1)</script>" in seen.text
    assert "\u202e" not in text
    assert seen.links == [
        (
            "https://forum.example.org/t/1?a=1&b=\"'><b>",
            "nofollow noopener noreferrer",
        ),
        ("https://docs.example.org/untitled", "nofollow noopener noreferrer"),
    ]


def test_a_mistake_tells_reasons_and_what_people_linked() -> None:
    missed = outcome(1, suggestion(0.87, False), suggestion(0.1, True, "other"))
    lost = outcome(2, suggestion(0.5, False))
    asked_in_vain = replace(outcome(3, suggestion(0.4, False)), linked=(), relevant=0)
    text = " ".join(
        Reader(page(summarise([missed, lost, asked_in_vain], []))).text.split()
    )
    assert "Question 1 2024-05-01 · en" in text
    assert "A page, 87 % sure Because of age −0.50title +0.25 People linked" in text
    assert "The right page First right suggestion: number 2." in text
    assert "None of it was among the 1 suggestions." in text
    assert "nothing of this kind" in text
    assert "solved" not in text


def test_thresholds_out_of_reach_or_unknown_say_so() -> None:
    silent = Thresholds(0.7, (GroupThreshold(Kind.DOCS, None, threshold(0.7, None)),))
    text = page(
        summarise([outcome(1, suggestion(0.9, True))], [silent, Thresholds(0.9)])
    )
    assert "out of reach: silent" in text
    assert "too few outcomes" in text
    assert "None: each first suggestion was right." in text


def test_a_replay_without_suggestions_is_a_page_too() -> None:
    assert summarise([outcome(1)], []) == []
    assert "nothing to measure" in page([])


def test_kinds_stand_in_one_order_with_their_own_figures() -> None:
    figures = summarise(history(), [])
    assert [each.kind for each in figures] == [Kind.THREAD, Kind.DOCS]
    text = page(figures)
    assert text.index('<h2 id="thread">Threads') < text.index('<h2 id="docs">')
