"""Which edits of a question make it another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.forum import LiveForum
from bot.sandbox import Community, Sandbox
from bot.settling import K, fingerprint, fingerprint_of_document, is_material
from kb.types import TopicId
from tests.bot.making import topic
from tests.bot.test_app import app_for
from tests.bot.test_forum import ask

TITLE = "Nightly backup of the database stops"
TEXT = (
    "Since the last upgrade our nightly backup stops after a few minutes. The disk has "
    "room enough, and by hand the same command works. What can I look at? We use DHIS2 "
    "2.41 on Ubuntu."
)
LONG = " ".join(f"word{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10]}" for n in range(99))


def of(text: str = TEXT, title: str = TITLE) -> str:
    return fingerprint(topic(title=title, opening=f"<p>{text}</p>"))


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (TEXT.replace("upgrade", "upgarde"), TITLE),
        (TEXT.replace("minutes.", "minutes!!"), TITLE),
        (TEXT.replace("by hand", "<b>by</b>\n  hand"), TITLE),
        (TEXT + " Thanks in advance!", TITLE),
        (TEXT.replace("same", "very"), TITLE),
        (TEXT, TITLE.replace("backup", "bakcup")),
        (TEXT, TITLE.upper() + "?"),
        (TEXT, TITLE.replace("stops", "stopps")),
    ],
)
def test_typos_marks_and_thanks_change_nothing(text: str, title: str) -> None:
    assert not is_material(of(), of(text, title))


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (TEXT.replace("2.41", "2.40"), TITLE),
        (TEXT.replace("2.41 ", ""), TITLE),
        (TEXT, TITLE + " in 2.42"),
        (TEXT, TITLE.replace("backup", "restoring")),
        (TEXT, "Import of metadata refused"),
        (TEXT + " It says: pg_dump: error: connection to server was lost", TITLE),
        ("We solved that. Now the dashboards are empty, why may that be?", TITLE),
    ],
)
def test_another_version_title_or_log_makes_it_another_question(
    text: str, title: str
) -> None:
    assert is_material(of(), of(text, title))


def test_long_texts_are_compared_by_a_sample() -> None:
    few = LONG.replace("wordak", "first").replace("wordbk", "second")
    much = f"{LONG[: len(LONG) // 2]} {TEXT.replace('2.41', '')}"
    text = TEXT.replace(" 2.41", "")

    assert not is_material(of(LONG), of(few))
    assert is_material(of(LONG), of(much))
    assert is_material(of(LONG), of(text))
    # Size of title, numbers and text: 6 signs a hash.
    assert len(of(LONG)) < 3 * (K * 6 + 10)


def test_a_fingerprint_shows_no_word() -> None:
    assert set(of(LONG)) <= set("0123456789abcdef:;")


@pytest.mark.parametrize("other", ["", "2;1:aaaaaa;0:;0:", "1;x", "\u0000"])
def test_what_is_no_fingerprint_is_another_question(other: str) -> None:
    assert is_material(other, of())
    assert is_material(of(), other)
    assert not is_material(other, other)


WORDS = st.lists(
    st.text("abcdefghijklmnopqrstuvwxyz0123456789äéß", min_size=1, max_size=12),
    min_size=1,
    max_size=150,
)
GAPS: st.SearchStrategy[Callable[[str], str]] = st.sampled_from(
    [
        lambda word: f" {word}",
        lambda word: f"\n{word}\t",
        lambda word: f" <em>{word}</em>",
        lambda word: f"\u00a0{word}",
        lambda word: f" <span>{word.upper().replace('SS', 'ß')}</span> ",
    ]
)


@given(WORDS, st.data())
def test_the_same_words_in_other_space_and_markup_are_the_same(
    words: list[str], data: st.DataObject
) -> None:
    dressed = "".join(data.draw(GAPS)(word) for word in words)

    assert not is_material(of(" ".join(words)), of(dressed))


@given(WORDS, WORDS)
def test_texts_without_a_word_in_common_are_two_questions(
    one: list[str], other: list[str]
) -> None:
    """Of the same letters words may be taken for typos of each other."""
    letters = [{frozenset(word.casefold()) for word in each} for each in (one, other)]
    assume(not letters[0] & letters[1])

    assert is_material(of(" ".join(one)), of(" ".join(other)))


@given(st.text(max_size=80), st.text(max_size=300))
def test_any_text_has_a_fingerprint_that_can_be_compared(title: str, text: str) -> None:
    view = topic(title=title, opening=text)
    mark = fingerprint(view)

    assert not is_material(mark, fingerprint(replace(view)))
    assert is_material(mark, "") is True


def test_a_harvest_shows_an_edit_as_the_forum_does(
    tmp_path_factory: pytest.TempPathFactory,
    box: Sandbox,
    community: Community,
    forum: LiveForum,
) -> None:
    topic_id = ask(community)
    app = app_for(tmp_path_factory.mktemp("app"), box)

    def stored() -> str:
        app.harvest("forum")
        with app.open_store() as store:
            found = store.documents.find("forum", str(topic_id))
            assert found is not None
            document = store.documents.load(found.id)
            assert document is not None
            return fingerprint_of_document(document)

    before = stored()
    assert before == fingerprint(forum.topic(TopicId(topic_id)))

    first = community.posts_of(topic_id)[0]
    community.edit_post(first.id, f"{first.raw}\n\nERROR 409 E1063 in the log")

    assert is_material(before, fingerprint(forum.topic(topic_id)))
