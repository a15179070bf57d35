"""The language of documents: that of what was asked, told anew when it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.app import App
from bot.asking import question_of_topic
from bot.config import parse_config
from bot.forum import LiveForum
from bot.languages import with_language
from bot.sandbox import Community, Sandbox
from kb.types import Document, Format, Kind, Part, TopicId

LANGUAGES = ["en", "fr"]
ENGLISH = "I cannot see the program in the capture app after the upgrade."
FRENCH = "Je ne vois plus le programme dans l'application de saisie."
FORM = "What version of the software do you use, and on which device does it run?"


def document(
    *bodies: str,
    title: str = "",
    kind: Kind = Kind.THREAD,
    format: Format = "html",
    language: str | None = None,
) -> Document:
    parts = tuple(Part(n, body, format) for n, body in enumerate(bodies, 1))
    return Document(
        source="forum",
        kind=kind,
        key="1",
        url="https://forum.example/t/1",
        title=title,
        parts=parts,
        language=language,
    )


def told(found: Document, *languages: str, templates: frozenset[str]) -> str | None:
    among = languages or ("en", "fr")
    return with_language(found, among=among, templates=templates).language


@pytest.mark.parametrize(
    ("found", "language"),
    [
        (document(FRENCH), "fr"),
        # The source knows better, also a language that members do not write in.
        (document(FRENCH, language="en"), "en"),
        (document(FRENCH, language="de"), "de"),
        # The question counts, and not its answers.
        (document(FRENCH, ENGLISH, ENGLISH), "fr"),
        # Code, however it is marked, and what somebody else wrote do not count.
        (document(f"<p>{FRENCH}</p><pre><code>{ENGLISH * 3}</code></pre>"), "fr"),
        (document(f"{FRENCH}\n\n    {ENGLISH * 3}", format="markdown"), "fr"),
        (document(f"<p>{FRENCH}</p><blockquote>{ENGLISH * 3}</blockquote>"), "fr"),
        # A title is a text like others: the longer one wins.
        (document(f"{FRENCH} {FRENCH}", title="Capture app not loading"), "fr"),
        (document("2.41", title=ENGLISH), "en"),
        (document(ENGLISH, title="Application de saisie"), "en"),
        (document("2.41", title="DHIS2"), None),
        # What a page cites is its own.
        (document(f"> {FRENCH}", kind=Kind.DOCS, format="markdown"), "fr"),
        (document(), None),
    ],
)
def test_a_document_is_in_the_language_that_its_author_wrote(
    found: Document, language: str | None
) -> None:
    assert told(found, templates=frozenset()) == language


def test_where_there_is_one_language_everything_is_in_it() -> None:
    assert told(document("2.41"), "sw", templates=frozenset()) == "sw"


def test_a_form_that_members_fill_in_does_not_decide() -> None:
    """Its lines are known once many posts have them."""
    body = f"<p>{FORM}</p><p>{FORM}</p><p>{FRENCH}</p>"
    key = FORM.casefold().rstrip("?")

    assert told(document(body), templates=frozenset()) == "en"
    assert told(document(body), templates=frozenset({key})) == "fr"


def bilingual(folder: Path, box: Sandbox) -> App:
    """An installation whose members write English and French."""
    community = {"name": "A", "contact": "a@a.example", "languages": ["en", "fr"]}
    forum = {"type": "forum", "url": box.url, "requests_per_second": 1000}
    data = {
        "community": community,
        "sources": {"forum": forum},
        "embedding": {"model": "hashing"},
    }
    return App(parse_config(data, folder=folder))


def test_a_form_is_known_from_the_second_harvest_on(
    tmp_path: Path, box: Sandbox, community: Community, forum: LiveForum
) -> None:
    app = bilingual(tmp_path, box)
    for number in range(24):
        raw = f"{FORM}\n\n{ENGLISH} Case {number}."
        author = f"member{number % 6}"
        if number < 6:
            community.add_user(author)
        community.add_topic(f"Case {number}", raw, user=author, category="support")
    app.harvest("forum")
    raw = f"{FORM}\n\n{FRENCH}"
    topic = community.add_topic("2.41", raw, user="amina", category="support")

    with app.open_store() as store:
        asked = question_of_topic(
            forum.topic(TopicId(topic.id)), store, source="forum", languages=LANGUAGES
        )
    app.harvest("forum")
    with app.open_store() as store:
        stored = store.documents.find("forum", str(topic.id))

    assert stored is not None
    assert (asked.language, stored.language) == ("fr", "fr")


def test_a_text_that_is_changed_is_told_anew_and_the_reply_follows(
    tmp_path: Path, box: Sandbox, community: Community, forum: LiveForum
) -> None:
    app = bilingual(tmp_path, box)
    topic = community.add_topic("2.41", ENGLISH, user="amina", category="support")

    def languages() -> tuple[str | None, str | None]:
        app.harvest("forum")
        with app.open_store() as store:
            stored = store.documents.find("forum", str(topic.id))
            asked = question_of_topic(
                forum.topic(TopicId(topic.id)),
                store,
                source="forum",
                languages=["en", "fr"],
            )
        assert stored is not None
        return stored.language, asked.language

    before = languages()
    community.add_post(topic.id, FRENCH * 3, user="ben")
    answered = languages()
    first = community.posts_of(topic.id)[0]
    community.edit_post(first.id, FRENCH)
    edited = languages()

    assert [before, answered, edited] == [("en", "en"), ("en", "en"), ("fr", "fr")]
