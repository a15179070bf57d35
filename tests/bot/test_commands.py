"""What a private message asks for, by its first line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import Command, command_in
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
        ("pause?", Command("pause")),
        ("", None),
    ],
)
def test_the_first_line_says_what_is_asked_for(
    raw: str, command: Command | None
) -> None:
    assert command_in(raw) == command


@given(st.text() | st.from_regex(r"(pause|withdraw|opt out|\[quote\]).{0,40}"))
def test_any_text_asks_for_something_or_nothing(raw: str) -> None:
    found = command_in(raw)

    assert found is None or len(found.reason) <= 200
    assert found is None or found.verb == "withdraw" or found.topic_id is None
