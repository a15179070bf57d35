"""Texts as their authors wrote them, whatever the forum translates."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from bot.sandbox import Community, Sandbox, Settings
from indexer.originals import is_translation
from indexer.wire import read_feed, read_posts
from kb.types import LeftOut
from tests.conftest import shared_path
from tests.indexer.forum_world import World, complicate

ENGLISH = (
    "How do I import the organisation units from a spreadsheet into the instance? "
    "The file was exported by another program and has no header."
)
FRENCH = (
    "<p>Comment importer les unités d'organisation depuis un tableur dans l'instance ? "
    "Le fichier a été exporté par un autre programme et n'a pas d'en-tête.</p>"
)
COOKED = f"<p>{ENGLISH}</p>"


@pytest.mark.parametrize(
    ("raw", "cooked"),
    [
        (ENGLISH, COOKED),
        (ENGLISH, COOKED.replace("import", "IMPORT")),
        ("", ""),
        ("Merci !", "<p>Thanks!</p>"),
        ("**Caf&eacute;** " + ENGLISH, "<p><b>Café</b></p>" + COOKED),
        (ENGLISH, COOKED + f"<aside class='quote'>{FRENCH}</aside>"),
        (ENGLISH, COOKED + f"<pre><code>{FRENCH}</code></pre>"),
        ("{}", "<svg><path d='importer les unites organisation'/></svg>"),
    ],
    ids=["same", "case", "empty", "short", "entities", "quote", "code", "image"],
)
def test_html_that_says_what_the_markdown_says_is_no_translation(
    raw: str, cooked: str
) -> None:
    assert not is_translation(raw, cooked)


def test_html_in_other_words_is_a_translation() -> None:
    assert is_translation(ENGLISH, FRENCH)


def test_code_and_quotes_in_common_do_not_hide_a_translation() -> None:
    code = "curl --header Accept --request GET organisationUnits spreadsheet"
    cooked = f"{FRENCH}<pre><code>{code * 9}</code></pre><aside>{ENGLISH}</aside>"
    assert is_translation(f"{ENGLISH}\n```\n{code * 9}\n```", cooked)


@pytest.mark.parametrize("start", ["<pre>", "<aside x", "<svg ", "<"])
def test_a_hostile_post_is_told_in_one_pass(start: str) -> None:
    """A search for the end of each element would take hours."""
    assert is_translation(ENGLISH, FRENCH + start * 100_000)
    assert not is_translation(ENGLISH, COOKED + start * 100_000)


def served(**changes: Any) -> dict[str, Any]:
    return {
        "id": 71,
        "topic_id": 7,
        "post_number": 1,
        "created_at": "2026-01-02T03:04:05Z",
        "cooked": COOKED,
        "raw": ENGLISH,
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({}, (COOKED, "html")),
        ({"cooked": FRENCH}, (ENGLISH, "markdown")),
        # A few words tell nothing; the forum's own mark does.
        ({"raw": "Thanks!", "cooked": "Merci !"}, ("Merci !", "html")),
        (
            {"raw": "Thanks!", "cooked": "Merci !", "is_localized": True},
            ("Thanks!", "markdown"),
        ),
        ({"raw": None, "cooked": FRENCH}, (FRENCH, "html")),
    ],
    ids=["original", "unmarked", "short", "marked", "no raw"],
)
def test_a_post_is_read_in_its_original_words(
    changes: dict[str, Any], body: tuple[str, str]
) -> None:
    post = served(**changes)
    by_topic = read_posts({"post_stream": {"posts": [post]}}, "/t").kept[0]
    by_feed = read_feed({"latest_posts": [post]}, "/posts.json").posts[0].content
    assert not isinstance(by_feed, LeftOut)
    assert (by_topic.body, by_topic.format) == body
    assert (by_feed.body, by_feed.format) == body


def test_a_translation_without_its_original_is_told_and_not_kept() -> None:
    post = served(is_localized=True, raw=None)
    problem = "cooked: is a translation, and there is no raw beside it"
    broken = read_posts({"post_stream": {"posts": [post]}}, "/t").broken
    assert broken == (LeftOut(71, 1, f"post_stream.posts[0].{problem}"),)
    page = read_feed({"latest_posts": [post]}, "/posts.json")
    assert (page.posts, page.ids) == ((), (71,))
    assert page.broken == ((7, f"latest_posts[0].{problem}"),)


@pytest.mark.parametrize("cookie", [True, False], ids=["declined", "forced"])
@pytest.mark.parametrize("alone", [False, True], ids=["put together", "read"])
def test_a_forum_that_translates_is_harvested_in_its_members_words(
    community: Community, box: Sandbox, world: World, alone: bool, cookie: bool
) -> None:
    """Whether it heeds our wish for originals or not."""
    box.settings = Settings(localise_to="fr")
    topic = community.add_topic("How to import units", ENGLISH)
    first = community.posts_of(topic.id)[0]
    first.translations["fr"] = FRENCH
    if alone:
        complicate(community, topic)
    if not cookie:
        # It takes every reader for one who wants a translation.
        first.given_cooked, first.cooked = FRENCH, FRENCH

    world.harvest()

    part = world.document(topic.id).parts[0]
    expected = (COOKED, "html") if cookie else (ENGLISH, "markdown")
    assert (part.body, part.format) == expected


@pytest.mark.slow
def test_no_real_post_is_taken_for_a_translation() -> None:
    path = shared_path("discourse/samples/posts.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        posts = [json.loads(line) for line in lines]
    with_raw = [post for post in posts if post.get("raw")]
    assert with_raw
    taken = [p["id"] for p in with_raw if is_translation(p["raw"], p["cooked"])]
    assert taken == []
