"""A question of now and one of the past look alike to ranking."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bot.asking import question_of_stored, question_of_topic
from bot.forum import LiveForum
from bot.history import history_of_store
from bot.policy import PolicySettings, objections
from bot.sandbox import Community, Sandbox
from bot.study import question_of
from kb.question import Question
from kb.store import Store
from kb.types import TopicId
from kb.words import words
from tests.bot.test_app import app_for
from tests.bot.test_forum import ask
from tests.kb.linked import docs, link, put, thread

LANGUAGES = ["en", "fr"]


def test_what_is_asked_now_equals_what_will_be_stored_of_it(
    tmp_path: Path, box: Sandbox, community: Community, forum: LiveForum
) -> None:
    """The same signals rank live, in a replay and while learning."""
    older = ask(community, "An older question about backups of the database")
    raw = f"As in {box.url}/t/{older}, the backup fails every night. What can I do?"
    topic_id = TopicId(
        community.add_topic(
            "Backup fails", raw, user="amina", category="android", tags=["backup"]
        ).id
    )
    app = app_for(tmp_path, box)
    app.harvest("forum")
    with app.open_store() as store:
        history = history_of_store(store)
        known = history.thread(topic_id)
        linked = store.documents.find("forum", str(older))
        assert known is not None
        assert linked is not None

        now = question_of_topic(
            forum.topic(topic_id), store, source="forum", languages=["en"]
        )
        stored = question_of_stored(store, known.id)

    assert now == question_of(history, known) == stored
    assert now == Question(
        "Backup fails",
        now.body,
        document=known.id,
        asker=f"forum:{community.user('amina').id}",
        category="Android",
        tags=("backup",),
        language="en",
        linked=frozenset({linked.id}),
    )


def test_a_topic_that_is_not_stored_yet_is_asked_all_the_same(
    tmp_path: Path, box: Sandbox, community: Community, forum: LiveForum
) -> None:
    app = app_for(tmp_path, box)
    topic_id = ask(community)
    with app.open_store() as store:
        topic = forum.topic(topic_id)

        question = question_of_topic(topic, store, source="forum", languages=LANGUAGES)
        french = question_of_topic(
            replace(
                topic,
                title="Comment sauvegarder la base de données chaque nuit ?",
                opening="<p>Je voudrais que cela se fasse tout seul, merci.</p>",
            ),
            store,
            source="forum",
            languages=LANGUAGES,
        )

    assert (question.document, question.linked) == (None, frozenset())
    assert (question.language, french.language) == ("en", "fr")


def test_a_link_to_what_the_public_may_not_see_says_nothing(
    tmp_path: Path, box: Sandbox, community: Community, forum: LiveForum
) -> None:
    hidden = ask(community, "Who is on duty in the staff room tonight?")
    topic_id = TopicId(
        community.add_topic(
            "Who is on duty?",
            f"Is it as in {box.url}/t/{hidden} or not?",
            user="amina",
            category="support",
        ).id
    )
    app = app_for(tmp_path, box)
    app.harvest("forum")
    with app.open_store() as store:
        document = store.documents.find("forum", str(hidden))
        assert document is not None
        url = f"{box.url}/t/{hidden}"
        topic = forum.topic(topic_id)
        links = store.links.documents_at([url], origin=topic.url)
        assert links == {document.id}
        assert not store.links.documents_at([url], origin=url)
        assert not store.links.documents_at(
            [url], origin=topic.url, visible_to=frozenset({"category:staff"})
        )


def test_a_link_to_any_version_of_a_page_is_one_to_that_which_is_searched(
    store: Store,
) -> None:
    pages = {
        version: put(
            store,
            replace(
                docs(f"v{version}/backup", "Text."), version=version, page="*/backup"
            ),
        )
        for version in ("1", "2")
    }
    with store.transaction():
        store.editions.settle("docs", None)
    asked = thread(1)
    topic = put(store, asked, link(asked, 1, "https://docs.example/v1/backup"))

    question = question_of_stored(store, topic)

    assert question is not None
    assert question.linked == {pages["2"]}


def test_a_title_of_255_emojis_without_a_text_holds_no_word(
    store: Store, forum: LiveForum, community: Community
) -> None:
    emojis, nothing = "😀" * 255, '<img src="/x.png"><p> </p>'
    added = community.add_topic(
        emojis, "x", user="amina", category="support", cooked=nothing
    )

    view = forum.topic(TopicId(added.id))
    asked = question_of_topic(view, store, source="forum", languages=LANGUAGES)

    assert (asked.title, asked.body) == (emojis, "")
    assert not words(asked.text)
    settings = PolicySettings("baraza")
    assert objections(view, settings, view.created_at) == (
        "neither its title nor its text holds a word",
    )
