"""Files of translations: what each format says, and what is broken in it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.terms import MAX_FILE_BYTES, File, TermsError, read_terms, reading
from indexer.terms.naming import Named, named
from indexer.terms.wording import words_of


def read(
    name: str, content: str | bytes, language: str | None = None, **more: object
) -> tuple[list[dict[str, str]], tuple[str, ...]]:
    """What each unit says, by language; and the faults."""
    data = content.encode() if isinstance(content, str) else content
    told = language or named(name).language
    file = File(name, told, **more)  # type: ignore[arg-type]
    texts, faults = read_terms(data, file)
    units: dict[str, dict[str, str]] = {}
    for text in texts:
        units.setdefault(text.unit, {})[text.language] = text.text
    return list(units.values()), faults


PO = """\
msgid ""
msgstr ""
"Language: fr\\n"
"Content-Type: text/plain; charset=UTF-8\\n"

#. A button
msgid "Save %s"
msgstr "Enregistrer %s"

msgctxt "menu"
msgid "Save %s"
msgstr "Sauvegarde"

#, fuzzy
msgid "Open"
msgstr "Ouvrire"

msgid "Not yet"
msgstr ""

msgid "%d day"
msgid_plural "%d days"
msgstr[0] "%d jour"
msgstr[1] "%d jours"

#~ msgid "Old"
#~ msgstr "Vieux"
"""


def test_gettext_says_what_is_translated_for_certain() -> None:
    units, faults = read("po/fr.po", PO)

    assert units == [
        {"en": "Save", "fr": "Enregistrer"},
        {"en": "Save", "fr": "Sauvegarde"},
        {"en": "day", "fr": "jour"},
        {"en": "days", "fr": "jours"},
    ]
    assert faults == ()


def test_one_broken_entry_of_gettext_is_named_and_the_others_are_kept() -> None:
    broken = PO.replace('msgid "Not yet"', 'msgidd "Not yet"')

    units, faults = read("fr.po", broken)

    assert len(units) == 4
    line = broken.split("\n").index('msgidd "Not yet"') + 1
    assert faults == (f"line {line}: broken entry",)


def test_the_header_of_gettext_comes_before_its_name_and_a_rule_before_both() -> None:
    by_header, _ = read("es.po", PO)
    by_rule, _ = read("es.po", PO, "pt", is_ruled=True)
    by_name, _ = read("pt_BR.po", PO.replace("Language: fr", "X: y"))

    assert set(by_header[0]) == {"en", "fr"}
    assert set(by_rule[0]) == {"en", "pt"}
    assert set(by_name[0]) == {"en", "pt-BR"}


def test_keys_that_gettext_translates_from_are_no_words() -> None:
    english = 'msgid "button.save"\nmsgstr "Save"\n'
    french = 'msgid "button.save"\nmsgstr "Enregistrer"\n'

    one, _ = read("i18n/en.po", english)
    other, _ = read("i18n/fr.po", french)
    units = {t.unit for t in read_terms(english.encode(), File("i18n/en.po", "en"))[0]}
    same = {t.unit for t in read_terms(french.encode(), File("i18n/fr.po", "fr"))[0]}

    assert (one, other) == ([{"en": "Save"}], [{"fr": "Enregistrer"}])
    assert units == same


@pytest.mark.parametrize(
    "english", ["_" * 300 + " date", "a" + "A" * 300 + " b", "a" + "_a" * 300 + "!"]
)
def test_what_begins_like_a_key_is_read_at_once(english: str) -> None:
    """A search that tries all ways would not end within a lifetime."""
    french = f'msgid "{english}"\nmsgstr "Le {english}"\n'

    assert read("fr.po", french)[0][0].keys() == {"en", "fr"}


@pytest.mark.parametrize("key", ["saveAll", "SAVE_ALL", "_save.all", "save-all", "a_b"])
def test_each_way_to_write_a_key_is_known(key: str) -> None:
    assert read("fr.po", f'msgid "{key}"\nmsgstr "Tout"\n')[0] == [{"fr": "Tout"}]


def test_the_encoding_of_gettext_is_the_one_that_it_names() -> None:
    latin = PO.replace("UTF-8", "ISO-8859-1").replace("Sauvegarde", "Préférée")
    unknown = PO.replace("UTF-8", "CHARSET").replace("Sauvegarde", "Préférée")

    assert read("fr.po", latin.encode("latin-1"))[0][1]["fr"] == "Préférée"
    assert read("fr.po", unknown)[0][1]["fr"] == "Préférée"
    assert read("fr.po", b"\xef\xbb\xbf" + latin.encode())[0][1]["fr"] == "Préférée"
    with pytest.raises(TermsError, match=r"not UTF-8 at byte \d+"):
        read("fr.po", PO.replace("jour", "été").encode("latin-1"))


def test_a_gettext_file_is_never_taken_for_the_name_of_one(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    secret = tmp_path_factory.mktemp("other") / "secret.po"
    secret.write_text(PO)

    with pytest.raises(TermsError, match="nothing in it can be read: line 1: broken"):
        read("fr.po", str(secret))


def test_properties_say_a_text_by_key_in_either_encoding() -> None:
    escaped = b"# Menu\nsave=Enregistrer\nopen = L''\\u00e9cole \\\n   ouverte\nx=1\n"

    units, faults = read("i18n/app_fr.properties", escaped)

    assert units == [{"fr": "Enregistrer"}, {"fr": "L'école ouverte"}]
    assert faults == ()
    for encoding in ("latin-1", "utf-8", "utf-8-sig", "utf-16"):
        data = "a=Décès".encode(encoding)
        assert read("app_fr.properties", data)[0] == [{"fr": "Décès"}]


def test_a_bad_escape_costs_its_own_entry_alone() -> None:
    text = "a=Un\nb=Deux \\u12\nc=long \\\n  \\uXYZW\\\n  d=no key\ne=\\\\u12 Trois\n"

    units, faults = read("app_fr.properties", text)

    assert units == [{"fr": "Un"}, {"fr": "\\u12 Trois"}]
    assert faults == (
        "line 2: \\u without four hexadecimal digits",
        "line 3: \\u without four hexadecimal digits",
    )


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    assert read("app_fr.properties", "a=Un\na=Deux\n")[0] == [{"fr": "Deux"}]


def test_units_of_properties_are_the_same_in_every_language() -> None:
    names = (
        "i18n/app.properties",
        "i18n/app_fr.properties",
        "i18n/app_pt_BR.properties",
    )
    found = [read_terms(b"save=Words", File(name, "xx"))[0][0].unit for name in names]
    other = read_terms(b"save=Words", File("i18n/maps_fr.properties", "fr"))[0][0].unit

    assert len(set(found)) == 1
    assert other not in found


ANDROID = """\
<?xml version="1.0" encoding="utf-8"?>
<resources xmlns:xliff="urn:oasis:names:tc:xliff:document:1.2">
  <!-- Menu -->
  <string name="save">Enregistrer <b>tout</b></string>
  <string name="quote">L\\'école \\"A\\"\\n\\u00e9t\\u00e9</string>
  <string name="hello">"Bonjour  <xliff:g id="n">Ada</xliff:g> !"</string>
  <string name="app" translatable="false">Baraza</string>
  <string name="ref">@string/save</string>
  <string name="count">%1$d</string>
  <plurals name="days">
    <item quantity="one">%d jour</item>
    <item quantity="many">%d de jours</item>
    <item quantity="other">%d jours</item>
  </plurals>
  <string-array name="months"><item>janvier</item><item>mars</item></string-array>
  <string>sans nom</string>
