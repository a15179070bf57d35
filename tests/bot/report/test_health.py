"""Health: every figure against an independent count in SQL."""

from __future__ import annotations

import random
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from bot.report.health import NO_CATEGORY, OTHERS, health
from bot.report.model import Figure
from bot.report.reading import read_past
from bot.report.records import Past, Period
from kb.metrics import wilson_interval
from kb.store import Store
from kb.types import Document, Part
from tests.bot.report.world import (
    DAY,
    HOUR,
    START,
    URL,
    WEEK,
    keep,
    post,
    thread,
)

BOTS = ("baraza",)
MONTH = Period(START - 15 * DAY, START + 15 * DAY)

# Who wrote each post: bots told apart, and moved posts dated as their topics.
_POSTS = """
WITH topics AS (
    SELECT d.id, d.created_at AS t0, d.category, d.language,
        (SELECT coalesce(o.author_id || '', '@' || o.author) FROM parts o
         WHERE o.document_id = d.id AND o.number = 1) AS asker,
        (SELECT lower(o.author) = 'baraza' OR coalesce(o.author_id, 1) <= 0
         FROM parts o WHERE o.document_id = d.id AND o.number = 1) AS by_bot
    FROM documents d
    WHERE d.kind = 'thread' AND d.listed AND d.visibility = 'public'
        AND d.created_at < :until
), replies AS (
    SELECT p.document_id, max(p.created_at, t.t0) AS at, p.accepted, p.number,
        coalesce(p.author_id || '', '@' || p.author) AS who,
        lower(p.author) = 'baraza' OR coalesce(p.author_id, 1) <= 0 AS by_bot
    FROM parts p JOIN topics t ON t.id = p.document_id
    WHERE p.number > 1 AND p.created_at < :until
), asked AS (
    SELECT t.*,
        EXISTS (SELECT 1 FROM replies s WHERE s.document_id = t.id AND s.accepted
         AND NOT s.by_bot) AS is_solved,
        (SELECT min(julianday(r.at)) FROM replies r WHERE r.document_id = t.id
         AND NOT r.by_bot AND r.who IS NOT t.asker) AS first_at,
        NOT EXISTS (SELECT 1 FROM parts e JOIN topics u ON u.id = e.document_id
         WHERE coalesce(e.author_id || '', '@' || e.author) = t.asker
         AND (max(e.created_at, u.t0), e.document_id, e.number) < (t.t0, t.id, 1))
         AND t.asker IS NOT NULL AS newcomer
    FROM topics t
    WHERE t.t0 >= :since AND NOT coalesce(t.by_bot, 0)
)
"""


