"""The language of a text, and the honest answer that one cannot tell."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.language import LANGUAGES, detect
from kb.tongues import language_code, primary

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


@pytest.mark.parametrize(
    ("text", "language"),
    [
        # Without accents, in capitals, glued together, short.
        ("comment importer les donnees dans le systeme", "fr"),
        ("como importar los datos en el sistema", "es"),
        ("como importar os dados no sistema", "pt"),
        ("HOW DO I IMPORT DATA INTO THE SYSTEM", "en"),
        ("COMO IMPORTAR DATOS EN EL SISTEMA?", "es"),
        ("Hola, EL FORMULARIO ESTA BLOQUEADO Y NO PUEDO INGRESAR DATOS?", "es"),
        ("JE NE PEUX PAS ME CONNECTER A MON COMPTE DEPUIS HIER", "fr"),
        ("bonjour,comment faire?merci", "fr"),
        ("Bonsoir.Je ne peux pas voir les donnees.Que faire?", "fr"),
        ("Bonjour;comment faire;merci;au revoir", "fr"),
        ("Erreur lors de l'import", "fr"),
        ("Bonjour à tous", "fr"),
        ("import error", None),
        ("Data import fails", None),
        ("ERROR", None),
        # What ends in a semicolon need not be a statement.
        ("Il faut choisir\n- les unités d’organisation\u202f;\n- la période.", "fr"),
    ],
)
def test_people_write_as_they_can(text: str, language: str | None) -> None:
    assert detect(text) == language


LOG = """\
2024-03-01 10:15:02 ERROR Failed to import because the unit is not in the hierarchy
* ERROR 2024-03-01T10:15:03,771 The object could not be saved in the database
WARN: the connection was closed by the server before it was used
[INFO] The import of the data was started by the user and then went on
org.postgresql.util.PSQLException: The relation of the table does not exist
java.lang.NullPointerException: Cannot invoke a method because the value is null
\tat org.hisp.dhis.DefaultService.save(DefaultService.java:123)
Caused by: the server that should have answered has not been found
Traceback (most recent call last): the server has not answered in time
  File "/srv/import.py", line 3, in which the value should have been read
"""


@pytest.mark.parametrize(
    "text",
    [
        f"L'import ne marche plus.\n{LOG}\nMerci de votre aide.",
        f"L'import ne marche plus.\n\n{LOG}\n\nMerci de votre aide.",
        f"{LOG}L'import ne marche plus depuis hier.",
        f"> {ENGLISH}\n> {ENGLISH}\n\nOui, chez moi non plus, depuis hier.",
        f'Le message "{ENGLISH}" apparaît quand je clique.',
        f"Le message “{ENGLISH}” apparaît quand je clique.",
        f"{FRENCH}\n```\n{ENGLISH * 5}",
        f"{FRENCH}\n`{ENGLISH} {ENGLISH} {ENGLISH}`",
    ],
)
def test_logs_quotes_and_code_do_not_decide_what_a_member_writes_in(text: str) -> None:
    assert detect(text) == "fr"


def test_a_text_that_is_all_quotes_has_the_language_of_these() -> None:
    assert detect(f"> {ENGLISH}") == "en"
    assert detect(f'"{FRENCH}"') == "fr"


@pytest.mark.parametrize(
    ("paragraphs", "language"),
    [
        ([ENGLISH, f"{FRENCH} {FRENCH}"], "fr"),
        ([f"{ENGLISH} {ENGLISH}", FRENCH], "en"),
        ([ENGLISH, FRENCH, ENGLISH], "en"),
        # As much of the one as of the other.
        ([ENGLISH, FRENCH, FRENCH, ENGLISH], None),
        # A greeting has no vote.
        (["Bonjour à tous", ENGLISH], "en"),
        # Most is in a language that nobody is asked for.
        ([ENGLISH, "Wie kann ich meine Daten in das System importieren? " * 3], None),
    ],
)
def test_of_several_languages_the_one_counts_that_most_is_written_in(
    paragraphs: list[str], language: str | None
) -> None:
    # Two texts of equal length, so that a tie is one.
    same = [part.replace(FRENCH, FRENCH + "é" * _short()) for part in paragraphs]
    assert detect("\n\n".join(same)) == language


def _short() -> int:
    """By how many letters the French sentence is the shorter one."""
    return sum(map(str.isalpha, ENGLISH)) - sum(map(str.isalpha, FRENCH))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("مرحبا كيف يمكنني استيراد البيانات إلى النظام", "ar"),
        ("كيف يمكنني استيراد البيانات في DHIS2 2.41؟", "ar"),
        ("如何在系统中导入数据", "zh"),
        ("Naomba msaada jinsi ya kuingiza data kwenye mfumo", "sw"),
    ],
)
def test_other_languages_and_scripts_are_told_where_a_community_has_them(
    text: str, language: str
) -> None:
    assert detect(text, among=("en", "fr", language)) == language
    assert detect(text) is None


@pytest.mark.parametrize("code", ["tl", "fil", "tgl"])
def test_a_language_is_told_by_the_code_that_a_community_has_for_it(code: str) -> None:
    text = "Paano ko mai-import ang data sa sistema ng aming ospital?"

    assert detect(text, among=("en", code)) == code


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("fr", "fr"),
        ("FR", "fr"),
        ("pt_BR", "pt"),
        ("zh-Hant-TW", "zh"),
        ("por", "pt"),
        ("swa", "sw"),
        ("sh", "sr"),
        ("mul", ""),
        ("und", ""),
        ("zxx", ""),
        ("english", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_language_is_the_same_in_every_region(
    code: str | None, language: str
) -> None:
    assert primary(code) == language


def test_a_person_may_name_a_language_by_any_of_its_codes() -> None:
    assert [language_code(code) for code in ("fr", " pt-BR ", "eng", "sw")] == [
        "fr",
        "pt",
        "en",
        "sw",
    ]


@pytest.mark.parametrize(
    "text", ["", "french", "qq", "mul", "en-", "en fr", "en-us-a", "fr\n", "*"]
)
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected the code of a language, such as fr"):
        language_code(f"{text}!" if text == "fr\n" else text)


@given(st.text(max_size=300))
def test_any_text_is_in_a_language_or_in_none(text: str) -> None:
    assert detect(text) in {None, *LANGUAGES}


@given(st.text(max_size=20))
def test_any_code_is_that_of_a_language_or_of_none(code: str) -> None:
    found = primary(code)

    assert primary(found) == found
    assert found == "" or (found.islower() and 2 <= len(found) <= 3)


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