</resources>
"""


def test_android_says_strings_plurals_and_arrays() -> None:
    units, faults = read("res/values-fr/strings.xml", ANDROID)

    assert [unit["fr"] for unit in units] == [
        "Enregistrer tout",
        'L\'école "A" été',
        "Bonjour !",
        "jour",
        "jours",
        "janvier",
        "mars",
    ]
    assert faults == ("line 16: string without a name",)


def test_what_is_nearly_a_reference_is_read_at_once() -> None:
    long = "@" + "a" * 200_000 + " b"
    xml = f'<resources><string name="a">{long}</string><string name="b">B</string>'

    assert read("values-fr/strings.xml", f"{xml}</resources>")[0] == [{"fr": "B"}]


BOMB = (
    '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<resources><string name='x'>&b;</string></resources>"
)
OUTSIDE = (
    '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    "<resources><string name='x'>&x;</string></resources>"
)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("values-fr/strings.xml", BOMB, "declares a document type of its own"),
        ("values-fr/strings.xml", OUTSIDE, "declares a document type of its own"),
        ("values-fr/strings.xml", "<resources><string>", "broken XML: "),
        ("values-fr/strings.xml", "", "broken XML: "),
        ("values-fr/strings.xml", "<a/>", "expected resources, got a"),
        ("fr.po", "<!DOCTYPE html>\n<title>Log in</title>", "is a page of HTML"),
        ("app_fr.properties", "\n<html lang=fr>Log in</html>", "is a page of HTML"),
        ("fr.po", "Log in, please", "nothing in it can be read: line 1: broken entry"),
        ("values/strings.xml", "<resources/>", "no language in its folder's name"),
        ("app.properties", "a=A", "no language in its name"),
        ("app.po", 'msgid "A"\nmsgstr "B"\n', "no Language in its header"),
        ("fr.po", PO.replace("UTF-8", "base64"), "not base64: "),
        ("terms.csv", "a,b\n1,2\n", r"expected columns named .* got a, b: set columns"),
        ("terms.csv", "", "got none"),
        ("terms.csv", "en,notes\nSave,x\n", "expected columns"),
        ("terms.csv", b"en,fr\nSave,\xe9t\xe9\n", "not utf-8 at byte 11"),
        ("terms.jsonl", '{"a": "b"}\n', "got a: set columns"),
        ("terms.jsonl.gz", b"\x1f\x8bnothing", "cannot be unpacked"),
        ("terms.docx", "a", "expected one of .po, .properties"),
    ],
)
def test_what_cannot_be_read_is_named(
    name: str, content: str | bytes, problem: str
) -> None:
    with pytest.raises(TermsError, match=problem):
        read(name, content)


@pytest.mark.parametrize(
    ("header", "row", "unit"),
    [
        ("en,fr", "Save,Enregistrer", {"en": "Save", "fr": "Enregistrer"}),
        ("EN;x,pt_BR", "Save,Salvar", None),
        ("key,fr", "save,Enregistrer", {"fr": "Enregistrer"}),
        ("lang,en,text", "fr,Save,Enregistrer", {"en": "Save", "fr": "Enregistrer"}),
        ("id,locale,translation", "1,pt_BR,Salvar", {"pt-BR": "Salvar"}),
        ("lang,en,text", "tlh,Save,choq", {"en": "Save"}),
    ],
)
def test_the_header_of_a_table_tells_what_its_columns_hold(
    header: str, row: str, unit: Mapping[str, str] | None
) -> None:
    if unit is None:
        with pytest.raises(TermsError):
            read("terms.csv", f"{header}\n{row}\n")
        return
    assert read("terms.csv", f"\ufeff{header}\n{row}\n") == ([unit], ())
    tabs = f"{header}\n{row}\n".replace(",", "\t")
    assert read("terms.tsv", tabs) == ([unit], ())


def test_the_config_may_tell_what_columns_hold() -> None:
    columns = {"Term": "en", "Terme": "fr"}

    units, _ = read("terms.csv", "Nr,Term,Terme\n1,Save,Garder\n", columns=columns)

    assert units == [{"en": "Save", "fr": "Garder"}]


def test_rows_about_one_term_are_one_unit() -> None:
    rows = [
        {"lang": "fr", "en": "Save", "text": "Enregistrer"},
        {"lang": "es_419", "en": "Save", "text": "Guardar"},
        {"lang": "fr", "en": "Open", "text": "Ouvrir", "more": 3},
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)

    assert read("terms.jsonl.gz", gzip.compress(lines.encode())) == (
        [
            {"en": "Save", "fr": "Enregistrer", "es-419": "Guardar"},
            {"en": "Open", "fr": "Ouvrir"},
        ],
        (),
    )


def test_a_broken_row_is_named_and_the_others_are_kept() -> None:
    lines = '{"lang": "fr", "en": "Save", "text": "Garder"}\n{"lang"\n[1]\n{"x": "y"}\n'

    units, faults = read("terms.jsonl", lines)

    assert units == [{"en": "Save", "fr": "Garder"}]
    assert [fault.split(":")[0] for fault in faults] == ["line 2", "line 3", "line 4"]
    units, faults = read("terms.csv", "en,fr\nSave,Garder,x\nOpen,Ouvrir\nShort\n")
    assert units == [{"en": "Open", "fr": "Ouvrir"}, {"en": "Short"}]
    assert faults == ("line 2: 3 columns of 2",)


@pytest.mark.parametrize("sign", ["\u2028", "\u0085", "\x0c"])
def test_a_row_ends_with_its_line_and_not_at_another_sign(sign: str) -> None:
    rows = f"en,fr\nSave{sign}now,Garder\r\nOpen,Ouvrir\r\n"

    assert read("terms.csv", rows) == (
        [{"en": "Save now", "fr": "Garder"}, {"en": "Open", "fr": "Ouvrir"}],
        (),
    )


def test_a_packed_file_is_not_unpacked_beyond_what_is_read() -> None:
    bomb = gzip.compress(b" " * (MAX_FILE_BYTES + 100))

    with pytest.raises(TermsError, match=f"{MAX_FILE_BYTES + 1} bytes, more than"):
        read("terms.jsonl.gz", bomb)


def test_a_file_says_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_UNITS", 2)
    long = "mot " * (reading.MAX_CHARS // 4 + 1)
    text = f"a=Un\nlong={long}\nb=Deux\nc=Trois\n"

    units, faults = read("app_fr.properties", text)

    assert units == [{"fr": "Un"}, {"fr": "Deux"}]
    assert faults == ("more than 2 units: 1 texts left out",)


@pytest.mark.parametrize(
    ("path", "language", "family"),
    [
        ("i18n_app_fr.properties", "fr", "i18n_app*.properties"),
        ("i18n_app.properties", None, "i18n_app*.properties"),
        ("i18n/pt-BR.po", "pt-BR", "i18n/*.po"),
        ("app.es_419.po", "es-419", "app*.po"),
        ("locale/pt_BR/LC_MESSAGES/app.po", "pt-BR", "locale/*/LC_MESSAGES/app.po"),
        ("res/values/strings.xml", None, "res/values/strings.xml"),
        ("res/values-pt-rBR/strings.xml", "pt-BR", "res/values/strings.xml"),
        ("res/values-b+sr+Latn/strings.xml", "sr-Latn", "res/values/strings.xml"),
        ("res/values-night/strings.xml", None, "res/values/strings.xml"),
        ("values-iw/strings.xml", "he", "values/strings.xml"),
        ("my_app_fr.properties", "fr", "my_app*.properties"),
        ("terms.csv", None, "terms*.csv"),
        ("terms_fr.jsonl.gz", "fr", "terms*.jsonl.gz"),
    ],
)
def test_names_tell_languages_and_families(
    path: str, language: str | None, family: str
) -> None:
    assert named(path) == Named(language, family)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello %(name)s, %1$d of %2$s (%.1f)", "Hello , of ( )"),
        ("{0,number} {{count}} ${x} #{y} rows", "rows"),
        ("{n, select, a {x} other {y}}", ""),
        ("<a href='x'>Help</a> <0>here</0><br/>", "Help here"),
        ("1 < 2 and a > b", "1 < 2 and a > b"),
        (
            "&lt;b&gt;A&lt;/b&gt; &#233;t&eacute; &copy &Copier",
            "A été copy Copier",
        ),
        ("&Fichier (&F)", "Fichier"),
        ("snake_case stays, _this not", "snake_case stays, this not"),
        ("100 % des données", "100 % des données"),
        ("50%de", "50%de"),
        ("a\\nb\\tc \\!\\=", "a b c !="),
        ("12:30 – %s", ""),
        ("\u202b\u200f123", ""),
    ],
)
def test_words_are_what_a_reader_sees(text: str, words: str) -> None:
    assert words_of(text) == words


SAMPLES = {
    "fr.po": PO.encode(),
    "app_fr.properties": b"save=Garder\nlong = a \\\n  \\u00e9\n",
    "values-fr/strings.xml": ANDROID.encode(),
    "terms.csv": b'lang,en,text\nfr,"Save",Garder\n',
    "terms.jsonl": b'{"lang": "fr", "en": "Save", "text": "Garder"}\n',
    "terms.jsonl.gz": gzip.compress(b'{"key": "a", "lang": "fr", "text": "Garder"}\n'),
}
PIECES = [b'"', b"\n", b"\\", b"\\u12", b'msgid "', b"msgstr[9] ", b"<", b"&x;", b"{"]


@settings(deadline=None, max_examples=300)
@given(
    name=st.sampled_from(sorted(SAMPLES)),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9)), max_size=4),
    pieces=st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), min_size=4),
)
def test_whatever_a_file_holds_it_is_read_or_named(
    name: str, cuts: list[tuple[float, int]], pieces: list[bytes]
) -> None:
    data = SAMPLES[name]
    for (where, length), piece in zip(cuts, pieces, strict=False):
        start = int(where * len(data))
        data = data[:start] + piece + data[start + length :]
    try:
        texts, faults = read_terms(data, File(name, "fr"))
    except TermsError:
        return
    assert all(text.text and text.unit and text.language for text in texts)
    assert all(fault.startswith("line ") for fault in faults)


def test_a_string_that_does_not_end_teaches_no_cut_word() -> None:
    texts, faults = read_terms(
        b'msgid "Save"\nmsgstr "Garder"\n\n'
        b'msgid "Save the card\nmsgstr "Zzfiche\n\n'
        b'msgid "He said \\"no\\""\nmsgstr "Il a dit \\"non\\""\n',
        File("fr.po", "fr"),
    )

    assert sorted({each.text for each in texts}) == [
        "Garder",
        'He said "no"',
        'Il a dit "non"',
        "Save",
    ]
    assert list(faults) == ["line 4: broken entry"]
