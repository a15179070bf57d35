"""The language of a text, and the honest answer that one cannot tell."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kb.language import detect

ENGLISH = "I cannot see the program in the capture app after the upgrade."
FRENCH = "Je ne vois plus le programme dans l'application de saisie."


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (ENGLISH, "en"),
        (FRENCH, "fr"),
        ("No consigo ver los datos en el panel desde ayer.", "es"),
        ("Não consigo ver os dados no painel desde ontem.", "pt"),
        ("COMMENT IMPORTER DES DONNÉES ?", "fr"),
        (FRENCH * 2_000, "fr"),
    ],
)
def test_languages_of_the_community_are_told_apart(text: str, language: str) -> None:
    assert detect(text) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dashboard",
        "E1063 409 2.40.1",
        "👍🎉 ??? \0",
        "\ud800\ud801",
        "Wie kann ich meine Daten in das System importieren?",
        "Come posso importare i dati nel sistema?",
        "ขอบคุณครับ สำหรับความช่วยเหลือ",
    ],
)
def test_short_strange_and_foreign_texts_have_no_language(text: str) -> None:
    assert detect(text) is None


def test_code_and_addresses_do_not_decide() -> None:
    code = "```\nfor value in values:\n    print(the_value)\n```"
    assert detect(f"{FRENCH}\n{code}\nhttps://example.org/how-to-see-this") == "fr"
    assert detect(code) is None
    # A fence that is never closed reaches to the end.
    assert detect("```\n" + ENGLISH) is None


def test_only_languages_asked_for_are_answered() -> None:
    assert detect(FRENCH, among=("en", "fr")) == "fr"
    assert detect(FRENCH, among=("en", "es")) is None


def test_a_model_that_cannot_be_unpacked_is_one_clear_error() -> None:
    """It is unpacked into the temporary folder, whose disk may be full."""
    code = (
        "import resource\n"
        "from kb.errors import KBError\n"
        "from kb.language import detect\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        f"    detect({ENGLISH!r})\n"
        "except KBError as exc:\n"
        "    print(exc)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("the language model cannot be unpacked into ")
    assert "File too large" in done.stdout


def test_the_model_is_loaded_only_when_a_text_is_read() -> None:
    code = "import sys, kb.language; sys.exit('py3langid' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
