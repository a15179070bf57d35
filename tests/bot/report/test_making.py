"""The whole report of stores that are empty, odd, hostile or large."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

from bot.app import App
from bot.config import parse_config
from bot.report.making import make, wanted
from bot.report.model import Report
from bot.report.writing import TEXTS, schema_text, tables
from kb.store import Decision, Store
from kb.types import Document, TopicId
from tests.bot.report.sample import HOSTILE
from tests.bot.report.world import (
    ASKS,
    DAY,
    HOUR,
    START,
    TELLS,
    URL,
    WEEK,
    keep,
    post,
    thread,
)

NOW = START + 7 * DAY


@pytest.fixture
def app(tmp_path: Path) -> App:
    """Of a forum that is stored, and of an archive of it."""
    values = {
        "community": {"name": "Example", "contact": "ops@example.org"},
        "sources": {
            "forum": {"type": "forum", "url": URL},
            "old": {"type": "archive", "path": "old.jsonl", "forum_url": URL},
        },
        "embedding": {"model": "hashing"},
        "bot": {"forum": "forum"},
    }
    return App(parse_config(values, folder=tmp_path), clock=lambda: NOW)


def keep_in(app: App, documents: Sequence[Document] = ()) -> None:
    with app.open_store() as store:
        keep(store, documents)
    app.index()


def report_of(app: App, **asked: object) -> Report:
    return make(app, wanted(app, **asked))  # type: ignore[arg-type]


def written(report: Report) -> dict[str, str]:
    """In every form; the JSON is checked."""
    texts = {form: write(report) for form, write in TEXTS.items()}
    jsonschema.validate(json.loads(texts["json"]), json.loads(schema_text()))
    return texts | dict(tables(report))


def test_an_empty_store_is_told_of_in_a_sentence(app: App) -> None:
    keep_in(app)

    report = report_of(app)

    assert report.notes == (
        "No topic is held of forum from before the end of this period: run baraza "
        "harvest.",
    )
    assert (report.topics, report.open_now.total.count) == (0, 0)
    assert all("No topic is held of forum" in written(report)[f] for f in TEXTS)


def test_one_topic_is_a_report(app: App) -> None:
    keep_in(app, [thread(1, post(1, "amina", ASKS))])

    report = report_of(app)
    whole = report_of(app, whole=True)

    assert [q.topic.key for q in report.open_now.questions] == ["1"]
    assert report.notes == ()
    assert [f.value for f in report.health.overall[:3]] == [1, 0, 0]
    assert (whole.since, whole.topics) == (START, 1)
    written(report)


def test_what_was_searched_in_vain_is_told_where_searches_are_served(app: App) -> None:
    keep_in(app, [thread(1, post(1, "amina", ASKS))])
    unserved = written(report_of(app))
    with app.open_store() as store, store.transaction():
        store.searches.count(START.date(), 40, 9)
        for text in HOSTILE:
            store.searches.miss(START.date(), f"x {text}", 5, 6)

    report = report_of(app)
    served = written(report)

    assert not any("searched" in unserved[form] for form in ("brief", "markdown"))
    assert report.gaps.searches is not None
    assert (report.gaps.searches.searches, report.gaps.searches.in_vain) == (40, 9)
    assert {each.times for each in report.gaps.searches.sought} == {6}
    assert "40 searches, 9 of them in vain" in served["brief"]
    assert served["searches"].startswith("query,people,times\r\n")


def test_where_only_bots_write_nobody_asks(app: App) -> None:
    keep_in(
        app,
        [
            thread(1, post(1, "baraza", ASKS), post(2, "system", author_id=-1)),
            thread(2, post(1, "discobot", ASKS, author_id=-2)),
        ],
    )

    report = report_of(app)

    assert report.notes == (
        "Nobody began a topic in this period; the newest before its end is of "
        "2026-03-02 09:00 UTC.",
    )
    assert (report.topics, report.rows) == (0, ())
    assert report.who_could_help == ()
    written(report)


def test_hostile_titles_and_names_are_told_and_do_nothing(app: App) -> None:
    keep_in(
        app,
        [
            thread(
                number,
                post(1, f"{text} a", f"<p>{text}</p>{ASKS}", at=START + number * HOUR),
                post(2, f"{text} b", TELLS, at=START + number * HOUR),
                title=text,
                category=text or None,
                tags=(text,),
                at=START + number * HOUR,
            )
            for number, text in enumerate(HOSTILE * 2, start=1)
        ],
    )

    report = report_of(app)
    texts = written(report)

    assert report.topics == 2 * len(HOSTILE)
    for text in (texts["html"], texts["markdown"], texts["brief"]):
        assert "<script>alert" not in text
        assert "\u202e" not in text
        assert "\x1b" not in text
    assert "<img src=x" not in texts["html"]


def test_the_same_store_gives_the_same_texts(app: App) -> None:
    keep_in(
        app,
        [
            thread(
                number,
                post(1, f"asker{number % 7}", ASKS, at=START + number * HOUR),
                *(
                    [post(2, f"helper{number % 5}", at=START + (number + 1) * HOUR)]
                    if number % 3
                    else []
                ),
                at=START + number * HOUR,
            )
            for number in range(1, 60)
        ],
    )

    once, again = written(report_of(app)), written(report_of(app))

    assert once == again
    assert "helper1" in once["helpers"]


def test_what_the_bot_held_back_stands_beside_the_question(app: App) -> None:
    keep_in(
        app,
        [
            thread(1, post(1, "amina", ASKS)),
            thread(2, post(1, "ben", ASKS), visibility="category:staff"),
            thread(3, post(1, "chidi", ASKS)),
        ],
    )
    with app.open_store() as store, store.transaction():
        for number, reason, link in (
            (1, "the best thread has a confidence of 0.31, and 0.40 is needed", "3"),
            (3, "its author wants no answers", "1"),
        ):
            store.ledger.record(
                Decision(
                    "forum",
                    TopicId(number),
                    "t",
                    "shadow",
                    "decided",
                    (reason,),
                    NOW - HOUR,
                    (_link(link, 0.31), _link("2", 0.2)),
                )
            )

    report = report_of(app)
    held = {q.topic.key: q for q in report.open_now.questions}

    assert held["1"].silence == (
        "not sure enough of what it found (31 %, and 40 % is needed)"
    )
    assert held["1"].suggestion is not None
    assert held["1"].suggestion.confidence == 0.31
    # Who wants no answers is nobody's business.
    assert held["3"].silence == "left alone by the bot's policy"
    assert "wants no answers" not in "".join(written(report).values())
    assert {row.topic.key: row.bot for row in report.rows} == {
        "1": "silent",
        "3": "silent",
    }


def _link(key: str, confidence: float) -> dict[str, object]:
    return {
        "kind": "thread",
        "title": f"Topic {key}",
        "url": f"{URL}/t/{key}/1",
        "confidence": confidence,
        "source": "forum",
        "key": key,
    }


def test_a_suggestion_that_may_not_be_seen_any_more_is_not_told(app: App) -> None:
    keep_in(
        app,
        [
            thread(1, post(1, "amina", ASKS)),
            thread(2, post(1, "ben", ASKS), visibility="category:staff"),
        ],
    )
    with app.open_store() as store, store.transaction():
        links = (_link("2", 0.9), _link("99", 0.8), {"forgotten": True})
        store.ledger.record(
            Decision(
                "forum",
                TopicId(1),
                "t",
                "shadow",
                "decided",
                ("why",),
                NOW - HOUR,
                links,
            )
        )

    (question,) = report_of(app).open_now.questions

    assert question.suggestion is None
    assert question.silence == "why"


def test_an_open_question_is_told_of_longer_than_the_period(app: App) -> None:
    keep_in(
        app,
        [
            thread(1, post(1, "amina", ASKS, at=START - 20 * DAY), at=START - 20 * DAY),
            thread(2, post(1, "ben", ASKS, at=START - 90 * DAY), at=START - 90 * DAY),
        ],
    )

    report = report_of(app)

    assert (report.topics, report.open_now.total.count) == (0, 1)
    assert report.health.overall[3].rows.count == 0


def test_a_topic_in_forum_and_archive_is_counted_once(app: App) -> None:
    keep_in(
        app,
        [
            thread(1, post(1, "amina", ASKS)),
            thread(1, post(1, "amina", ASKS), source="old"),
        ],
    )

    assert report_of(app).topics == 1
    assert report_of(app, sources=["old"]).topics == 1
    assert report_of(app, sources=["old", "forum"]).rows[0].topic.source == "old"


def test_what_is_written_later_is_no_suggestion(app: App) -> None:
    early = START - 9 * DAY
    keep_in(
        app,
        [
            thread(1, post(1, "amina", ASKS)),
            thread(
                2,
                post(1, "ben", "<p>Anybody?</p>", at=early),
                post(2, "chidi", f"{ASKS} {TELLS}", at=NOW + DAY),
                title="Something else",
                at=early,
            ),
        ],
    )
    app.clock = lambda: NOW + 2 * DAY

    now, then = report_of(app), report_of(app, until=str(NOW.date()))

    assert "pg_restore" in written(now)["json"]
    assert "pg_restore" not in written(then)["json"]


def test_what_a_moderator_marked_is_told_nowhere(app: App) -> None:
    thanks = post(3, "amina", "<p>Thank you, that works now!</p>", at=START + HOUR)
    keep_in(
        app,
        [thread(k, post(1, "amina", ASKS), post(2, "ben"), thanks) for k in (1, 2)],
    )
    before = report_of(app)
    with app.open_store() as store, store.transaction():
        store.verdicts.mark("forum", TopicId(2), "not_a_question", "staff", NOW - HOUR)

    after = report_of(app)

    assert [u.topic.key for u in before.unmarked] == ["2", "1"]
    assert [u.topic.key for u in after.unmarked] == ["1"]
    assert (before.trends.asked, after.trends.asked) == (2, 1)


def test_who_is_told_of_as_open_is_not_told_of_as_answered(app: App) -> None:
    idle = post(2, "ben", "<p>Same problem here.</p>", at=START + HOUR)
    solved = post(
        3, "amina", "<p>I found it, solved: stop the server.</p>", at=START + 2 * HOUR
    )
    keep_in(app, [thread(1, post(1, "amina", ASKS), idle, solved)])

    report = report_of(app)

    assert [q.topic.key for q in report.open_now.questions] == ["1"]
    assert report.unmarked == ()


def test_the_table_holds_all_that_is_told_of_as_open(app: App) -> None:
    old = START - 20 * DAY
    keep_in(
        app,
        [
            thread(1, post(1, "amina", ASKS, at=old), at=old),
            thread(2, post(1, "ben", ASKS)),
        ],
    )

    report = report_of(app)

    assert report.open_now.total.count == sum(row.open for row in report.rows) == 2
    assert [row.in_period for row in report.rows] == [False, True]
    assert report.topics == 1


def test_profiles_are_looked_up_of_those_who_are_suggested_alone(app: App) -> None:
    helped = [
        thread(
            k,
            post(1, "amina", ASKS, author_id=5, at=START - 3 * DAY),
            post(2, name, author_id=user, at=START - 2 * DAY),
            at=START - 3 * DAY,
        )
        for k, name, user in ((1, "ben", 6), (2, "chidi", 7))
    ]
    keep_in(app, [*helped, thread(3, post(1, "dora", ASKS, author_id=8))])
    with app.open_store() as store, store.transaction():
        store.members.wish(
            "forum",
            username="chidi",
            user_id=7,
            answers=False,
            origin="message",
            at=START,
        )
    asked: list[dict[str, str]] = []

    def look_up(members: Mapping[str, str]) -> Mapping[str, str]:
        asked.append(dict(members))
        return {"forum:6": "Kisumu"}

    report = make(app, wanted(app), look_up=look_up)

    assert asked == [{"forum:6": "ben"}]
    (question,) = report.open_now.questions
    assert [(h.name, h.region) for h in question.helpers] == [("ben", "Kisumu")]
    assert [(load.name, load.region) for load in report.who_could_help] == [
        ("ben", "Kisumu")
    ]


def test_a_period_may_begin_before_there_was_anything(app: App) -> None:
    keep_in(app, [thread(1, post(1, "amina", ASKS))])

    assert report_of(app, since="0900-01-01").topics == 1


@pytest.mark.slow
def test_fifty_thousand_topics_are_no_trouble(app: App) -> None:
    """Written straight into the tables: a harvest of so many takes minutes."""
    with app.open_store() as store, store.transaction():
        _fill(store, 50_000)

    report = report_of(app)

    assert report.topics == 500
    assert report.health.overall[0].value == 500
    assert sum(row.in_period for row in report.rows) == 500
    assert report.notes[0].startswith("There is no index that can be used")


def _fill(store: Store, count: int) -> None:
    """A topic each 1.2 hours until now, every second one answered."""
    ids = range(1, count + 1)

    def begun(i: int) -> datetime:
        return NOW - (count - i + 0.5) * timedelta(days=7) / 500

    def text(at: datetime) -> str:
        return at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

    store.db.conn.executemany(
        "INSERT INTO documents (id, source, kind, key, url, title, visibility, tags,"
        " created_at, solved, closed, listed, views, parts_count, revision,"
        " content_hash, chunker, walk) VALUES (?, 'forum', 'thread', ?, ?, ?, 'public',"
        " '[]', ?, 0, 0, 1, 0, 2, '', '', '', 1)",
        [
            (i, str(i), f"{URL}/t/{i}", f"How do I restore {i}?", text(begun(i)))
            for i in ids
        ],
    )
    store.db.conn.executemany(
        "INSERT INTO parts (document_id, number, body, format, author_id, author,"
        " created_at, likes, accepted) VALUES (?, ?, ?, 'html', ?, ?, ?, 0, 0)",
        [
            row
            for i in ids
            for row in (
                (i, 1, ASKS, i % 5_000 + 1, f"asker{i % 5_000}", text(begun(i))),
                (i, 2, TELLS, i % 40 + 6_000, f"helper{i % 40}", text(begun(i))),
            )[: 2 if i % 2 else 1]
        ],
    )


def test_the_week_of_these_tests_is_the_default_one(app: App) -> None:
    assert wanted(app).period == WEEK
