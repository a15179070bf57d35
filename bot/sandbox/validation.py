"""What a forum refuses to publish: pure rules with its exact words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from selectolax.lexbor import LexborHTMLParser

from bot.sandbox.cook import cook
from bot.sandbox.records import Post, PostType, Topic, User
from bot.sandbox.settings import Settings
from bot.sandbox.state import State

UNIQUE_FOR = timedelta(minutes=5)
MAX_MENTIONS = 10
MAX_TAGS = 5
# Posts of one newcomer that link to the same host; the last is taken for spam.
SPAM_HOST_POSTS = 3
NEWCOMER_REPLIES, NEWCOMER_LINKS, NEWCOMER_MENTIONS, NEWCOMER_IMAGES = 3, 2, 2, 1
CLOSED = (
    "Something has gone wrong. Perhaps this topic was closed or deleted while you were "
    "looking at it?"
)
TOO_OLD = "That post was created too long ago. It can no longer be edited or deleted."
CONFLICT = (
    "That post was edited by another user and your changes can no longer be saved."
)


def body_errors(
    settings: Settings, raw: str, *, private: bool = False
) -> Iterator[str]:
    """What is wrong with a text, whoever wrote it.

    >>> list(body_errors(Settings(), "Hi <!-- twenty characters and more -->"))
    ['Body is too short (minimum is 20 characters)']
    """
    least = settings.min_pm_length if private else settings.min_post_length
    counted = re.sub(r"<!--.*?-->", "", raw, flags=re.DOTALL)
    counted = re.sub(r":[a-z0-9_+-]+:", "x", counted).strip()
    if len(counted) < least:
        yield f"Body is too short (minimum is {least} characters)"
    elif len(set(counted.lower())) < 7 or (counted.isupper() and len(counted) > least):
        yield "Body seems unclear, is it a complete sentence?"
    if len(raw) > settings.max_post_length:
        excess = f"{settings.max_post_length} characters; yours is {len(raw)}."
        yield f"Body is limited to {excess}"
    for word in sorted(settings.blocked_words):
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", raw, re.IGNORECASE):
            yield f"Sorry, you can't post the word '{word}'; it's not allowed."


def author_errors(
    state: State, settings: Settings, author: User, raw: str, topic: Topic | None
) -> Iterator[str]:
    """What this author may not do, here and now; staff may do all of it."""
    if author.staff:
        return
    now = state.now()
    if any(_same(post, author, raw, now) for post in state.posts.values()):
        yield "Body is too similar to what you recently posted"
    yield from content_errors(state, settings, author, raw)
    if topic is not None:
        yield from _topic_errors(state, settings, author, topic)


def content_errors(
    state: State, settings: Settings, author: User, raw: str
) -> Iterator[str]:
    """Mentions, links and pictures that this author may not put in a post."""
    # A text that is refused for its length is not cooked: that would take long.
    if author.staff or len(raw) > settings.max_post_length:
        return
    page = LexborHTMLParser(cook(raw, state.kitchen()))
    newcomer = author.trust_level == 0
    mentions = len({node.text() for node in page.css(".mention, .mention-group")})
    limit = NEWCOMER_MENTIONS if newcomer else MAX_MENTIONS
    if mentions > limit:
        who = "new users" if newcomer else "you"
        yield f"Sorry, {who} can only mention {limit} users in a post."
    links = _links(page)
    if links and author.trust_level < settings.links_from_trust_level:
        yield "Sorry, you can't include links in your posts."
    elif newcomer:
        yield from _newcomer_errors(state, author, page, links)


def _links(page: LexborHTMLParser) -> list[str]:
    """The addresses that count as links: each time, and a card once."""
    cards = [box.attributes.get("data-onebox-src") or "" for box in page.css(".onebox")]
    for node in page.css(".onebox, aside.quote"):
        node.decompose()
    not_links = "a.mention, a.mention-group, a.anchor, a.hashtag-cooked, a.lightbox"
    for node in page.css(not_links):
        node.decompose()
    return [node.attributes.get("href") or "" for node in page.css("a[href]")] + cards


def _newcomer_errors(
    state: State, author: User, page: LexborHTMLParser, links: Sequence[str]
) -> Iterator[str]:
    attached = page.css("a.attachment")
    if len(links) - len(attached) > NEWCOMER_LINKS:
        yield f"Sorry, new users can only put {NEWCOMER_LINKS} links in a post."
    if attached:
        yield "Sorry, new users can't put attachments in posts."
    if len(page.css("img:not(.emoji):not(.avatar)")) > NEWCOMER_IMAGES:
        yield "Sorry, new users can only put one embedded media item in a post."
    here = _host(state.addresses.forum)
    hosts = {_host(link) for link in links} - {"", here}
    if any(1 + _posts_linking(state, author, h) >= SPAM_HOST_POSTS for h in hosts):
        yield "Sorry you cannot post a link to that host."


def _host(url: str) -> str:
    found = re.match(r"https?://([^/?#]+)", url, re.IGNORECASE)
    return found[1].lower() if found else ""


def _posts_linking(state: State, author: User, host: str) -> int:
    return sum(
        any(_host(link.url) == host for link in post.links)
        for post in state.posts.values()
        if post.user_id == author.id
    )


def _topic_errors(
    state: State, settings: Settings, author: User, topic: Topic
) -> Iterator[str]:
    posts = [
        post
        for post in state.seen_posts(topic, author)
        if post.type is not PostType.SMALL_ACTION
    ]
    most = settings.max_consecutive_replies
    last = posts[-most:]
    alone = len(last) == most and all(post.user_id == author.id for post in last)
    if alone and topic.user_id != author.id:
        yield (
            f"No more than {most} consecutive replies are allowed. Please edit your "
            "previous reply, or wait for someone to reply to you."
        )
    waits = topic.slow_mode_s and [p for p in posts if p.user_id == author.id][-1:]
    pause = timedelta(seconds=topic.slow_mode_s)
    if waits and state.now() < waits[0].created_at + pause:
        yield "This topic is in slow mode."
    own = sum(post.user_id == author.id and post.number > 1 for post in posts)
    eager = author.trust_level == 0 and own >= NEWCOMER_REPLIES
    if eager and topic.user_id != author.id:
        yield (
            "We appreciate your enthusiasm, keep it up! That said, for the safety of "
            "our community, new users are temporarily limited to "
            f"{NEWCOMER_REPLIES} replies in the same topic."
        )


def _same(post: Post, author: User, raw: str, now: datetime) -> bool:
    return (
        post.user_id == author.id
        and now - post.created_at < UNIQUE_FOR
        and _squeezed(post.raw) == _squeezed(raw)
    )


def _squeezed(text: str) -> str:
    return "".join(text.split())


def reply_errors(state: State, author: User, topic: Topic | None) -> Iterator[str]:
    """Whether *author* may reply in *topic* at all."""
    gone = topic is None or topic.deleted_at or not state.may_see(topic, author)
    if topic is None or gone or ((topic.closed or topic.archived) and not author.staff):
        yield CLOSED


def title_errors(
    state: State, settings: Settings, title: str, tags: Sequence[str], *, private: bool
) -> Iterator[str]:
    """What is wrong with a new topic's title and tags."""
    least = 2 if private else settings.min_title_length
    if not title.strip():
        yield "Title can't be blank"
    elif len(title.strip()) < least:
        yield f"Title is too short (minimum is {least} characters)"
    elif len(title.strip()) > settings.max_title_length:
        yield f"Title is too long (maximum is {settings.max_title_length} characters)"
    elif title.isupper():
        yield "Title seems unclear, is it a complete sentence?"
    taken = {
        topic.title.casefold()
        for topic in state.topics.values()
        if topic.deleted_at is None and not topic.private
    }
    if not private and title.strip().casefold() in taken:
        yield "Title has already been used"
    if len(tags) > MAX_TAGS:
        yield f"You can only have {MAX_TAGS} tags on a topic."


def may_still_edit(author: User, post: Post, now: datetime) -> bool:
    """Whether the author's own time to change *post* is not over."""
    minutes = 1440 if author.trust_level < 2 else 43200
    return now - post.created_at < timedelta(minutes=minutes)
