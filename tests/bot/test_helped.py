"""When people have answered, and when they only asked back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.helped import ENOUGH_WORDS, FEW_WORDS, has_answer, told_by
from bot.topic import ReplyView
from tests.bot.making import NOW, topic

LINK = '<p><a href="https://docs.example/backup">this page</a></p>'
ANSWER = (
    "<p>Your disk is full, since the dump is written beside the database. Mount "
    "another one and let pg_dump write there with the option for a compressed format,"
    " then remove what is older than two weeks by cron.</p>"
)
RUN = "Run this as the user postgres, every night at one:"
SHORT = "<p>That is a known bug, it is fixed in 2.41.2.</p>"


def answered(cooked: str, **changes: Any) -> str:
    values: dict[str, Any] = {
        "number": 3,
        "author": "ben",
        "author_id": 9,
        "staff": False,
        "created_at": NOW,
    }
    reply = ReplyView(cooked=cooked, **(values | changes))
    return has_answer(topic(replies=(reply,)), bot="Baraza")


@pytest.mark.parametrize(
    ("cooked", "changes", "why"),
    [
        ("<p>Yes.</p>", {"accepted": True}, "it is accepted"),
        (LINK, {}, "it has a link"),
        ('<p>See <a href="/t/backup/12/3">there</a></p>', {}, "it has a link"),
        (
            '<aside class="onebox"><a href="https://x.example">X</a></aside>',
            {},
            "it has a link",
        ),
        (SHORT, {"likes": 1}, "it is liked"),
        (SHORT, {"staff": True}, "it is from the staff"),
        (
            "<pre><code>pg_dump -Fc</code></pre>",
            {"staff": True},
            "it is from the staff",
        ),
        (f"<p>{RUN}</p><pre><code>pg_dump</code></pre>", {}, "it shows code"),
        (ANSWER, {}, "it tells something in 38 words"),
    ],
)
def test_a_member_has_answered(cooked: str, changes: dict[str, Any], why: str) -> None:
    assert answered(cooked, **changes) == f"a member has answered (post 3: {why})"


@pytest.mark.parametrize(
    "cooked",
    [
        "<p>Same problem here, on 2.40.</p>",
        "<p>I have exactly the same issue!</p><p>Any news?</p>",
        "<p>+1</p>",
        "<p>Did you find a solution?</p>",
        "<p>Which version do you use? Could you share the log?</p>",
        "<p>Please share the log of the server and tell us the version.</p>",
        "<p>Moi aussi, j’ai le même problème depuis hier.</p>",
        "<p>Bonjour, pourriez-vous préciser la version et joindre le journal</p>",
        "<p>Yo también, el mismo problema.</p>",
        "<p>Eu também tenho o mesmo erro.</p>",
        "<p>Hello Amina, welcome!</p>",
        "<p>Thanks</p>",
        "",
        '<p><a class="mention" href="/u/ann">@ann</a>, have a look?</p>',
        '<p><a class="attachment" href="/uploads/short-url/x.txt">x.txt</a></p>',
        '<aside class="quote"><blockquote>' + ANSWER + LINK + "</blockquote></aside>"
        "<p>Same here.</p>",
    ],
)
@pytest.mark.parametrize("changes", [{}, {"staff": True}, {"likes": 3}])
def test_company_and_questions_are_no_answer(
    cooked: str, changes: dict[str, Any]
) -> None:
    assert answered(cooked, **changes) == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"author_id": -2},
        {"author_id": 0},
        {"author": "baraza"},
        {"author": "amina", "author_id": 5},
    ],
)
def test_bots_and_the_asker_do_not_count(changes: dict[str, Any]) -> None:
    assert answered(LINK + ANSWER, **changes) == ""


def test_a_short_remark_of_a_member_leaves_the_topic_to_the_bot() -> None:
    assert answered(SHORT) == ""


def test_a_link_that_the_question_has_itself_is_no_news() -> None:
    reply = ReplyView(3, "ben", 9, False, LINK, NOW)

    assert has_answer(topic(opening=LINK, replies=(reply,)), bot="baraza") == ""


@given(st.text(max_size=300))
def test_any_html_can_be_judged(cooked: str) -> None:
    told = told_by(cooked)

    assert told.words >= 0
    enough = FEW_WORDS if told.code else ENOUGH_WORDS
    assert bool(answered(cooked)) == (told.links or told.words >= enough)
