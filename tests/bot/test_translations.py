"""A community's own sentences: added, mixed with the shipped ones, refused when bad."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.catalogue import Catalogues, shipped
from bot.compose import compose
from bot.config import load_config
from bot.facts import facts_of
from bot.translations import load_catalogues, problem_of, template
from kb.errors import ConfigError
from kb.types import Details, Kind, SearchHit, TopicId
from tests.bot.catalogues import ARABIC, HEADER, SWAHILI, written
from tests.bot.making import NOW, REPLY_END, hit
from tests.bot.test_compose import cooked, links

ISOLATE, END, RIGHT = "\u2068", "\u2069", "\u200f"


def reply(catalogues: Catalogues, *picks: SearchHit, language: str) -> str:
    return compose(
        picks,
        topic_id=TopicId(12),
        question="backup",
        language=language,
        community="Example Forum",
        at=NOW,
        catalogues=catalogues,
    )


# -- what is added -------------------------------------------------------------


@pytest.mark.parametrize("name", ["sw.po", "sw/LC_MESSAGES/baraza.po"])
def test_a_language_is_added_and_the_rest_of_it_is_english(
    name: str, tmp_path: Path
) -> None:
    catalogues = load_catalogues(written(tmp_path, name, SWAHILI))

    assert sorted(catalogues.by_language) == ["en", "es", "fr", "pt", "sw"]
    assert catalogues.missing(["en", "sw"]) == []
    assert reply(
        catalogues, hit(1, language="sw"), hit(2, version="2.41"), language="sw"
    ) == (
        "Huenda hizi tayari zinajibu swali lako:\n"
        "\n"
        "[quote]\n"
        "\n"
        "- [Page 1](https://docs.example/page-1) · nyaraka\n"
        "  > Use pg\\_dump.\n"
        "\n"
        "- [Page 2](https://docs.example/page-2)"
        " · nyaraka kwa Kiingereza · version 2.41\n"
        "  > Use pg\\_dump.\n"
        "\n" + REPLY_END
    )


def test_a_sentence_that_nobody_translated_has_no_foreign_words_in_it(
    tmp_path: Path,
) -> None:
    text = 'msgid "starts on {date}"\nmsgstr "itaanza {date}"\n'
    swahili = load_catalogues(written(tmp_path, "sw.po", text)).of("sw")
    course = hit(
        kind=Kind.COURSE,
        language="fr",
        details=Details(
            starts_at=NOW + timedelta(days=30),
            enrolment_ends_at=NOW + timedelta(days=20),
        ),
    )

    assert facts_of(course, reader="sw", at=NOW, words=swahili) == [
        "course in French",
        "itaanza 1 Julai 2026",
        "enrolment open until 21 June 2026",
    ]


def test_a_sentence_of_a_shipped_language_is_replaced_and_the_others_stay(
    tmp_path: Path,
) -> None:
    text = 'msgctxt "kind"\nmsgid "thread"\nmsgstr "fil"\n'
    french = load_catalogues(written(tmp_path, "fr.po", text)).of("fr")

    assert french.pgettext("kind", "thread") == "fil"
    assert french.pgettext("kind", "course") == "cours"
    assert shipped().of("fr").pgettext("kind", "thread") == "discussion"


def test_english_can_be_put_otherwise_as_well(tmp_path: Path) -> None:
    text = 'msgctxt "kind"\nmsgid "thread"\nmsgstr "topic"\n'
    english = load_catalogues(written(tmp_path, "en.po", text)).of("en")

    assert english.pgettext("kind", "thread") == "topic"
    assert english.gettext("self-paced") == "self-paced"


def test_without_a_folder_there_is_what_is_shipped() -> None:
    assert load_catalogues(None) is shipped()


def test_fuzzy_empty_and_unknown_entries_are_not_used_and_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = (
        '#, fuzzy\nmsgid "self-paced"\nmsgstr "[kwa kasi]"\n\n'
        'msgid "online"\nmsgstr ""\n\n'
        'msgid "Good morning"\nmsgstr "Habari za asubuhi"\n\n'
        'msgid "in person"\nmsgstr "ana kwa ana"\n'
    )
    folder = written(tmp_path, "sw.po", text)
    with caplog.at_level(logging.INFO):
        swahili = load_catalogues(folder).of("sw")

    said = [swahili.gettext(each) for each in ("self-paced", "online", "in person")]
    assert said == ["self-paced", "online", "ana kwa ana"]
    path = folder / "sw.po"
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: 1 sentences that Baraza does not say (any more), such as "
        "'Good morning'",
        f"{path}: 1 fuzzy entries are not used: look at them",
        f"{path}: 1 of {sum(bool(each.id) for each in template())} sentences",
    ]


def test_a_language_that_babel_does_not_know_has_english_dates(tmp_path: Path) -> None:
    text = 'msgid "starts on {date}"\nmsgstr "{date} → kuyamba"\n'
    catalogues = load_catalogues(written(tmp_path, "tum.po", text))

    assert catalogues.of("tum").gettext("starts on {date}", date="1 May") == (
        "1 May → kuyamba"
    )


# -- right to left -------------------------------------------------------------


def test_a_reply_in_arabic_keeps_its_links_and_the_order_of_what_is_latin(
    tmp_path: Path,
) -> None:
    catalogues = load_catalogues(written(tmp_path, "ar.po", ARABIC))
    picks = hit(1, title="DHIS2 (2.41)", version="2.41"), hit(2, language="ar")

    markdown = reply(catalogues, *picks, language="ar")

    first, second, third = RIGHT, f"- {RIGHT}[{ISOLATE}", f"{RIGHT}*"
    assert markdown == (
        f"{first}قد تجيب هاتان الصفحتان عن سؤالك:\n"
        "\n"
        "[quote]\n"
        "\n"
        f"{second}DHIS2 (2.41){END}](https://docs.example/page-1)"
        f" · {ISOLATE}توثيق{END} ({ISOLATE}الإنجليزية{END})"
        f" · الإصدار {ISOLATE}2.41{END}\n"
        "  > Use pg\\_dump.\n"
        "\n"
        f"{second}Page 2{END}](https://docs.example/page-2) · توثيق\n"
        "  > Use pg\\_dump.\n"
        "\n"
        "[/quote]\n"
        "\n"
        f"{third}أنا روبوت {ISOLATE}Example Forum{END}. أشير فقط إلى ما كُتب؛ قد يعرف"
        " الأعضاء أكثر.*\n"
        f"{third}Did this help? Like this post. If not, reply with 👎 and tell why.*\n"
        f"{third}No more answers from me? Send me the private message"
        f" {ISOLATE}`opt out, please`{END}. Out of place? Flag this post.*\n"
        "\n"
        "<!-- baraza:topic=12 -->"
    )
    page = cooked(markdown)
    assert links(page) == ["https://docs.example/page-1", "https://docs.example/page-2"]
    assert len(page.css("ul > li blockquote")) == 2
    assert len(page.css("em")) == 3


def test_no_other_language_gets_signs_of_direction() -> None:
    for language in shipped().by_language:
        shown = reply(shipped(), hit(1, version="2.41"), language=language)
        assert not {ISOLATE, END, RIGHT} & set(shown)


# -- what is refused -----------------------------------------------------------

MARKDOWN = "would be more than text in a post: "


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            'msgid "version {version}"\nmsgstr "toleo"\n',
            "line 5: “toleo”: lacks {version}: write the names as in English",
        ),
        (
            'msgid "version {version}"\nmsgstr "toleo {verzion}"\n',
            "line 5: “toleo {verzion}”: lacks {version}; has {verzion}, which is "
            "nothing: write the names as in English",
        ),
        (
            'msgid "online"\nmsgstr "{place}"\n',
            "line 5: “{place}”: has {place}, which is nothing: ",
        ),
        (
            'msgid "version {version}"\nmsgstr "{version.__class__}"\n',
            "more than a name in braces (version.__class__): write {name}",
        ),
        (
            'msgid "version {version}"\nmsgstr "{version:>99999999}"\n',
            "more than a name in braces (version): write {name}",
        ),
        (
            'msgid "version {version}"\nmsgstr "{version} {"\n',
            "Single '{' encountered in format string: write {name}",
        ),
        (
            'msgid "version {version}"\nmsgstr "{}"\n',
            "more than a name in braces (nothing): write {name}",
        ),
        (
            'msgid "This may already answer your question:"\n'
            'msgid_plural "These may already answer your question:"\n'
            'msgstr[0] "Huenda hii:"\nmsgstr[1] ""\n',
            "line 5: “Huenda hii:”: lacks a plural form: write all 2 of them, or none",
        ),
        ('msgid "online"\nmsgstr "[a](https://a.example)"\n', MARKDOWN),
        ('msgid "online"\nmsgstr "a.example.org"\n', MARKDOWN),
        ('msgid "online"\nmsgstr "<b>on</b>"\n', MARKDOWN),
        ('msgid "online"\nmsgstr "*on*"\n', MARKDOWN),
        ('msgid "online"\nmsgstr "@ann"\n', MARKDOWN),
        ('msgid "online"\nmsgstr ":smile:"\n', MARKDOWN),
        ('msgid "online"\nmsgstr "a\\n\\nb"\n', MARKDOWN),
        ('msgid "online"\nmsgstr " a"\n', MARKDOWN),
        ('msgid "online"\nmsgstr "# a"\n', MARKDOWN),
        ('msgid "online"\nmsgstr "a\u202eb"\n', MARKDOWN),
        (
            'msgid "This may already answer your question:"\n'
            'msgid_plural "These may already answer your question:"\n'
            'msgstr[0] "a"\nmsgstr[1] "{b}"\n',
            "line 5: “{b}”: has {b}, which is nothing",
        ),
        ('msgid "online"\nmsgstr "a"\nnonsense\n', "sw.po: "),
    ],
)
def test_a_sentence_that_cannot_stand_for_the_english_one_is_refused(
    text: str, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_catalogues(written(tmp_path, "sw.po", text))

    assert str(caught.value).startswith(f"community.translations: {tmp_path}/sw.po: ")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "header",
    [
        HEADER.replace("charset=utf-8", "charset=klingon"),
        HEADER + '"Plural-Forms: nplurals=two; plural=n\\n"\n',
        HEADER + '"Plural-Forms: nplurals=2; plural=n%(n-3);\\n"\n',
    ],
)
def test_a_header_that_cannot_be_read_is_refused(header: str, tmp_path: Path) -> None:
    header = header.replace('\n\n"Plural', '\n"Plural')
    folder = written(tmp_path, "sw.po", SWAHILI, header=header)

    with pytest.raises(ConfigError, match=r"^community\.translations: .*sw\.po: "):
        load_catalogues(folder)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sw.po").write_bytes(b'msgid "online"\nmsgstr "\xff\xfe"\n')

    with pytest.raises(ConfigError, match=r"^community\.translations: .*sw\.po: "):
        load_catalogues(tmp_path)


@given(st.binary(max_size=200))
def test_whatever_a_file_holds_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("translations")
    (folder / "sw.po").write_bytes(HEADER.encode() + content)
    try:
        found = load_catalogues(folder)
    except ConfigError as exc:
        told = str(exc)
    else:
        told = f"community.translations: {found.of('sw').language}"
    assert told.startswith("community.translations: ")
    assert "\n" not in told


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_catalogues(tmp_path / "none")

    assert str(caught.value) == (
        f"community.translations: expected a folder, and {tmp_path}/none is none: "
        "make it"
    )


def test_a_folder_without_catalogues_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_catalogues(tmp_path)

    assert str(caught.value) == (
        "community.translations: expected a file such as sw.po or "
        f"sw/LC_MESSAGES/baraza.po in {tmp_path}"
    )


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("swahili.po", "named wrongly: expected the code of a language, such as fr"),
        ("qq.po", "named wrongly: expected the code of a language, such as fr"),
        ("pt_BR.po", "one language has one file: name it pt, not pt_BR"),
        ("swa.po", "one language has one file: name it sw, not swa"),
    ],
)
def test_a_file_that_is_not_named_by_a_language_is_refused(
    name: str, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_catalogues(written(tmp_path, name, SWAHILI))

    start = f"community.translations: {tmp_path}/{name}: {problem}"
    assert str(caught.value).startswith(start)


def test_two_files_for_one_language_are_refused(tmp_path: Path) -> None:
    written(tmp_path, "sw.po", SWAHILI)
    written(tmp_path, "sw/LC_MESSAGES/baraza.po", SWAHILI)

    with pytest.raises(ConfigError, match="are both for sw: keep one"):
        load_catalogues(tmp_path)


@given(st.text(max_size=100))
def test_what_is_let_through_does_nothing_in_a_post(text: str) -> None:
    if problem_of(text, ["online"]):
        return
    page = cooked(f"{text} x") if text else cooked("x")

    assert len(page.css("p")) == 1
    assert [node.tag for node in page.css("p *")] == []


def test_long_sentences_without_spaces_are_let_through() -> None:
    thai = "หน้าเหล่านี้อาจตอบคำถามของคุณได้แล้วกรุณาเปิดอ่านดูก่อนถามคำถามใหม่อีกครั้งหนึ่ง"

    assert problem_of(thai, ["online"]) == ""
    assert problem_of(f"{thai}https://a.example/{thai}", ["online"]) != ""


# -- the config ----------------------------------------------------------------


def test_the_folder_starts_at_that_of_the_config(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "community:\n  name: A\n  contact: a@a.example\n  translations: words\n",
        encoding="utf-8",
    )

    assert load_config(path).community.translations == tmp_path / "words"
