"""What leaves a forum leaves us with the next refresh: seen through the search."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.app import App
from bot.sandbox import Community, Sandbox
from bot.sandbox.records import Post, Topic
from kb.store import EmbeddingCache
from kb.texts import TextField
from kb.types import Kind, content_hash
from tests.bot.conftest import FakeClock
from tests.bot.test_app import app_for

# No other text of these tests, and none of ours, holds this word.
WORD = "xylorimba"
OTHERS = 12


@pytest.fixture
def app(tmp_path: Path, box: Sandbox, community: Community) -> App:
    """A forum of some topics, harvested and indexed, before anything leaves it."""
    community.add_category("Bureau", slug="bureau")
    community.add_topics(OTHERS, posts=3, category="support")
    return app_for(tmp_path, box)


@pytest.fixture
def topic(app: App, community: Community) -> Topic:
    """The topic of which something leaves: its second post holds the word."""
    made = community.add_topic(
        "How do I tune the instrument that I play?",
        "It sounds odd since last week.",
        user="amina",
        category="bureau",
    )
    community.add_post(made.id, f"Your {WORD} needs new keys.", user="ben")
    community.add_post(made.id, "Thank you, that was it.", user="amina")
    refresh(app)
    assert found(app)
    assert traces(app)
    return made


def refresh(app: App) -> None:
    app.harvest("forum")
    app.index()


def found(app: App) -> list[str]:
    """Where the search finds the word, by each of its ways."""
    with app.open_store(readonly=True) as store, app.searcher(store) as searcher:
        hits = searcher.search(WORD, limit=20)
        return [hit.url for hit in hits if WORD in hit.passage.text]


def traces(app: App) -> list[str]:
    """The files that hold the word: store, word indexes, vectors, embedding cache;
    and the fields by which it finds whole documents."""
    with app.open_store() as store:
        # What is written stands in the write-ahead log until it is moved over.
        store.db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        index = app.open_index(store)
        fields = [
            field.value
            for field in TextField
            if index.texts.search(WORD, field, 1, kind=Kind.THREAD)
        ]
        index.close()
    return fields + [
        str(path.relative_to(app.data_dir))
        for path in sorted(app.data_dir.rglob("*"))
        if path.is_file() and WORD.encode() in path.read_bytes()
    ]


def second(community: Community, topic: Topic) -> Post:
    return community.posts_of(topic.id)[1]


def delete_topic(community: Community, topic: Topic) -> None:
    community.delete_topic(topic.id)


def delete_post(community: Community, topic: Topic) -> None:
    community.delete_post(second(community, topic).id)


def hide_post(community: Community, topic: Topic) -> None:
    community.hide_post(second(community, topic).id)


def withdraw_post(community: Community, topic: Topic) -> None:
    community.withdraw_post(second(community, topic).id)


def edit_post(community: Community, topic: Topic) -> None:
    """Within the grace period, in which no version counts it."""
    community.edit_post(second(community, topic).id, "Your instrument needs new keys.")


def make_private_message(community: Community, topic: Topic) -> None:
    community.privatise(topic.id)


def make_category_private(community: Community, _: Topic) -> None:
    community.category("bureau").read_restricted = True


def move_to_private_category(community: Community, topic: Topic) -> None:
    community.set_category(topic.id, "staff")


def unlist(community: Community, topic: Topic) -> None:
    community.set_status(topic.id, "visible", enabled=False)


def move_post_to_private_topic(community: Community, topic: Topic) -> None:
    inside = community.add_topic(
        "What the staff should look into", "Between us.", category="staff"
    )
    community.move_posts([second(community, topic).id], to_topic=inside.id)


@pytest.mark.parametrize(
    "leave",
    [
        delete_topic,
        delete_post,
        hide_post,
        withdraw_post,
        edit_post,
        make_private_message,
        make_category_private,
        move_to_private_category,
        unlist,
        move_post_to_private_topic,
    ],
)
def test_what_leaves_is_gone_after_the_next_refresh(
    app: App,
    community: Community,
    topic: Topic,
    leave: Callable[[Community, Topic], None],
) -> None:
    leave(community, topic)

    refresh(app)

    assert found(app) == []
    assert traces(app) == []
    with app.open_store(readonly=True) as store:
        assert len(store.holdings("forum")) >= OTHERS


def test_a_post_that_moved_is_found_in_its_new_topic_alone(
    app: App, community: Community, topic: Topic, box: Sandbox
) -> None:
    target = community.add_topic(
        "Which keys fit which instrument?", "A list, please.", category="support"
    )
    community.move_posts([second(community, topic).id], to_topic=target.id)
    moved = next(p for p in community.posts_of(target.id) if WORD in p.raw)

    refresh(app)

    assert found(app) == [f"{box.url}/t/{target.id}/{moved.number}"]


def test_topics_that_were_merged_are_found_as_one(
    app: App, community: Community, topic: Topic, box: Sandbox
) -> None:
    target = community.add_topic(
        "Everything about tuning", "Ask in here.", category="support"
    )
    every = [post.id for post in community.posts_of(topic.id)]
    community.move_posts(every, to_topic=target.id)
    community.delete_topic(topic.id)

    refresh(app)

    assert [url.rpartition("/")[0] for url in found(app)] == [
        f"{box.url}/t/{target.id}"
    ]
    with app.open_store(readonly=True) as store:
        assert store.documents.find("forum", str(topic.id)) is None


def test_an_account_that_was_made_anonymous_leaves_no_name(
    app: App, community: Community, topic: Topic, clock: FakeClock
) -> None:
    ben = community.user("ben")
    before = ben.username
    ben.username = "anon4711"

    refresh(app)

    with app.open_store(readonly=True) as store:
        names = {name for (name,) in store.db.conn.execute("SELECT author FROM parts")}
    assert before not in names
    assert "anon4711" in names
    assert found(app)


def test_a_deletion_is_not_hidden_by_an_edit_in_the_same_topic(
    app: App, community: Community, topic: Topic
) -> None:
    """The edit alone could be put together from what is stored."""
    first, second_post, _ = community.posts_of(topic.id)
    community.edit_post(first.id, "It has sounded odd since last week.")
    community.delete_post(second_post.id)

    refresh(app)

    assert found(app) == []
    assert traces(app) == []


TITLE = f"Who can tune a {WORD}?"


def known_vectors(app: App) -> int:
    """How many models have a vector of the title in the cache."""
    with EmbeddingCache.open(app.cache_path) as cache:
        known = [
            cache.get(model_id, [content_hash(TITLE)]) for model_id in cache.models()
        ]
    return sum(map(len, known))


def count_titles(app: App) -> int:
    with app.open_store(readonly=True) as store:
        index = app.open_index(store)
        index.close()
    return len(index.titles)


@pytest.mark.parametrize(
    "leave",
    [
        delete_topic,
        make_private_message,
        make_category_private,
        move_to_private_category,
        unlist,
    ],
)
def test_a_question_that_leaves_is_gone_from_what_it_was_answered_with(
    app: App,
    community: Community,
    box: Sandbox,
    leave: Callable[[Community, Topic], None],
) -> None:
    """The thread that was linked in it stays, and had its words for its own."""
    target = community.add_topic("Which keys fit?", "A list, please.", user="ben")
    asked = community.add_topic(
        TITLE, "It sounds odd since last week.", user="amina", category="bureau"
    )
    community.add_post(
        asked.id, f"See [what {WORD}s need]({box.url}/t/{target.id}).", user="ben"
    )
    refresh(app)
    with app.open_store(readonly=True) as store:
        linked = store.documents.find("forum", str(target.id))
        assert linked is not None
        assert WORD in str(list(store.evidence.texts([linked.id])))
    assert {"title", "asked", "anchors"} <= set(traces(app))
    assert (known_vectors(app), count_titles(app)) == (1, OTHERS + 2)

    leave(community, asked)
    refresh(app)

    assert traces(app) == []
    assert (known_vectors(app), count_titles(app)) == (0, OTHERS + 1)


def test_a_link_that_is_edited_away_is_gone_without_its_post(
    app: App, community: Community, box: Sandbox, topic: Topic
) -> None:
    """No passage changes: the words of the post stay as they are."""
    target = community.add_topic("Which keys fit?", "A list, please.", user="ben")
    post = second(community, topic)
    words = f"Your {WORD} needs new keys."
    community.edit_post(
        post.id, f"Your {WORD} [needs]({box.url}/t/{target.id}) new keys."
    )
    refresh(app)
    assert said_of(app, target, "needs")

    community.edit_post(post.id, words)
    refresh(app)

    assert not said_of(app, target, "needs")


def said_of(app: App, topic: Topic, word: str) -> bool:
    """Whether a link to it has the word in its text, as the index has it."""
    with app.open_store(readonly=True) as store:
        document = store.documents.find("forum", str(topic.id))
        index = app.open_index(store)
    index.close()
    assert document is not None
    scores = index.texts.score(word, [document.id], kind=Kind.THREAD)
    return document.id in scores[TextField.ANCHORS]
