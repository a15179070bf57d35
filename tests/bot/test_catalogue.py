"""The catalogues that are shipped: whole, true to English, and up to the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po as read_any_po

from bot.catalogue import LOCALE_FOLDER, read_po, shipped, shipped_files
from bot.translations import originals, problem_of, strings, template
from tests.conftest import CHECKOUT

LANGUAGES = sorted(shipped_files())


def sentences(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def names(catalog: Catalog) -> list[tuple[str | None, tuple[str, ...]]]:
    return [(each.context, tuple(originals(each))) for each in sentences(catalog)]


def test_answers_are_shipped_in_four_languages() -> None:
    assert sorted(shipped().by_language) == ["en", "es", "fr", "pt"]
    assert LANGUAGES == ["es", "fr", "pt"]


def test_the_template_holds_what_the_code_says(tmp_path: Path) -> None:
    """As ``make messages`` makes it."""
    [recipe] = re.findall(
        r"pybabel (extract.*?--output-file=)(?:\S+) bot$",
        (CHECKOUT / "Makefile").read_text("utf-8").replace("\\\n", ""),
        re.MULTILINE,
    )
    made = tmp_path / "made.pot"
    options = [*f"{recipe}{made}".split(), "bot"]
    command = [sys.executable, "-m", "babel.messages.frontend", "--quiet", *options]
    subprocess.run(command, cwd=CHECKOUT, check=True)

    there = LOCALE_FOLDER / "baraza.pot"
    assert made.read_text("utf-8") == there.read_text("utf-8"), "run make messages"
    assert len(sentences(template())) > 20


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_translates_every_sentence_and_no_other(language: str) -> None:
    found = read_po(shipped_files()[language], language)

    assert names(found) == names(template()), "run make messages, then translate"
    for message in sentences(found):
        assert not message.fuzzy, message.id
        assert all(strings(message)), message.id
    assert found.obsolete == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_keeps_what_is_filled_in(language: str) -> None:
    found = read_po(shipped_files()[language], language)

    problems = {
        text: problem
        for message in sentences(found)
        for text in strings(message)
        if (problem := problem_of(text, originals(message)))
    }
    assert problems == {}


def test_french_has_no_sign_on_a_line_of_its_own() -> None:
    """Before : ; ? ! stands a space, at which no line may break."""
    found = read_po(shipped_files()["fr"], "fr")
    texts = [text for message in sentences(found) for text in strings(message)]

    assert [
        text for text in texts if re.search(r"(?<![\u00a0\u202f])[:;?!]", text)
    ] == []
    assert sum("\u00a0:" in text for text in texts) >= 5
    assert sum("\u202f;" in text for text in texts) == 1


def test_the_template_is_one_that_translators_tools_read() -> None:
    with (LOCALE_FOLDER / "baraza.pot").open("rb") as file:
        found = read_any_po(file, abort_invalid=True)

    assert names(found) == names(template())
    assert {message.auto_comments != [] for message in sentences(found)} == {True}


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("fr", "fr"),
        ("fr_CA", "fr"),
        ("pt-BR", "pt"),
        ("fra", "fr"),
        ("sw", "en"),
        ("und", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_every_language_has_a_catalogue_that_is_read(
    asked: str | None, language: str
) -> None:
    assert shipped().of(asked).language == language


def test_languages_without_a_catalogue_are_known() -> None:
    assert shipped().missing(["en", "sw", "pt", "ar"]) == ["sw", "ar"]


def test_two_things_are_told_apart_from_one() -> None:
    french = shipped().of("fr")
    one, several = (
        "This may already answer your question:",
        "These may already answer your question:",
    )

    assert french.ngettext(one, several, 1) == (
        "Ceci répond peut-être déjà à votre question\u00a0:"
    )
    assert french.ngettext(one, several, 2) == (
        "Ces pages répondent peut-être déjà à votre question\u00a0:"
    )


def test_what_is_filled_in_is_never_read_as_a_sentence() -> None:
    shown = shipped().of("fr").gettext("version {version}", version="{version.real} {")

    assert shown == "version {version.real} {"


def test_catalogues_are_installed_with_the_program() -> None:
    """They lie in the package, and its data names them."""
    project = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    [line] = re.findall(r'^"bot" = \[(.*)\]$', project, re.MULTILINE)
    patterns = re.findall(r'"([^"]+)"', line)
    packed = {path for each in patterns for path in (CHECKOUT / "bot").glob(each)}

    assert {*shipped_files().values(), LOCALE_FOLDER / "baraza.pot"} <= packed
