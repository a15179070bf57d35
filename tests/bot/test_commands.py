"""What a private message asks for, by its first line."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import OF_STAFF, Command, command_in
from kb.types import TopicId


@pytest.mark.parametrize(
    ("raw", "command"),
    [
        ("pause", Command("pause")),
        ("`Pause` – we are moving.", Command("pause", "we are moving")),
        ("PAUSA: nos mudamos", Command("pause", "nos mudamos")),
        ("pauses are good", None),
        ("resume", Command("resume")),
        ("Reprendre !", Command("resume")),
        ("resume please", Command("resume")),
        ("Resume of what I tried so far:", None),
        ("status?", Command("status")),
        ("withdraw 812", Command("withdraw", topic_id=TopicId(812))),
        ("retirer #812", Command("withdraw", topic_id=TopicId(812))),
        (
            "withdraw https://f.org/t/an-old-title/812/3?u=root",
            Command("withdraw", topic_id=TopicId(812)),
        ),
        ("withdraw <https://f.org/t/812>", Command("withdraw", topic_id=TopicId(812))),
        ("withdraw 8 or 12", Command("withdraw")),
        ("withdraw 99999999999999999999", Command("withdraw")),
        ("opt out", Command("opt_out")),
        ("Hello,\nvolver a responder", Command("opt_in")),
        ('[quote="baraza, post:1"]\nopt out\n[/quote]\n\nWhat is this?', None),
        ("[quote]\npause\n[/quote]\n\nresume", Command("resume")),
        ("> pause\n\nWhat is this?", None),
        ("[quote][quote]hello[/quote]\n\nresume\n[/quote]", None),
        ("[quote][quote]hello[/quote]\n\nresume", None),
        ("[/quote]\nresume", None),
        ('[quote="A ]b, post:1"]\nhi\n[/quote]\nresume', Command("resume")),
        ('[quote="A ]\nresume\n[/quote]', None),
        ("> Please tell them to\nresume\n", None),
        ("> it is paused\n\nresume", Command("resume")),
        ("Resume?", None),
        ("Reprendre ?", None),
        ("resume tomorrow", None),
        ("withdraw 812?", None),
        ("withdraw 812, please", Command("withdraw", topic_id=TopicId(812))),
        ("pause?", Command("pause")),
        ("", None),
    ],
)
def test_the_first_line_says_what_is_asked_for(
    raw: str, command: Command | None
) -> None:
    assert command_in(raw) == command


APPROVE = Command("approve", topic_id=TopicId(812))
REJECT = Command("reject", topic_id=TopicId(812))
NO_QUESTION = Command("not_a_question", topic_ids=(TopicId(812),))


@pytest.mark.parametrize(
    ("raw", "command"),
    [
        ("approve draft 812", APPROVE),
        ("Approve 812", APPROVE),
        ("`approve draft #812`", APPROVE),
        ("approve the draft 812 now!", APPROVE),
        ("approve https://f.org/t/an-old-title/812/3", APPROVE),
        ("approve draft <https://f.org/t/812>.", APPROVE),
        ("approuver le brouillon 812, merci", APPROVE),
        ("aprobar el borrador 812 por favor", APPROVE),
        ("aprovar o rascunho 812", APPROVE),
        ("approve draft 812?", None),
        ("`approve draft 812?`", None),
        ("approve draft 812 and 813", None),
        ("approve 812, it is right", None),
        ("approve the plan for 2026", None),
        ("approve 812abc", None),
        ("approve 9999999999999", None),
        ("approve", None),
        ("I approve 812", None),
        ("reject draft 812", REJECT),
        ("Rejeter 812, merci", REJECT),
        ("rechazar borrador 812", REJECT),
        ("rejeitar rascunho 812", REJECT),
        (
            "reject draft 812: it answers 2 other questions.",
            replace(REJECT, reason="it answers 2 other questions"),
        ),
        (
            "reject https://f.org/t/x/812 – see https://f.org/t/9",
            replace(REJECT, reason="see https://f.org/t/9"),
        ),
        ("reject 812, 813", None),
        ("reject 812: or should it stay?", None),
        ("reject it", None),
        ("not a question 812", NO_QUESTION),
        ("Not-a-question: 812, please", NO_QUESTION),
        ("pas une question 812", NO_QUESTION),
        ("`not a question 812`", NO_QUESTION),
        ("Ce n’est pas une question 812", NO_QUESTION),
        ("Ce n'est pas une question ?", None),
        ("no es una pregunta 812", NO_QUESTION),
        ("Não é uma pergunta: 812", NO_QUESTION),
        ("nao e pergunta 812", NO_QUESTION),
        (
            "not a question 812, https://f.org/t/x/9/2 and #11 812",
            replace(NO_QUESTION, topic_ids=(TopicId(812), TopicId(9), TopicId(11))),
        ),
        ("not a question 812?", None),
        ("not a question 812, I think", None),
        ("not a question", None),
        ("Not a question, just thanks!", None),
        ("not a question https://f.org/c/5", None),
        ("not a question " + "812 " * 600, None),
        ("> approve 812\n\nWhat does that do?", None),
    ],
)
def test_moderators_judge_drafts_and_topics_by_number_or_address(
    raw: str, command: Command | None
) -> None:
    assert command_in(raw) == command


def test_all_that_moderators_order_is_theirs_alone() -> None:
    verbs = {"pause", "resume", "status", "withdraw"}

    assert {*verbs, "approve", "reject", "not_a_question"} == OF_STAFF


def test_a_pause_holds_however_much_is_said_with_it() -> None:
    found = command_in("pause: " + "a very long story " * 500)

    assert found is not None
    assert (found.verb, len(found.reason)) == ("pause", 200)


ORDERS = "pause|withdraw|approve|reject|not a question|opt out|\\[quote\\]"


@given(st.text() | st.from_regex(rf"({ORDERS}) ?(draft)? ?(8|https:/).{{0,40}}"))
def test_any_text_asks_for_something_or_nothing(raw: str) -> None:
    found = command_in(raw)

    if found is None:
        return
    assert len(found.reason) <= 200
    assert not found.reason or found.verb in {"pause", "reject"}
    assert found.topic_id is None or found.verb in {"withdraw", "approve", "reject"}
    # Only a withdrawal may name nothing: it is told so.
    assert (found.topic_id is not None) or found.verb not in {"approve", "reject"}
    assert bool(found.topic_ids) == (found.verb == "not_a_question")


@given(st.integers(1, 10**12 - 2))
def test_a_number_is_read_whole_or_not_at_all(number: int) -> None:
    for order in ("approve draft", "reject", "withdraw"):
        for said in (f"{number}", f"https://f.org/t/a-title-2/{number}/4"):
            found = command_in(f"{order} {said}")
            assert found is not None
            assert found.topic_id == number
    assert command_in(f"not a question {number} {number + 1}") == Command(
        "not_a_question",
        topic_ids=(TopicId(number), TopicId(number + 1)),
    )