def recount(path: Path, period: Period, where: str = "TRUE") -> dict[str, object]:
    """The figures, by SQL alone."""
    connection = sqlite3.connect(path)
    bounds = {
        "since": period.since.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "until": period.until.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    asked, answered, solved, newcomers = connection.execute(
        f"{_POSTS} SELECT count(*), count(first_at), coalesce(sum(is_solved), 0),"  # noqa: S608
        f" coalesce(sum(newcomer), 0) FROM asked WHERE {where}",
        bounds,
    ).fetchone()

    def wait(share: float) -> float | None:
        if not answered:
            return None
        # The smallest that is not below that share of them.
        row = connection.execute(
            f"{_POSTS}, waits AS (SELECT (first_at - julianday(t0)) * 24 AS hours,"  # noqa: S608
            " row_number() OVER (ORDER BY first_at - julianday(t0)) AS place,"
            f" count(*) OVER () AS n FROM asked WHERE first_at IS NOT NULL AND {where})"
            " SELECT min(hours) FROM waits WHERE place * 100 >= n * :share",
            {**bounds, "share": round(share * 100)},
        ).fetchone()
        return float(row[0])

    found = {
        "asked": asked,
        "answered": answered,
        "solved": solved,
        "newcomers": newcomers,
        "first_reply_median": wait(0.5),
        "first_reply_p90": wait(0.9),
    }
    connection.close()
    return found


def recount_bots(path: Path, period: Period) -> int:
    """What programs wrote, by SQL alone."""
    connection = sqlite3.connect(path)
    row = connection.execute(
        f"{_POSTS} SELECT (SELECT count(*) FROM replies WHERE by_bot AND at >= :since)"  # noqa: S608
        " + (SELECT count(*) FROM topics WHERE by_bot AND t0 >= :since)",
        {
            "since": period.since.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "until": period.until.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    ).fetchone()
    connection.close()
    return int(row[0])


def counts(figures: tuple[Figure, ...]) -> dict[str, object]:
    """What the report says, as counts and hours."""
    told: dict[str, object] = {}
    for figure in figures:
        if figure.unit == "share":
            told[figure.name] = figure.rows.count
            right = figure.rows.count / figure.n if figure.n else None
            assert figure.value == right
        elif figure.unit == "hours":
            hours = figure.value
            told[figure.name] = (
                None if hours is None else pytest.approx(hours, abs=1e-3)
            )
        else:
            told[figure.name] = figure.value
    return told


def random_forum(seed: int, topics: int) -> list[Document]:
    rng = random.Random(seed)
    people = [("amina", 5), ("ben", 6), ("chidi", None), ("dora", 8), ("baraza", 9)]
    people += [("system", -1), ("eva", 11), ("finn", None), ("gita", 13)]

    def written(number: int, at_hours: float) -> Part:
        name, user_id = rng.choice(people)
        at = START + timedelta(hours=round(at_hours, 2))
        return post(number, name, at=at, author_id=user_id)

    made = []
    for key in range(1, topics + 1):
        begun = rng.uniform(-60 * 24, 20 * 24)
        posts = [written(1, begun)] if rng.random() > 0.05 else []
        for number in range(2, 2 + rng.randrange(5)):
            # Some were moved here, and are older than their topic.
            posts.append(written(number, begun + rng.uniform(-5, 300)))
        if not posts:
            continue
        if len(posts) > 1 and rng.random() < 0.3:
            last = posts.pop()
            at = min(last.created_at or START, MONTH.until - HOUR)
            posts.append(
                post(
                    last.number,
                    last.author or "",
                    at=at,
                    author_id=last.author_id,
                    accepted=True,
                )
            )
        made.append(
            thread(
                key,
                *posts,
                at=START + timedelta(hours=round(begun, 2)),
                category=rng.choice(["Support", "Android", None]),
                language=rng.choice(["en", "fr", "pt-BR", None]),
                visibility=rng.choice(["public", "public", "category:staff"]),
                listed=rng.random() > 0.1,
            )
        )
    return made


@pytest.mark.parametrize("seed", range(6))
def test_every_figure_is_what_sql_counts(store: Store, seed: int) -> None:
    keep(store, random_forum(seed, 150))

    found = health(read_past(store, ["forum"], MONTH, bots=BOTS))

    by_bots = {"by_bots": recount_bots(store.path, MONTH)}
    assert counts(found.overall) == recount(store.path, MONTH) | by_bots
    assert by_bots["by_bots"] > 5
    assert counts(found.overall)["answered"] != 0
    # What was replied after the period before it was known when this one ended.
    for group in found.by_category:
        name = None if group.name == NO_CATEGORY else group.name
        where = "category IS NULL" if name is None else f"category = '{name}'"
        assert counts(group.figures) == recount(store.path, MONTH, where)
    for group in found.by_language:
        where = (
            "language IS NULL"
            if len(group.name) > 2
            else (f"substr(language, 1, 2) = '{group.name}'")
        )
        assert counts(group.figures) == recount(store.path, MONTH, where)


def past_of(store: Store, period: Period = WEEK) -> Past:
    return read_past(store, ["forum"], period, bots=BOTS)


def named(figures: tuple[Figure, ...]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures}


def test_a_bots_reply_never_makes_a_question_look_answered(store: Store) -> None:
    keep(
        store,
        [
            thread(1, post(1, "amina"), post(2, "Baraza"), post(3, "amina")),
            thread(2, post(1, "ben"), post(2, "system", author_id=-1)),
            thread(3, post(1, "baraza"), post(2, "amina")),
        ],
    )

    found = named(health(past_of(store)).overall)

    assert found["asked"].value == 2
    assert found["answered"].value == 0
    assert found["first_reply_median"].value is None
    # But they are told of, and where that was.
    assert found["by_bots"].value == 3
    assert [topic.key for topic in found["by_bots"].rows.first] == ["3", "2", "1"]


def test_what_programs_wrote_is_of_the_period_in_which_they_did(store: Store) -> None:
    early, late = START - 3 * DAY, START + 3 * DAY
    keep(
        store,
        [
            thread(
                1,
                post(1, "amina", at=early),
                post(2, "baraza", at=early),
                post(3, "baraza", at=late),
                at=early,
            ),
            thread(2, post(1, "baraza", at=early), post(2, "amina"), at=early),
        ],
    )

    found = health(past_of(store))
    now, before = named(found.overall)["by_bots"], named(found.before)["by_bots"]

    assert (now.value, [topic.key for topic in now.rows.first]) == (1, ["1"])
    assert (before.value, [topic.key for topic in before.rows.first]) == (2, ["2", "1"])


def test_a_bots_reply_solves_nothing_and_the_askers_own_does(store: Store) -> None:
    keep(
        store,
        [
            thread(1, post(1, "amina"), post(2, "baraza", accepted=True)),
            thread(2, post(1, "ben"), post(2, "ben", accepted=True)),
            thread(3, post(1, "ben"), post(2, "chidi", accepted=True)),
        ],
    )

    solved = named(health(past_of(store)).overall)["solved"]

    assert (solved.value, solved.rows.count) == (2 / 3, 2)
    assert [topic.key for topic in solved.rows.first] == ["3", "2"]


def test_shares_have_their_interval_and_the_rows_behind_them(store: Store) -> None:
    keep(
        store,
        [
            thread(
                key,
                post(1, f"asker{key}", at=START + key * HOUR),
                post(2, "ben", at=START + (2 * key) * HOUR),
                at=START + key * HOUR,
                category="Support",
            )
            for key in range(1, 4)
        ],
    )

    found = health(past_of(store), open_ids=[])
    answered = named(found.overall)["answered"]

    assert (answered.low, answered.high) == wilson_interval(3, 3)
    assert answered.rows.where == "in_period = yes and answered = yes"
    assert [topic.url for topic in answered.rows.first] == [
        f"{URL}/t/{key}" for key in (3, 2, 1)
    ]
    assert named(found.overall)["open"].value == 0
    slow = named(found.overall)["first_reply_p90"]
    assert (slow.value, slow.rows.first[0].key) == (3.0, "3")
    of_category = named(found.by_category[0].figures)["solved"].rows
    assert (of_category.count, of_category.where) == (
        0,
        'in_period = yes and category = "Support" and solved = yes',
    )


def test_an_empty_period_has_no_shares(store: Store) -> None:
    keep(store, [thread(1, post(1, "amina", at=START - DAY), at=START - DAY)])

    found = health(past_of(store))

    assert [(f.name, f.value) for f in found.overall] == [
        ("asked", 0),
        ("answered", None),
        ("solved", None),
        ("first_reply_median", None),
        ("first_reply_p90", None),
        ("newcomers", None),
        ("by_bots", 0),
    ]
    assert named(found.before)["asked"].value == 1
    assert (found.by_category, found.over_time) == ((), ())


def test_time_is_cut_into_weeks_and_a_long_period_into_months(store: Store) -> None:
    begun = [START + days * DAY for days in (0, 6, 8, 300)]
    keep(
        store,
        [thread(k, post(1, "amina", at=at), at=at) for k, at in enumerate(begun, 1)],
    )
    short = health(past_of(store, Period(START, START + 14 * DAY)))
    long = health(past_of(store, Period(START - 900 * DAY, START + 301 * DAY)))

    assert [(g.name, g.figures[0].value) for g in short.over_time] == [
        ("2026-03-02", 2),
        ("2026-03-09", 1),
        ("2026-03-16", 0),
    ]
    assert [g.name for g in long.over_time] == [
        *(f"2026-{month:02}" for month in range(3, 13))
    ]
    assert sum(g.figures[0].value or 0 for g in long.over_time) == 4
    assert [g.figures[0].rows.where for g in short.over_time[:2]] == [
        "in_period = yes and created_at >= 2026-03-02 and created_at < 2026-03-09",
        "in_period = yes and created_at >= 2026-03-09 and created_at < 2026-03-16",
    ]
    assert long.over_time[-1].figures[1].rows.where == (
        "in_period = yes and created_at >= 2026-12-01 and created_at < 2027-01-01"
        " and answered = yes"
    )


def test_small_groups_are_told_together(store: Store) -> None:
    keep(
        store,
        [
            thread(k, post(1, "amina"), category=f"c{min(k, 33):02}")
            for k in range(1, 36)
        ],
    )

    groups = health(past_of(store)).by_category

    assert [g.name for g in (groups[0], groups[-1])] == ["c33", OTHERS]
    assert (len(groups), groups[-1].figures[0].value) == (31, 3)
    assert [g.rest for g in groups] == [False] * 30 + [True]
    assert {f.rows.where for f in groups[-1].figures} == {None}


def test_groups_are_what_the_table_of_topics_tells_apart(store: Store) -> None:
    told = [None, "", " ", OTHERS, NO_CATEGORY, "a\u200bb", "ab", "=x", "pt-BR"]
    keep(
        store,
        [
            thread(
                k, post(1, "amina"), category=name, language="pt-BR" if k % 2 else "pt"
            )
            for k, name in enumerate(told, 1)
        ],
    )

    found = health(past_of(store))
    asked = [(g.name, g.figures[0].value, g.rest) for g in found.by_category]
    conditions = [group.figures[0].rows.where for group in found.by_category]

    assert asked == [
        (NO_CATEGORY, 3, False),
        ("ab", 2, False),
        ("=x", 1, False),
        (OTHERS, 1, False),
        (NO_CATEGORY, 1, False),
        ("pt-BR", 1, False),
    ]
    assert conditions == [
        "in_period = yes and category is empty",
        'in_period = yes and category = "ab"',
        # As the cell shows it.
        'in_period = yes and category = "\'=x"',
        f'in_period = yes and category = "{OTHERS}"',
        f'in_period = yes and category = "{NO_CATEGORY}"',
        'in_period = yes and category = "pt-BR"',
    ]
    [group] = found.by_language
    assert (group.name, group.figures[0].value) == ("pt", 9)
    assert group.figures[1].rows.where == (
        'in_period = yes and language = "pt" and answered = yes'
    )


def test_what_no_table_holds_has_its_rows_and_no_condition(store: Store) -> None:
    keep(store, [thread(1, post(1, "amina", at=START - DAY), at=START - DAY)])

    asked = named(health(past_of(store)).before)["asked"].rows

    assert (asked.count, asked.where, len(asked.first)) == (1, None, 1)
