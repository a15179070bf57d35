"""What a post says, and what only stands beside it: markup, notices, translations.

Numbers are those of the known traps of Discourse's API, see `test_all_traps`.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.sandbox import Community, Sandbox, Settings
from tests.indexer.traps.world import (
    Hands,
    Json,
    World,
    alter_items,
    alter_posts,
    as_passages,
    shown,
    without_feed,
)

LONG = (
    "You can import the file with the maintenance app: open it, choose the tab "
    "called metadata, and then press the button that says import."
)
# What a machine makes of it for a reader of French.
FRENCH = (
    "<p>Vous pouvez importer le fichier avec votre application: ouvrez cette "
    "dernière, choisissez un onglet, puis appuyez enfin sur ce bouton bleu.</p>"
)


def test_trap_37_text_is_taken_from_the_html_where_addresses_are_real(
    community: Community, world: World, road: str
) -> None:
    """The Markdown names uploads by short addresses that lead nowhere."""
    raw = "See this picture: ![screen|690x388](upload://abc123.png) and **note** it."
    topic = community.add_topic("What does this mean?", raw)

    world.harvest(chunk=as_passages)

    [part] = world.document(topic.id).parts
    assert (part.format, "upload://" in part.body) == ("html", False)
    assert world.held() == shown(community)
    [passage] = world.passages(topic.id)
    assert "See this picture" in passage
    assert "**" not in passage


def test_trap_38_titles_are_not_the_escaped_form(
    community: Community, world: World, road: str
) -> None:
    title = 'How do I <import> "data" & more?'
    topic = community.add_topic(title, "I have a file of it.")

    world.harvest()

    assert world.document(topic.id).title == title
    assert world.held() == shown(community)


def test_trap_38_titles_are_asked_for_untranslated(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    box.settings = Settings(localise_to="fr")
    topic = community.add_topic("How do I import data?", "I have a file of it.")
    topic.translations["fr"] = "Comment importer des données ?"

    world.harvest()

    assert world.document(topic.id).title == "How do I import data?"
    assert world.held() == shown(community)


RAW = """## Two ways

[quote="ben, post:1, topic:9"]
WORDS OF SOMEBODY ELSE
[/quote]

https://example.org/x

Take the first :smile: or the other [spoiler]when it rains[/spoiler].

