"""Who wrote what is linked hears nothing of it: proved on the forum of the sandbox."""

from __future__ import annotations

from collections.abc import Callable

from bot.amending import folded, without_links
from bot.catalogue import shipped
from bot.compose import compose
from bot.forum import LiveForum
from bot.forum_care import LiveCare
from bot.sandbox import Community, Sandbox
from bot.sandbox.pings import links
from bot.sandbox.records import PINGS, NoticeType
from bot.topic import marker
from indexer.channel import Channel
from kb.types import Kind, TopicId
from tests.bot.conftest import BOT
from tests.bot.making import NOW, hit
from tests.bot.test_forum import ask


def composed(box: Sandbox, topic_id: TopicId, linked: TopicId) -> str:
    thread = hit(
        kind=Kind.THREAD,
        url=f"{box.url}/t/{linked}",
        anchor="/2",
        text="As @ben wrote: mount another disk. [/quote] @root",
    )
    return compose(
        [thread, hit(2)],
        topic_id=topic_id,
        question="Where does the backup go?",
        language="en",
        community="Example Forum",
        at=NOW,
    )


def noticed(community: Community, linked: TopicId) -> tuple[list[NoticeType], int]:
    """Notices that call on somebody, and links back below what is linked."""
    calls = [notice.type for notice in community.notifications if notice.type in PINGS]
    back = sum(
        link.topic_id == linked
        for post in community.posts.values()
        for link in post.links
    )
    return calls, back


def test_a_reply_notifies_nobody_and_leaves_no_link_back(
    forum: LiveForum, box: Sandbox, community: Community
) -> None:
    linked = ask(community, "The disk is full after each backup", user="ben")
    community.add_post(linked, "Mount another disk.", user="ben")
    topic_id = ask(community)
    text = composed(box, topic_id, linked)

    posted = forum.reply(topic_id, text, marker(topic_id))

    assert posted.post_id is not None
    assert noticed(community, linked) == ([], 0)
    cooked = community.posts[posted.post_id].cooked
    assert cooked.count("<aside") == cooked.count("</aside>") == 1
    assert f'href="{box.url}/t/{linked}/2"' in cooked
    assert links(cooked, box.url) == ()


def test_neither_an_edit_nor_a_fold_notifies_anybody(
    forum: LiveForum,
    box: Sandbox,
    community: Community,
    channel_to: Callable[[], Channel],
) -> None:
    linked = ask(community, "The disk is full after each backup", user="ben")
    community.add_post(linked, "Mount another disk.", user="ben")
    topic_id = ask(community)
    text = composed(box, topic_id, linked)
    posted = forum.reply(topic_id, text, marker(topic_id))
    answer = community.add_post(topic_id, "@amina use this script.", user="ben")
    community.solve(answer.id)
    before = list(community.notifications)
    assert posted.post_id is not None
    care = LiveCare(channel_to(), BOT)
    words = shipped().of("en")
    solution = f"{box.url}/t/{topic_id}/{answer.number}"

    shorter = without_links(text, [hit(2).url])
    assert shorter is not None
    care.edit(care.own_post(posted.post_id), shorter, "brought up to date")
    fold = folded(shorter, solution=solution, topic_id=topic_id, words=words)
    care.edit(care.own_post(posted.post_id), fold, "brought up to date")

    assert community.posts[posted.post_id].raw == fold
    assert community.notifications == before
    assert noticed(community, linked)[1] == 0


def test_without_the_quote_the_same_links_would(
    forum: LiveForum, box: Sandbox, community: Community
) -> None:
    """What the test above would see, were the quote not there."""
    linked = ask(community, "The disk is full after each backup", user="ben")
    community.add_post(linked, "Mount another disk.", user="ben")
    topic_id = ask(community)
    text = composed(box, topic_id, linked)
    bare = text.replace("[quote]\n", "").replace("[/quote]\n", "")
    assert bare != text

    forum.reply(topic_id, bare, marker(topic_id))

    assert noticed(community, linked) == ([NoticeType.LINKED], 1)
    [notice] = [n for n in community.notifications if n.type is NoticeType.LINKED]
    assert notice.user_id == community.user("ben").id
    assert notice.from_user_id == community.user(BOT).id


def test_the_list_of_links_is_a_list_within_the_quote(
    forum: LiveForum, box: Sandbox, community: Community
) -> None:
    topic_id = ask(community)

    posted = forum.reply(topic_id, composed(box, topic_id, topic_id), marker(topic_id))

    assert posted.post_id is not None
    cooked = "".join(community.posts[posted.post_id].cooked.split("\n"))
    opening, _, rest = cooked.partition(
        '<aside class="quote no-group"><blockquote><ul>'
    )
    inside, _, closing = rest.partition("</ul></blockquote></aside>")
    assert opening == "<p>These may already answer your question:</p>"
    assert inside.count("<li>") == 2
    assert closing.startswith("<p><em>I am a bot of Example Forum.")
