"""The sentences of the page: whole, true to English, up to the code and the script."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import date
from importlib import resources
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message

from kb.catalogue import files_in, read_po
from kb.web.texts import (
    FOR_SCRIPT,
    LOCALE_FOLDER,
    counted,
    day,
    fill,
    grouped,
    languages,
    texts,
)
from tests.conftest import CHECKOUT

FILES = files_in(LOCALE_FOLDER)
NAME = re.compile(r"\{\w+\}")


def sentences(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def names(catalog: Catalog) -> list[tuple[str | None, object]]:
    return [(each.context, each.id) for each in sentences(catalog)]


def forms(message: Message) -> list[str]:
    found = message.string
    return [found] if isinstance(found, str) else list(found or ())


def template() -> Catalog:
    return read_po(LOCALE_FOLDER / "baraza.pot", "en")


def test_the_page_speaks_four_languages() -> None:
    assert languages() == {
        "en": "English",
        "es": "Español",
        "fr": "Français",
        "pt": "Português",
    }


def test_the_template_holds_what_the_code_says(tmp_path: Path) -> None:
    made = tmp_path / "made.pot"
    options = "--quiet extract --omit-header --add-location=file --sort-by-file"
    comments = ["--add-comments=Translators:", "--strip-comments"]
    command = [sys.executable, "-m", "babel.messages.frontend", *options.split()]
    command += [*comments, f"--output-file={made}", "kb/web"]
    subprocess.run(command, cwd=CHECKOUT, check=True)

    there = LOCALE_FOLDER / "baraza.pot"
    assert made.read_text("utf-8") == there.read_text("utf-8"), "run make messages"


@pytest.mark.parametrize("language", FILES)
def test_a_catalogue_translates_every_sentence_and_no_other(language: str) -> None:
    found = read_po(FILES[language], language)

    assert names(found) == names(template()), "run make messages, then translate"
    for message in sentences(found):
        originals = [message.id] if isinstance(message.id, str) else message.id
        wanted = {name for text in originals for name in NAME.findall(text)}
        assert all(forms(message)), message.id
        assert not message.fuzzy, message.id
        for text in forms(message):
            assert set(NAME.findall(text)) == wanted, message.id
    assert found.obsolete == {}


def test_french_has_no_sign_on_a_line_of_its_own() -> None:
    found = [
        text for each in sentences(read_po(FILES["fr"], "fr")) for text in forms(each)
    ]

    assert [
        text for text in found if re.search("(?<![\u00a0\u202f])[:;?!»]", text)
    ] == []
    assert [text for text in found if re.search("«(?!\u00a0)", text)] == []
    assert sum("«" in text for text in found) > 5


def test_the_script_has_every_sentence_that_it_says_and_no_other() -> None:
    script = (resources.files("kb.web") / "static" / "page.js").read_text("utf-8")
    said = {
        name
        for pair in re.findall(r"\bt\.(\w+)|\bt\['([\w.]+)'\]", script)
        for name in pair
    }
    said |= set(re.findall(r"'(none\.\w+)'", script))

    assert said - {""} == set(FOR_SCRIPT)
    assert set(FOR_SCRIPT) <= texts("en").keys()


@pytest.mark.parametrize(
    ("language", "n", "told"),
    [
        ("en", 0, "0 results"),
        ("en", 1, "1 result"),
        ("en", 12_345, "12,345 results"),
        ("fr", 0, "0 résultat"),
        ("fr", 2, "2 résultats"),
        ("fr", 1_000_000, "1\u202f000\u202f000 résultats"),
        ("es", 1, "1 resultado"),
        ("es", 1_234, "1234 resultados"),
        ("pt", 99_999, "99.999 resultados"),
        ("sw", 2, "2 results"),
    ],
)
def test_what_is_counted_has_the_plural_of_its_language(
    language: str, n: int, told: str
) -> None:
    assert counted(language, "count", n) == told


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "5 Mar 2024"), ("fr", "5 mars 2024"), ("es", "5 mar 2024")],
)
def test_days_carry_the_name_of_their_month(language: str, told: str) -> None:
    assert day(language, date(2024, 3, 5)) == told
    assert day(language, date(2028, 8, 19)).startswith("19 ")


def test_what_is_filled_in_is_never_read_as_a_sentence() -> None:
    assert fill("{a} {b} {c}", a="{b}", b=r"\1 {a}") == r"{b} \1 {a} {c}"
    assert grouped("en", 9_999) == "9999"
