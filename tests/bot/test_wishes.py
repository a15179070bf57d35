"""What members write to be left alone, in their words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox import Settings
from bot.sandbox.validation import body_errors
from bot.wishes import (
    OPT_IN,
    OPT_OUT,
    Wish,
    language_of_wish,
    opt_out_words,
    wish_in,
)


@pytest.mark.parametrize("phrase", OPT_OUT.values())
@pytest.mark.parametrize("form", ["{}", "“{}”", "`{}`.", "Hi! {} please", "  {} !\n"])
def test_the_words_that_replies_show_are_understood(phrase: str, form: str) -> None:
    assert wish_in(form.format(phrase)) == "opt_out"
    assert wish_in(form.format(phrase.upper())) == "opt_out"


@pytest.mark.parametrize("phrase", OPT_IN.values())
def test_who_opted_out_may_come_back(phrase: str) -> None:
    assert wish_in(f"Please {phrase}") == "opt_in"


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("Hello bot,\n\nopt-out\n\nThanks, Amina", "opt_out"),
        ("OptOut", "opt_out"),
        ("Can I opt out?", "opt_out"),
        ("no responder mas", "opt_out"),
        ("Nao responder mais, obrigada", "opt_out"),
        ("Ne plus re\u0301pondre", "opt_out"),
        ("I do not want answers, opt out", "opt_out"),
        ("Please do not answer me: opt out", "opt_out"),
        ("I’d like to opt out of your answers, please.", "opt_out"),
        ("No quiero respuestas: no responder más", "opt_out"),
        ("Please opt me out", "opt_out"),
        ("No me respondas más", "opt_out"),
        ("Por favor, não me responda mais!", "opt_out"),
        ("@baraza ne me répondez plus, s'il vous plaît", "opt_out"),
        ("Don't answer me any more", "opt_out"),
        ("Please opt me in again", "opt_in"),
        ("Ben wants to opt out", None),
        ("Ben says: opt out", None),
        ("Tell her to opt out.", None),
        ("I would like to opt out of the newsletter", None),
        ("I do not want to opt out", None),
        ("Why did you not answer me?", None),
        ("How do I opt out?", None),
        ("Do not opt out yet", None),
        ("Comment ne plus répondre ?", None),
        ("> opt out\nWhat does that mean?", None),
        (
            "I want to know whether members who opt out are still found by all of you",
            None,
        ),
        ("adopt outdated pages", None),
        ("opt", None),
        ("", None),
        ("opt in\nopt out", "opt_in"),
    ],
)
def test_a_wish_is_a_short_line_of_its_own(text: str, wish: Wish | None) -> None:
    assert wish_in(text) == wish


def test_languages_without_words_get_the_english_ones() -> None:
    assert [opt_out_words(each) for each in ("pt-BR", "sw", None)] == [
        "não responder mais",
        "opt out, please",
        "opt out, please",
    ]


def test_a_wish_is_answered_in_its_own_language() -> None:
    assert language_of_wish("Não responder mais, obrigado") == "pt"
    assert language_of_wish("Hola:\nno me respondas más") == "es"
    assert language_of_wish("pause") is None


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    assert wish_in(text) in (None, "opt_out", "opt_in")


@pytest.mark.parametrize("words", [*OPT_OUT.values(), *OPT_IN.values()])
def test_what_is_told_to_be_written_is_long_enough_for_a_private_message(
    words: str,
) -> None:
    assert list(body_errors(Settings(), words, private=True)) == []
    assert wish_in(words) is not None
