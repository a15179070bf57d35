"""What a moderator can do from the report, by a link or at a terminal."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import Command, command_in
from bot.report.actions import actions_for, order_link
from bot.report.model import Action, Topic
from bot.sandbox.settings import Settings
from bot.sandbox.validation import body_errors
from kb.types import TopicId
from tests.bot.making import NOW

FORUM = "https://forum.example"
TOPIC = Topic("forum", "812", "Import fails", f"{FORUM}/t/import-fails/812", NOW)
BOT: dict[str, Any] = {"forum_url": FORUM, "bot": "baraza", "bot_source": "forum"}


def told(action: Action) -> dict[str, str]:
    """What the composer is opened with."""
    parts = urlsplit(action.url)
    assert parts.path.endswith("/new-message")
    return {name: value for name, [value] in parse_qs(parts.query).items()}


def test_a_draft_is_approved_and_a_topic_called_no_question_by_a_message() -> None:
    opened, approved, rejected, no_question = actions_for(
        TOPIC, **BOT, draft_waits=True
    )

    assert opened == Action("open", TOPIC.url)
    assert (approved.name, approved.command) == ("approve", "baraza approve 812")
    assert approved.url == (
        f"{FORUM}/new-message?username=baraza&title=About%20topic%20812"
        "&body=approve%20draft%20812"
    )
    assert (rejected.name, rejected.command) == ("reject", "baraza reject 812")
    assert told(rejected)["body"] == "reject draft 812"
    assert no_question.name == "not_a_question"
    assert no_question.command == "baraza mark 812 not-a-question"
    assert told(no_question)["body"] == "not a question 812"


def test_without_a_draft_there_is_nothing_to_approve() -> None:
    assert [each.name for each in actions_for(TOPIC, **BOT)] == [
        "open",
        "not_a_question",
    ]


def test_a_bot_that_reads_no_mail_takes_orders_at_a_terminal_alone() -> None:
    draft = f"{FORUM}/t/drafts/9/4"

    _, read, approve, reject, no_question = actions_for(
        TOPIC, bot_source="forum", draft_waits=True, draft_url=draft
    )

    assert read == Action("read_draft", draft)
    assert approve == Action("approve", "", "baraza approve 812")
    assert reject == Action("reject", "", "baraza reject 812")
    assert no_question == Action("not_a_question", "", "baraza mark 812 not-a-question")


def test_a_topic_of_an_archive_is_marked_by_the_name_of_its_source() -> None:
    topic = Topic("old forum", "7", "Import fails", f"{FORUM}/t/7", NOW)

    assert actions_for(topic, **BOT, draft_waits=True) == (
        Action("open", topic.url),
        Action(
            "not_a_question", "", "baraza mark 7 not-a-question --source 'old forum'"
        ),
    )


def test_who_has_no_terminal_is_shown_no_commands() -> None:
    actions = actions_for(TOPIC, **BOT, draft_waits=True, commands=False)

    assert [(each.name, each.command) for each in actions] == [
        ("open", ""),
        ("approve", ""),
        ("reject", ""),
        ("not_a_question", ""),
    ]
    assert actions_for(TOPIC, commands=False) == (Action("open", TOPIC.url),)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "", "//evil.example", "a b"])
def test_nobody_is_led_to_what_is_no_address(url: str) -> None:
    topic = Topic("forum", "812", "Import fails", url, NOW)

    assert "open" not in {each.name for each in actions_for(topic, **BOT)}


@pytest.mark.parametrize("key", ["", "x", "8-1", "8 1", "٣", "-8"])
def test_a_topic_without_a_number_can_only_be_opened(key: str) -> None:
    topic = Topic("forum", key, "Import fails", TOPIC.url, NOW)

    assert actions_for(topic, **BOT, draft_waits=True) == (Action("open", TOPIC.url),)


def number(action: Action) -> Command | None:
    return command_in(told(action)["body"])


@given(st.integers(1, 10**9), st.text(min_size=1), st.sampled_from(["", "/forum/"]))
def test_what_a_link_says_is_an_order_that_the_forum_takes_and_the_bot_understands(
    key: int, bot: str, folder: str
) -> None:
    settings: dict[str, Any] = {**BOT, "forum_url": FORUM + folder, "bot": bot}
    bot = bot.encode("utf-8", "replace").decode()
    topic = Topic("forum", str(key), "Import fails", TOPIC.url, NOW)

    _, approve, reject, no_question = actions_for(topic, **settings, draft_waits=True)

    assert number(reject) == Command("reject", topic_id=TopicId(key))
    assert number(approve) == Command("approve", topic_id=TopicId(key))
    assert number(no_question) == Command("not_a_question", topic_ids=(TopicId(key),))
    for action in (approve, reject, no_question):
        asked = told(action)
        assert asked["username"] == bot
        assert list(body_errors(Settings(), asked["body"], private=True)) == []
        # What is written in the place of the order must not be overruled by it.
        assert command_in(asked["title"]) is None
        assert action.url.startswith(f"{FORUM}{folder.rstrip('/')}/new-message?")
        assert action.url.isascii()


@given(st.text(), st.text())
def test_no_text_leaves_its_place_in_the_link(order: str, bot: str) -> None:
    order, bot = (text.encode("utf-8", "replace").decode() for text in (order, bot))
    query = urlsplit(order_link(FORUM, bot, order, "1")).query

    assert parse_qs(query, keep_blank_values=True) == {
        "username": [bot],
        "title": ["About topic 1"],
        "body": [order],
    }
