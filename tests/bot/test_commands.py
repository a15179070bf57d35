"""What a private message asks for, by its first line."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import OF_STAFF, Command, command_in
from kb.types import TopicId

HOME = "https://f.org"


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
    assert command_in(raw, HOME) == command


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
    assert command_in(raw, HOME) == command


# Each order with what it comes to where it names nothing.
NAMING = {
    "approve": None,
    "approve draft": None,
    "reject": None,
    "not a question": None,
    # It is told that there is nothing to withdraw.
    "withdraw": Command("withdraw"),
}


def named_by(order: str, what: str, home: str) -> TopicId | None:
    found = command_in(f"{order} {what}", home)
    if found is None or (found.topic_id is None and not found.topic_ids):
        assert found == NAMING[order]
        return None
    return found.topic_id or found.topic_ids[0]


@pytest.mark.parametrize("order", NAMING)
@pytest.mark.parametrize(
    ("home", "address", "is_ours"),
    [
        (HOME, "https://f.org/t/x/812", True),
        (HOME, "<https://f.org/t/x/812>", True),
        (HOME, "http://F.org:80/t/812/3?u=root#top", True),
        (HOME, "/t/x/812", True),
        (f"{HOME}/", "https://f.org/t/x/812", True),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/t/812", True),
        ("https://f.org:443", "https://f.org/t/812", True),
        ("https://fórum.org", "https://xn--frum-qqa.org/t/812", True),
        (f"{HOME}/talk", "https://f.org/talk/t/x/812", True),
        (f"{HOME}/talk", "/talk/t/812", True),
        (f"{HOME}/talk", "/t/812", True),
        ("", "/t/812", True),
        (HOME, "https://evil.example/t/x/812", False),
        (HOME, "//evil.example/t/x/812", False),
        (HOME, "https://sub.f.org/t/812", False),
        (HOME, "https://f.org.evil.example/t/812", False),
        (HOME, "https://f.org@evil.example/t/812", False),
        (HOME, "https://evil.example\\@f.org/t/812", False),
        (HOME, "https://evil.example/?at=https://f.org/t/812", False),
        (HOME, "https://evil.example/x,https://f.org/t/812", False),
        (HOME, "https://evil.example/(/t/812)", False),
        (HOME, "https://evil.example/](https://f.org/t/812)", False),
        (HOME, "https://f.org:8443/t/812", False),
        (HOME, "https://f.org/talk/t/812", False),
        (HOME, "ftp://f.org/t/812", False),
        (HOME, "https://[f.org/t/812", False),
        (f"{HOME}/talk", "https://f.org/t/812", False),
        (f"{HOME}/talk", "https://f.org/talkative/t/812", False),
        (f"{HOME}/talk", "/talk/../t/812", False),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8081/t/812", False),
        ("", "https://f.org/t/812", False),
    ],
)
def test_an_address_names_a_topic_of_the_forum_that_is_watched_alone(
    order: str, home: str, address: str, is_ours: bool
) -> None:
    assert named_by(order, address, home) == (812 if is_ours else None)


@pytest.mark.parametrize("order", ["withdraw", "not a question"])
def test_an_address_may_be_copied_without_its_scheme_or_as_a_link(order: str) -> None:
    assert named_by(order, "f.org/t/x/812", HOME) == 812
    assert named_by(order, "[Title](https://f.org/t/x/812)", HOME) == 812
    assert named_by(order, "evil.example/t/x/812", HOME) is None


def test_one_topic_of_another_forum_among_several_voids_the_order() -> None:
    assert command_in("not a question 812, https://evil.example/t/813", HOME) is None


@pytest.mark.parametrize("order", NAMING)
@pytest.mark.parametrize(
    "number", ["-5", "#-5", "+5", "−5", "–5", ": -5", "- -5", "0", "00", "2147483648"]
)
def test_what_cannot_be_the_number_of_a_topic_names_none(
    order: str, number: str
) -> None:
    said = (number, f"`{number}`", f"/t/{number}", f"{HOME}/t/a-title/{number}/2")
    assert {named_by(order, each, HOME) for each in said} == {None}


@pytest.mark.parametrize("said", ["812 -813", "812, 0", "812 99999999999999"])
def test_a_draft_is_not_rejected_for_a_number(said: str) -> None:
    assert command_in(f"reject {said}") is None
    assert command_in(f"reject {said} is better") is not None


@pytest.mark.parametrize("order", NAMING)
def test_a_dash_is_no_sign_where_it_stands_alone(order: str) -> None:
    is_about_drafts = order in {"approve draft"}
    assert named_by(order, "– 812", HOME) == (None if is_about_drafts else 812)


def test_a_number_before_that_of_a_post_is_the_topics() -> None:
    assert command_in("withdraw https://f.org/t/812/3", HOME) == Command(
        "withdraw", topic_id=TopicId(812)
    )


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
    found = command_in(raw, HOME)

    if found is None:
        return
    assert len(found.reason) <= 200
    assert not found.reason or found.verb in {"pause", "reject"}
    assert found.topic_id is None or found.verb in {"withdraw", "approve", "reject"}
    # Only a withdrawal may name nothing: it is told so.
    assert (found.topic_id is not None) or found.verb not in {"approve", "reject"}
    assert bool(found.topic_ids) == (found.verb == "not_a_question")
    for topic_id in {*found.topic_ids, found.topic_id} - {None}:
        assert 0 < int(topic_id or 0) < 2**31


@given(st.integers(1, 2**31 - 2))
def test_a_number_is_read_whole_or_not_at_all(number: int) -> None:
    for order in ("approve draft", "reject", "withdraw"):
        for said in (f"{number}", f"https://f.org/t/a-title-2/{number}/4"):
            found = command_in(f"{order} {said}", HOME)
            assert found is not None
            assert found.topic_id == number
    assert command_in(f"not a question {number} {number + 1}") == Command(
        "not_a_question",
        topic_ids=(TopicId(number), TopicId(number + 1)),
    )
