"""Section 4: who could help, told from who helped."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.report.helpers import (
    HelperSettings,
    Ranking,
    Record,
    Standing,
    Suggested,
    Vectors,
    assign,
    suggest,
)
from bot.report.model import Helper, Load
from bot.report.records import Past, Period, Reply, Thread, Voice
from kb.types import DocumentId
from tests.bot.report.sample import EMOJIS, EVIL, OVERRIDE

NOW = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
FORUM = "https://forum.example.org"
# Two subjects, and a question that is mostly about the first.
MAPS, TABLES, MOSTLY_MAPS = (1.0, 0.0), (0.0, 1.0), (0.96, 0.28)


def reply(
    name: str,
    days: float,
    *,
    number: int = 2,
    voice: Voice = "person",
    source: str = "forum",
    accepted: bool = False,
) -> Reply:
    """Written so many days before now."""
    member = f"{source}:@{name}" if name else ""
    at = NOW - days * DAY
    return Reply(number, member, name, voice, at, accepted=accepted)


def thread(
    number: int,
    *replies: Reply,
    days: float = 30.0,
    asker: str = "asker",
    source: str = "forum",
    category: str | None = None,
    tags: tuple[str, ...] = (),
    url: str = FORUM,
) -> Thread:
    return Thread(
        DocumentId(number),
        source,
        str(number),
        f"{url}/t/{number}",
        f"Question {number}",
        NOW - days * DAY,
        asker=f"{source}:@{asker}",
        asker_name=asker,
        category=category,
        tags=tags,
        replies=replies,
    )


def past(*threads: Thread, opted_out: Sequence[str] = ()) -> Past:
    period = Period(NOW - 7 * DAY, NOW)
    return Past(period, threads, frozenset(opted_out))


def vectors(**points: tuple[float, ...]) -> Vectors:
    """By ``t`` and number of the thread."""
    ids = sorted(int(name[1:]) for name in points)
    rows = [points[f"t{i}"] for i in ids]
    return np.array(ids, np.int64), np.array(rows, np.float32)


def profile(source: str, name: str) -> str:
    return f"{FORUM}/u/{name}?{source}"


def ask(
    history: Past,
    *asked: int,
    points: Vectors | None = None,
    at: datetime = NOW,
    settings: HelperSettings | None = None,
    regions: dict[str, str] | None = None,
    left_out: Sequence[str] = (),
) -> Suggested:
    return suggest(
        history,
        [DocumentId(number) for number in asked],
        points,
        at=at,
        profile_url=profile,
        settings=settings or HelperSettings(),
        regions=lambda _members: regions or {},
        left_out=left_out,
    )


def names(found: Suggested, number: int = 9) -> list[str]:
    return [helper.name for helper in found.by_question[DocumentId(number)]]


# Maps are ann's, tables bob's, and the open question is 9.
HISTORY = (
    thread(1, reply("ann", 29), reply("bob", 28, number=3)),
    thread(2, reply("ann", 29)),
    thread(3, reply("bob", 20)),
    thread(4, reply("bob", 20)),
    thread(9, days=1, asker="dee"),
)
POINTS = vectors(t1=MAPS, t2=MAPS, t3=TABLES, t4=TABLES, t9=MOSTLY_MAPS)
WITH_OLD = vectors(
    t1=MAPS, t2=MAPS, t3=TABLES, t4=TABLES, t5=MOSTLY_MAPS, t9=MOSTLY_MAPS
)


def test_who_answered_the_most_similar_questions_comes_first_and_is_explained() -> None:
    settings = HelperSettings(neighbours=2)
    regions = {"forum:@ann": "West Africa"}
    found = ask(past(*HISTORY), 9, points=POINTS, settings=settings, regions=regions)
    ann, bob = found.by_question[DocumentId(9)]

    assert ann == Helper(
        name="ann",
        url=f"{FORUM}/u/ann?forum",
        score=ann.score,
        solved=2,
        last_at=NOW - 29 * DAY,
        region="West Africa",
        why="first to answer 2 of the 2 most similar questions,"
        " helped in 2 topics within 90 days, last on 2026-02-01",
    )
    assert bob.why == (
        "answered in 1 of the 2 most similar questions,"
        " helped in 3 topics within 90 days, last on 2026-02-10"
    )
    assert 0.5 < ann.score < 1
    assert ann.score + bob.score == pytest.approx(1, abs=1e-3)
    assert found.load == (
        Load("ann", f"{FORUM}/u/ann?forum", 1, "West Africa"),
        Load("bob", f"{FORUM}/u/bob?forum", 1),
    )


def test_who_answered_none_of_the_similar_questions_is_not_suggested() -> None:
    only_tables = thread(1, reply("ann", 29))
    history = past(only_tables, *HISTORY[1:])

    found = ask(history, 9, points=POINTS, settings=HelperSettings(neighbours=2))

    assert names(found) == ["ann"]


@pytest.mark.parametrize(
    ("other", "opted_out", "left_out"),
    [
        pytest.param(reply("dee", 2), (), (), id="who asks"),
        pytest.param(reply("eve", 2), ("forum:@eve",), (), id="who opted out"),
        pytest.param(reply("eve", 2), (), ("forum:@eve",), id="who is left out"),
        pytest.param(reply("eve", 2, voice="bot"), (), (), id="a program"),
        pytest.param(
            reply("asker", 2, voice="asker"), (), (), id="no other's question"
        ),
        pytest.param(reply("", 2), (), (), id="nobody knows who"),
        pytest.param(reply(" ", 2), (), (), id="no name to be seen"),
        pytest.param(reply("eve", 90.1), (), (), id="not seen for long"),
        pytest.param(reply("eve", 0), (), (), id="only at that very moment"),
    ],
)
def test_some_are_never_suggested(
    other: Reply, opted_out: Sequence[str], left_out: Sequence[str]
) -> None:
    old = thread(5, other, days=100)
    history = past(old, *HISTORY, opted_out=opted_out)

    found = ask(history, 9, points=WITH_OLD, left_out=left_out)

    assert names(found) == ["ann", "bob"]


def test_anybody_else_is_who_answered_the_same() -> None:
    old = thread(5, reply("eve", 2), days=100)

    assert names(ask(past(old, *HISTORY), 9, points=WITH_OLD))[0] == "eve"


def test_who_said_something_to_the_question_already_needs_no_hint() -> None:
    asked = thread(9, reply("ann", 0.5), days=1, asker="dee")

    found = ask(past(*HISTORY[:-1], asked), 9, points=POINTS)

    assert names(found) == ["bob"]


def test_a_late_post_in_an_old_topic_keeps_somebody_about() -> None:
    old = thread(1, reply("ann", 200), reply("ann", 3, number=5), days=201)
    history = past(old, thread(9, days=1, asker="dee"))
    (ann,) = ask(history, 9, points=POINTS).by_question[DocumentId(9)]

    assert (ann.last_at, ann.why) == (
        NOW - 3 * DAY,
        "first to answer 1 of the 1 most similar questions, last on 2026-02-27",
    )


def test_what_comes_later_counts_for_nothing() -> None:
    later = (
        thread(7, reply("bob", 0.5), days=0.7),
        thread(8, reply("eve", 0.2), days=20),
        replace(HISTORY[0], replies=(*HISTORY[0].replies, reply("eve", 0.4, number=9))),
    )
    points = vectors(
        t1=MAPS, t2=MAPS, t3=TABLES, t4=TABLES, t9=MOSTLY_MAPS, t7=MAPS, t8=TABLES
    )
    at = NOW - 0.8 * DAY
    unanswered = replace(later[1], replies=())

    known = ask(past(*HISTORY, unanswered), 9, points=points, at=at)
    with_later = ask(past(*HISTORY[1:], *later), 9, points=points, at=at)

    assert with_later == known
    assert ask(past(*HISTORY[1:], *later), 9, points=points) != known


def test_the_order_of_threads_and_of_vectors_makes_no_difference() -> None:
    history, points = random_history(5)
    asked = [int(t.id) for t in history.threads][::3]
    threads = list(history.threads)
    random.Random(1).shuffle(threads)

    again = ask(past(*threads), *asked, points=points)

    assert again == ask(history, *asked, points=points)
    assert any(again.by_question.values())


def test_equals_come_in_the_order_of_their_names() -> None:
    written = [thread(i, reply(name, 10)) for i, name in enumerate(("Cy", "al", "Bo"))]

    assert names(ask(past(*written, HISTORY[-1]), 9)) == ["al", "Bo", "Cy"]


def test_an_accepted_answer_counts_twice_and_solves() -> None:
    history = (
        thread(1, reply("ann", 20), reply("zoe", 20, number=3, accepted=True)),
        thread(9, days=1, asker="dee"),
    )
    zoe, ann = ask(past(*history), 9, points=POINTS).by_question[DocumentId(9)]

    assert (zoe.name, zoe.solved, ann.name, ann.solved) == ("zoe", 1, "ann", 1)
    assert zoe.why.startswith("first to answer or solved 1 of the 1 most similar")


def test_who_answered_this_asker_before_comes_before_an_equal() -> None:
    history = (
        thread(1, reply("ann", 20), asker="other"),
        thread(2, reply("zoe", 20), asker="dee"),
        thread(9, days=1, asker="dee"),
    )

    assert names(ask(past(*history), 9, points=POINTS)) == ["zoe", "ann"]


# -- without an index --------------------------------------------------------------


@pytest.mark.parametrize(
    ("category", "tags", "expected"),
    [
        ("maps", (), ["ann"]),
        ("tables", (), ["bob"]),
        (None, ("maps",), ["ann"]),
        ("tables", ("maps",), ["bob", "ann"]),
        ("nothing yet", (), ["bob", "ann"]),
        (None, (), ["bob", "ann"]),
    ],
)
def test_without_an_index_category_and_tags_tell_and_else_who_is_busy(
    category: str | None, tags: tuple[str, ...], expected: list[str]
) -> None:
    history = (
        thread(1, reply("ann", 20), category="maps", tags=("maps",)),
        thread(2, reply("bob", 20), category="tables"),
        thread(3, reply("bob", 20), category="tables"),
        thread(9, days=1, asker="dee", category=category, tags=tags),
    )

    assert names(ask(past(*history), 9)) == expected


def test_without_an_index_the_reason_tells_what_was_looked_at() -> None:
    history = (
        thread(1, reply("ann", 20), category="maps"),
        thread(2, reply("ann", 99), days=100, category="maps"),
        thread(9, days=1, asker="dee", category="maps"),
    )
    (ann,) = ask(past(*history), 9).by_question[DocumentId(9)]

    assert ann.why == (
        "first to answer 2 of the 2 latest questions of its category or tags,"
        " helped in 1 topic within 90 days, last on 2026-02-10"
    )


def test_a_question_that_is_not_indexed_yet_is_compared_as_if_nothing_were() -> None:
    tagged = [replace(each, category="maps") for each in HISTORY]
    not_yet = vectors(t1=MAPS, t2=MAPS, t3=TABLES, t4=TABLES)

    found = ask(past(*tagged), 9, points=not_yet)

    assert found == ask(past(*tagged), 9, points=None)
    assert names(found) == ["bob", "ann"]


# -- several sources ---------------------------------------------------------------


def test_an_archive_and_its_forum_know_the_same_people() -> None:
    old = thread(1, reply("Ann", 20, source="archive"), source="archive")
    new = thread(2, replace(reply("ann", 10), member="forum:7"))
    history = past(old, new, thread(9, days=1, asker="dee"))
    (ann,) = ask(history, 9, points=POINTS, regions={"forum:7": "Asia"}).by_question[
        DocumentId(9)
    ]

    assert (ann.name, ann.solved, ann.region) == ("ann", 2, "Asia")
    for key in ("forum:7", "archive:@Ann"):
        unwilling = replace(history, opted_out=frozenset({key}))
        assert names(ask(unwilling, 9, points=POINTS)) == []


def test_members_of_another_forum_are_not_suggested() -> None:
    other = "https://other.example.org"
    elsewhere = thread(1, reply("ann", 20, source="b"), source="b", url=other)
    here = thread(3, reply("bob", 20))
    history = past(elsewhere, here, thread(9, days=1, asker="dee"))

    assert names(ask(history, 9, points=POINTS)) == ["bob"]


# -- the load ----------------------------------------------------------------------


def ranking(*people: int) -> Ranking:
    """Likelier by a half than who comes next."""
    scores = np.array([0.5 ** (place + 1) for place in range(len(people))], np.float64)
    none = np.zeros(len(people), np.int64)
    return Ranking(np.array(people, np.int64), scores, none, none, 0, True)


def test_who_is_full_makes_room_for_the_next_best() -> None:
    settings = HelperSettings(per_question=2, load=1)

    assert assign([ranking(1, 2, 3), ranking(1, 3, 2)], settings) == [[0, 1], [1]]


def test_nobody_gets_a_second_member_before_everybody_has_a_first() -> None:
    settings = HelperSettings(per_question=2, load=1)

    assert assign([ranking(1, 2), ranking(1, 2)], settings) == [[0], [1]]


def test_a_member_is_named_for_what_this_member_knows_best() -> None:
    settings = HelperSettings(per_question=1, load=1)

    assert assign([ranking(2, 1), ranking(1, 2)], settings) == [[0], [0]]


@given(
    st.lists(
        st.lists(st.integers(0, 6), unique=True).map(lambda people: ranking(*people)),
        max_size=8,
    ),
    st.integers(1, 3),
    st.integers(1, 4),
)
def test_no_load_is_exceeded_and_no_free_member_left_unnamed(
    rankings: list[Ranking], per_question: int, load: int
) -> None:
    settings = HelperSettings(per_question=per_question, load=load)
    places = assign(rankings, settings)
    named = [
        [int(each.people[place]) for place in some]
        for each, some in zip(rankings, places, strict=True)
    ]
    counts = [sum(person in some for some in named) for person in range(7)]

    assert max(counts) <= load
    for each, some in zip(rankings, named, strict=True):
        assert len(set(some)) == len(some) <= per_question
        if len(some) < per_question:
            others = set(each.people.tolist()) - set(some)
            assert all(counts[person] == load for person in others)


def test_a_report_names_nobody_for_too_many_questions() -> None:
    asked = [thread(i, days=1, asker="dee") for i in range(10, 15)]
    points = vectors(t1=MAPS, t2=MAPS, t3=TABLES, t4=TABLES, t12=MAPS)

    found = ask(past(*HISTORY, *asked), *range(10, 15), 12, 99, points=points)

    assert list(found.by_question) == list(range(10, 15))
    assert [(each.name, each.questions) for each in found.load] == [
        ("ann", 3),
        ("bob", 3),
    ]
    assert names(found, 12)[0] == "ann"


# -- what the figures are ----------------------------------------------------------


def random_history(seed: int) -> tuple[Past, Vectors]:
    """Sixty questions, some of them answered by some of nine members."""
    chance = random.Random(seed)
    members = [f"member{i}" for i in range(9)]
    threads, points = [], {}
    for number in range(60):
        days = chance.uniform(1, 300)
        asker = chance.choice(members)
        some = chance.sample(members, chance.randint(0, 3))
        replies = [
            replace(
                reply(name, chance.uniform(0, days), number=place),
                voice="asker" if name == asker else "person",
            )
            for place, name in enumerate(some, 2)
        ]
        threads.append(thread(number, *replies, days=days, asker=asker))
        point = np.array([chance.gauss(0.5, 1) for _ in range(4)])
        points[f"t{number}"] = tuple(point / np.linalg.norm(point))
    return past(*sorted(threads, key=lambda t: t.created_at)), vectors(**points)


def test_likelihoods_are_those_of_the_model_that_the_module_tells_of() -> None:
    """Counted once more, member by member and answer by answer."""
    history, points = random_history(3)
    record = Record(history.threads, points)
    asked = history.threads[-8]
    settings = HelperSettings(neighbours=60)
    at = NOW - 0.5 * DAY
    standing = Standing(record, at, settings.recent)
    (found,) = standing.rankings([asked], settings.neighbours)

    by_id = dict(zip(points[0].tolist(), points[1].astype(float), strict=True))
    own = by_id[asked.id]
    answers: dict[str, list[tuple[Thread, float]]] = {}
    for each in history.threads:
        for some in each.by_people:
            if some.at < at:
                answers.setdefault(some.name, []).append((each, (at - some.at) / DAY))
    may = {
        name: gave
        for name, gave in answers.items()
        if name != asked.asker_name
        and min(age for _, age in gave) <= 90
        and asked not in [each for each, _ in gave]
    }

    def log_share(values: dict[str, float]) -> dict[str, float]:
        total = sum(values.values())
        return {name: math.log(value / total + 1e-3) for name, value in values.items()}

    def cosine(each: Thread) -> float:
        return float(by_id[each.id] @ own)

    near = log_share(
        {
            name: sum(
                math.exp(20 * (cosine(each) - 1)) * 0.5 ** (age / 180)
                for each, age in gave
            )
            for name, gave in may.items()
        }
    )
    busy = log_share(
        {name: sum(0.5 ** (age / 30) for _, age in gave) for name, gave in may.items()}
    )
    scores = {}
    for name, gave in may.items():
        middle = np.sum([by_id[each.id] for each, _ in gave], axis=0)
        known = sum(
            0.5 ** (age / 180) for each, age in gave if each.asker == asked.asker
        )
        scores[name] = (
            0.3 * near[name]
            + 0.65 * busy[name]
            - 0.25 * math.log1p(min(age for _, age in gave))
            + 6 * float(middle @ own) / float(np.linalg.norm(middle))
            + 0.5 * math.log1p(known)
        )
    likely = {name: math.exp(score) for name, score in scores.items()}
    total = sum(likely.values())
    best = sorted(likely, key=lambda name: -likely[name])

    assert len(best) >= 4
    assert [record.people.names[person] for person in found.people] == best
    assert found.scores == pytest.approx([likely[n] / total for n in best], abs=0.01)


def test_questions_asked_together_are_ranked_as_each_alone() -> None:
    history, points = random_history(4)
    standing = Standing(Record(history.threads, points), NOW, 90 * DAY)
    together = list(standing.rankings(history.threads, 50))
    alone = [next(standing.rankings([each], 50)) for each in history.threads]

    for one, other in zip(together, alone, strict=True):
        assert one.people.tolist() == other.people.tolist()
        assert one.scores.tolist() == other.scores.tolist()


def test_the_profile_of_a_very_busy_member_is_that_of_all_answers() -> None:
    chance = np.random.default_rng(1)
    rows = chance.normal(size=(1_500, 3)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    threads = [thread(i, reply("ann", 1.5 - i / 1_500), days=2) for i in range(1_500)]
    record = Record(threads, (np.arange(1_500), rows))

    sums = np.linalg.norm(np.cumsum(rows, axis=0), axis=1)

    assert record.lengths == pytest.approx(sums, abs=0.2)


# -- bad input ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "threads",
    [
        pytest.param((), id="nothing"),
        pytest.param((thread(9),), id="one topic"),
        pytest.param(
            (thread(1, reply("bot", 2, voice="bot")), thread(9)), id="only bots"
        ),
    ],
)
@pytest.mark.parametrize("points", [None, vectors(t9=MAPS), vectors(t1=MAPS)])
def test_where_nobody_ever_answered_nobody_is_suggested(
    threads: tuple[Thread, ...], points: Vectors | None
) -> None:
    asked = {each.id: () for each in threads if each.id == 9}

    assert ask(past(*threads), 9, points=points) == Suggested(asked, ())


@pytest.mark.parametrize("name", [EVIL, OVERRIDE, EMOJIS])
def test_hostile_names_and_addresses_are_passed_on_as_they_are(name: str) -> None:
    broken = thread(1, reply(name, 5), url="http://[broken")
    asked = thread(9, days=1, asker=EVIL + EVIL, url="http://[broken")
    (helper,) = ask(past(broken, asked), 9, points=POINTS).by_question[DocumentId(9)]

    assert helper.name == name
    assert name not in helper.why
