"""What people make of a reply, as marks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.care import Letter, OwnPost, Person, Reaction
from bot.feedback import (
    LOOKED_AFTER,
    Opinion,
    is_due,
    marks_of,
    opinion_of,
    withdrawn_by_staff,
)
from kb.store import Mark
from kb.types import PostId, TopicId
from tests.bot.making import NOW

TOPIC = TopicId(7)
BOT, AMINA, BEN, ROOT = 9, 2, 3, 1


def post(**changes: Any) -> OwnPost:
    return OwnPost(PostId(20), TOPIC, 2, BOT, "See this.", **changes)


def letter(raw: str, *, by: int = AMINA, **changes: Any) -> Letter:
    values: dict[str, Any] = {
        "number": 3,
        "author": f"member-{by}",
        "author_id": by,
        "staff": by == ROOT,
        "created_at": NOW,
        "reply_to": 2,
    }
    return Letter(raw=raw, **(values | changes))


def reaction(name: str, by: int) -> Reaction:
    return Reaction(name, Person(by, f"member-{by}", staff=by == ROOT))


def marks(found: OwnPost | None = None, **given: Any) -> list[tuple[Any, ...]]:
    values: dict[str, Any] = {"likers": (), "reactions": (), "letters": ()}
    made = marks_of(found or post(), at=NOW, **(values | given))
    assert {(each.topic_id, each.at) for each in made} <= {(TOPIC, NOW)}
    return [(each.kind, each.user_id, each.value, each.staff) for each in made]


@pytest.mark.parametrize(
    ("raw", "opinion"),
    [
        ("👎", "did_not_help"),
        (":-1: no", "did_not_help"),
        ("This didn’t help, sorry.", "did_not_help"),
        ("Cela n'a pas aidé.", "did_not_help"),
        ("Eso no me ayudó", "did_not_help"),
        ("Isto não ajudou", "did_not_help"),
        ('[quote="baraza, post:2"]\nno\n[/quote]\n\n👎', "did_not_help"),
        ("> it did not help\n\nIt was fine.", None),
        ("Merci, mais cela ne m'aide pas.", "did_not_help"),
        ("Sorry, not helpful.", "did_not_help"),
        ("La respuesta no me ayudó.", "did_not_help"),
        ("It does not help that the page is in French.", None),
        ("Ce n’est pas utile", "did_not_help"),
        ("If this did not help, please tell us which version you run.", None),
        ("Si esto no ayuda, dime la versión.", None),
        ("Thanks, the first did not help but the second solved it!", None),
        ("This did not help at first, but now it works.", None),
        ("[quote][quote]hi[/quote]\n\n👎\n[/quote]\nI see", None),
        ("@baraza 👎", "did_not_help"),
        ("👍🏽 thanks", "helped"),
        ("withdraw", "withdraw"),
        ("Please withdraw this.", "withdraw"),
        ("retirer", "withdraw"),
        ("Can you withdraw a form?", None),
        ("Withdraw a form like this?", None),
        ("I withdraw money there", None),
        ("Withdraw the form first.", None),
        ("Thank you! That was it.", None),
        ("x" * 200 + " did not help", None),
        ("", None),
    ],
)
def test_an_opinion_stands_in_the_first_line(raw: str, opinion: Opinion | None) -> None:
    assert opinion_of(raw) == opinion


@pytest.mark.parametrize(
    ("raw", "opinion"),
    [
        ("This did not help.", None),
        ("If this did not help, please tell us which version you run.", None),
        ("👎", "did_not_help"),
        ("withdraw", "withdraw"),
    ],
)
def test_a_sentence_of_staff_is_no_order(raw: str, opinion: Opinion | None) -> None:
    assert opinion_of(raw, staff=True) == opinion


@given(st.text())
def test_any_text_has_an_opinion_or_none(raw: str) -> None:
    assert opinion_of(raw) in {"helped", "did_not_help", "withdraw", None}


def test_every_way_of_saying_it_makes_a_mark() -> None:
    found = marks(
        post(likes=1, hidden=True, accepted=True),
        likers=[Person(AMINA, "amina")],
        reactions=[reaction("-1", ROOT), reaction("tada:t2", BEN)],
        letters=[letter("👎", by=BEN)],
    )

    assert found == [
        ("flag", 0, -1, False),
        ("like", AMINA, 1, False),
        ("reaction", ROOT, -1, True),
        ("reaction", BEN, 1, False),
        ("solution", 0, 1, False),
        ("word", BEN, -1, False),
    ]


def test_neither_the_bot_nor_other_bots_have_a_say() -> None:
    found = marks(
        likers=[Person(BOT, "baraza"), Person(-1, "system")],
        reactions=[reaction("+1", BOT), reaction("-1", -2)],
        letters=[
            letter("👎", by=BOT),
            letter("👎", by=-1, staff=True),
            letter("👎", by=BEN, automatic=True),
        ],
    )

    assert found == []


def test_bots_of_the_community_have_no_say() -> None:
    found = marks(
        post(likes=1),
        likers=[Person(AMINA, "Helper-Bot")],
        reactions=[Reaction("-1", Person(BEN, "other-bot"))],
        letters=[letter("👎", author="helper-bot"), letter("👎", by=ROOT, number=4)],
        ignored=["helper-bot", "Other-Bot"],
    )

    assert found == [("word", ROOT, -1, True)]


def test_only_an_answer_to_the_reply_is_a_word_on_it() -> None:
    assert marks(letters=[letter("👎", reply_to=None), letter("👎", reply_to=1)]) == []


def test_one_person_counts_once_for_each_way() -> None:
    found = marks(
        post(likes=2),
        # With the plug-in a reaction is a like as well.
        likers=[Person(AMINA, "amina"), Person(BEN, "ben")],
        reactions=[reaction("-1", AMINA)],
        letters=[letter("👎"), letter("👍", number=4)],
    )

    assert found == [
        ("like", BEN, 1, False),
        ("reaction", AMINA, -1, False),
        ("word", AMINA, 1, False),
    ]


def test_a_like_counts_where_it_is_not_told_whose_it_is() -> None:
    assert marks(post(likes=3)) == [("like", 0, 1, False)]


def test_a_reply_goes_when_a_moderator_says_so_and_no_other() -> None:
    def mark(value: int, *, staff: bool) -> Mark:
        return Mark(TOPIC, "word", ROOT, value, staff, NOW)

    assert withdrawn_by_staff([mark(-1, staff=True)])
    assert not withdrawn_by_staff([mark(-1, staff=False), mark(1, staff=True)])


def test_a_reply_is_looked_after_ever_less_often() -> None:
    looks, looked, now = 0, None, NOW
    while now <= NOW + LOOKED_AFTER:
        if is_due(NOW, looked, now):
            looks, looked = looks + 1, now
        now += timedelta(minutes=2)

    assert looks == 48