![The screen|690x388](upload://big.png)

[poll]
* CHOICE OF A POLL
[/poll]

<details class="elided"><summary>···</summary>AN OLD MAIL</details>"""
COOKED = """
<h2><a name="p-1-top" class="anchor" href="#p-1-top"></a>Two ways</h2>
<aside class="quote no-group" data-username="ben" data-post="1" data-topic="9">
<div class="title"><div class="quote-controls"></div>
<img alt="" class="avatar" src="/a.png"> ben:</div>
<blockquote><p>WORDS OF SOMEBODY ELSE</p></blockquote></aside>
<aside class="onebox allowlistedgeneric" data-onebox-src="https://example.org/x">
<header class="source">EXAMPLE SITE</header><article class="onebox-body">
<p>TEXT OF A THIRD PARTY</p></article></aside>
<p>Take the first <img class="emoji" title=":smile:" alt=":smile:" src="/e.png">
or the other <span class="spoiler">when it rains</span>.</p>
<div class="lightbox-wrapper"><a class="lightbox" href="/uploads/big.png">
<img src="/uploads/small.png" alt="The screen" width="690" height="388">
<div class="meta"><svg class="fa"><use href="#far-image"></use></svg>
<span class="filename">screen</span><span class="informations">690×388 45 KB</span>
</div></a></div>
<div class="poll" data-poll-name="poll"><ul><li>CHOICE OF A POLL</li></ul></div>
<details class="elided"><summary>···</summary><p>AN OLD MAIL</p></details>
"""
FOREIGN = (
    "WORDS OF SOMEBODY ELSE",
    "EXAMPLE SITE",
    "TEXT OF A THIRD PARTY",
    "690×388",
    "45 KB",
    "CHOICE OF A POLL",
    "AN OLD MAIL",
    "p-1-top",
)


def test_trap_39_what_the_author_did_not_write_is_in_no_passage(
    community: Community, world: World, road: str
) -> None:
    topic = community.add_topic("Which of the two ways?", RAW, cooked=COOKED)

    world.harvest(chunk=as_passages)

    text = "\n".join(world.passages(topic.id))
    assert [words for words in FOREIGN if words in text] == []
    for words in ("Two ways", "Take the first", "when it rains"):
        assert words in text
    # What is stored is the post as the forum serves it.
    assert world.held() == shown(community)


def test_trap_40_an_emoji_is_its_code(
    community: Community, world: World, road: str
) -> None:
    topic = community.add_topic("Does this work?", "It does :tada: and quickly.")

    world.harvest(chunk=as_passages)

    [body] = [part.body for part in world.document(topic.id).parts]
    assert "<img" in body
    assert world.passages(topic.id) == ["It does :tada: and quickly."]


def translated(community: Community) -> int:
    """A topic whose only post has a translation; its id."""
    topic = community.add_topic("How do I import data?", LONG)
    community.posts_of(topic.id)[0].translations["fr"] = FRENCH
    return topic.id


def test_trap_41_the_original_is_asked_for(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    box.settings = Settings(localise_to="fr")
    translated(community)

    world.harvest()

    assert world.held() == shown(community)


@pytest.mark.parametrize("marked", [True, False], ids=["marked", "unmarked"])
def test_trap_41_a_translation_is_never_taken_for_the_text(
    community: Community, box: Sandbox, world: World, road: str, marked: bool
) -> None:
    """A forum that does not know our cookie, and may not even say that it is one:
    then the Markdown, which is never translated, is what the author wrote."""
    box.settings = Settings(
        localise_to="fr", original_cookie="elder=1", marks_translations=marked
    )
    topic_id = translated(community)

    report = world.harvest(chunk=as_passages)

    [part] = world.document(topic_id).parts
    assert (part.format, part.body, report.set_aside) == ("markdown", LONG, 0)
    assert "Vous pouvez" not in str(world.passages(topic_id))


def test_trap_41_a_translation_without_its_original_is_set_aside(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    box.settings = Settings(localise_to="fr", original_cookie="elder=1")
    topic_id = translated(community)
    other = community.add_topics(1)[0]

    def without_raw(post: Json) -> Json:
        return {name: value for name, value in post.items() if name != "raw"}

    alter_posts(box, without_raw)

    report = world.harvest()

    assert (report.complete, world.keys) == (True, [other.id])
    assert "is a translation" in world.aside()[str(topic_id)]


def test_trap_42_notices_in_place_of_texts_are_not_kept(
    community: Community, box: Sandbox, world: World, generation: str, road: str
) -> None:
    topic = community.add_topics(1, posts=4)[0]
    posts = community.posts_of(topic.id)
    community.hide_post(posts[1].id)
    community.withdraw_post(posts[2].id)

    world.harvest()

    assert world.held() == shown(community)
    found = world.document(topic.id)
    assert [part.number for part in found.parts] == [1, 4]
    assert [(o.number, o.cause) for o in found.left_out] == [
        (2, "hidden"),
        (3, "deleted"),
    ]
    assert "flagged by the community" not in str(found)
    assert "deleted by author" not in str(world.passages(topic.id))


def test_trap_42_a_text_that_is_hidden_later_leaves(
    community: Community, world: World, clock: Hands, generation: str, road: str
) -> None:
    topic = community.add_topics(1, posts=4)[0]
    world.harvest()
    community.hide_post(community.posts_of(topic.id)[1].id)

    world.harvest(full=True)

    assert world.held() == shown(community)
    assert len(world.passages(topic.id)) == 3


def test_trap_43_who_asked_is_said_by_the_first_post_not_by_the_list(
    community: Community, box: Sandbox, world: World, road: str
) -> None:
    """Lists name members in any order, with their part in the reader's language."""
    topic = community.add_topic("Who asked this?", "I did ask it.", user="amina")
    community.add_post(topic.id, "And I have answered.", user="ben")

    def reversed_posters(item: Json) -> Json:
        posters = [{**p, "description": "Autor"} for p in item["posters"]]
        return {**item, "posters": posters[::-1]}

    alter_items(box, reversed_posters)

    world.harvest()

    assert world.held() == shown(community)
    first = world.document(topic.id).parts[0]
    assert (first.author, first.author_id) == ("amina", community.user("amina").id)


@pytest.mark.parametrize("name", ["Bénédicte.N-2", "用户_7", "a.b-c_d"])
def test_trap_44_names_of_members_hold_any_letters_dots_and_dashes(
    community: Community, world: World, road: str, name: str
) -> None:
    topic = community.add_topic("Who asked this?", "I did ask it.", user=name)

    world.harvest()

    [part] = world.document(topic.id).parts
    assert (part.author, part.author_id) == (name, community.user(name).id)


def test_trap_44_a_member_who_is_renamed_or_anonymised_stays_one_by_id(
    community: Community, world: World, clock: Hands, generation: str, road: str
) -> None:
    topic = community.add_topic("Who asked this?", "I did ask it.", user="amina")
    community.add_post(topic.id, "And I have answered.", user="ben")
    world.harvest()
    member = community.user("amina")
    member.username = "anon7331"
    clock.now += timedelta(days=1)

    world.harvest(full=True)

    first, second = world.document(topic.id).parts
    assert (first.author, first.author_id) == ("anon7331", member.id)
    assert second.author == "ben"
    assert "amina" not in str(world.document(topic.id))


def test_server_a_cut_off_history_keeps_the_forums_html(
    community: Community, box: Sandbox, world: World
) -> None:
    """Both roads store one form of a post: what is compared later must be equal."""
    community.add_topic("What does this mean?", f"> quoted\n\n{LONG}\n\n`code` :tada:")
    world.harvest()
    by_feed = world.held()
    without_feed(box)

    report = world.harvest(full=True)

    assert (report.updated, report.unchanged) == (0, 1)
    assert world.held() == by_feed == shown(community)
