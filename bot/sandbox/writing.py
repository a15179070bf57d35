"""Writing: posts, topics and messages, edits and deletions."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.sandbox.answers import (
    Answer,
    Refusal,
    bad_parameter,
    errors,
    forbidden,
    json_answer,
    missing_parameter,
)
from bot.sandbox.desk import Desk, route
from bot.sandbox.exchange import Ask
from bot.sandbox.load import moment
from bot.sandbox.reading import alone, readable_post
from bot.sandbox.records import Category, Post, PostType, Topic, User
from bot.sandbox.revision import sent_revision, sent_tags
from bot.sandbox.serialise import Json, post_json, stamp
from bot.sandbox.validation import (
    CONFLICT,
    TOO_OLD,
    author_errors,
    body_errors,
    content_errors,
    may_still_edit,
    reply_errors,
    title_errors,
)

MEMO = timedelta(seconds=120)
NO_WHISPERS = (
    "Either whispers are not enabled or you do not have access to create whisper posts"
)


def create_post(desk: Desk, ask: Ask) -> Answer:
    """A reply, a topic or a private message.

    Identical parameters sent again with an administrator's key within two minutes
    get the first answer again, errors included, and post nothing.
    """
    if ask.key is None or ask.key.kind == "user_api":
        return _create(desk, ask)
    identity = (ask.user.id, tuple(sorted(ask.form.pairs)))
    now = desk.community.now()
    first = desk.memo.get(identity)
    if first is not None and now - first[0] < MEMO:
        return first[1]
    answer = _create(desk, ask)
    desk.memo[identity] = (now, answer)
    return answer


def _create(desk: Desk, ask: Ask) -> Answer:
    form, author = ask.form, ask.user
    state, settings = desk.community, desk.settings
    whisper = form.flag("whisper")
    if whisper and not state.may_whisper(author):
        raise Refusal(forbidden(NO_WHISPERS))
    if form.flag("no_bump") and not (author.staff or author.trust_level == 4):
        raise Refusal(bad_parameter("no_bump"))
    raw = (form.get("raw") or "").strip()
    topic_id = form.number("topic_id")
    topic = state.topics.get(topic_id) if topic_id is not None else None
    private = form.get("archetype") == "private_message"
    if topic_id is not None:
        private = topic is not None and topic.private
    at = _written_at(ask)
    wrong = _refusals(desk, ask, raw, topic, private=private)
    if wrong:
        return _failed(*wrong)
    if author.username in settings.approve_posts_of and not (author.staff or private):
        return _enqueued(desk, ask, author, raw, topic)
    # Last, so that what is refused uses up no turn.
    desk.count(author, "create_post")
    if topic is None and not private:
        desk.count(author, "create_topic")
    post = _publish(
        desk, ask, author, raw, topic, at=at, whisper=whisper, private=private
    )
    content = post_json(ask.view, post, raw=True) | {"draft_sequence": 1}
    if ask.view.staff:
        content["reviewable_id"] = None
    if form.flag("nested_post"):
        nested = {"action": "create_post", "post": content, "success": True}
        return json_answer(nested)
    return json_answer(content)


def _written_at(ask: Ask) -> datetime | None:
    """The time that an administrator's key gives a post; others cannot."""
    written = ask.form.get("created_at") if ask.by_api else None
    if not written:
        return None
    try:
        return moment(written)
    except (ValueError, OverflowError):
        raise Refusal(bad_parameter("created_at")) from None


def _refusals(
    desk: Desk, ask: Ask, raw: str, topic: Topic | None, *, private: bool
) -> list[str]:
    """Why the post is not published: where it should stand, then what it says."""
    form, author = ask.form, ask.user
    state, settings = desk.community, desk.settings
    unchecked = ask.by_api and form.flag("skip_validations")
    wrong: list[str] = []
    if form.number("topic_id") is not None:
        wrong += reply_errors(state, author, topic)
    elif not unchecked:
        title, tags = form.get("title") or "", sent_tags(desk, ask) or ()
        wrong += title_errors(state, settings, title, tags, private=private)
    if not wrong and not unchecked:
        wrong += body_errors(settings, raw, private=private)
        wrong += author_errors(state, settings, author, raw, topic)
    return wrong


def _failed(*texts: str) -> Answer:
    return json_answer({"action": "create_post", "errors": list(texts)}, 422)


def _enqueued(
    desk: Desk, ask: Ask, author: User, raw: str, topic: Topic | None
) -> Answer:
    state, form = desk.community, ask.form
    waiting = state.enqueue(
        author.username,
        raw,
        topic_id=topic.id if topic else None,
        title=form.get("title"),
        reply_to=form.number("reply_to_post_number"),
        category_id=None if topic else _category(desk, ask).id,
        tags=sent_tags(desk, ask) or (),
    )
    count = sum(each.user_id == author.id for each in state.pending)
    shown = {"id": waiting.id, "raw": raw, "created_at": stamp(waiting.created_at)}
    content: Json = {"action": "enqueued", "success": True, "pending_count": count}
    return json_answer(content | {"pending_post": shown})


def _publish(
    desk: Desk,
    ask: Ask,
    author: User,
    raw: str,
    topic: Topic | None,
    *,
    at: datetime | None,
    whisper: bool,
    private: bool,
) -> Post:
    form, state = ask.form, desk.community
    if topic is None:
        names = form.get("target_recipients") or form.get("target_usernames") or ""
        recipients = _recipients(desk, names) if private else None
        hidden = form.flag("unlist_topic") or form.get("visible") == "false"
        created = state.add_topic(
            form.get("title") or "",
            raw,
            user=author.username,
            category=_category(desk, ask).slug,
            tags=sent_tags(desk, ask) or (),
            at=at,
            recipients=recipients,
            visible=not hidden,
            literal=True,
        )
        return state.posts_of(created.id)[0]
    return state.add_post(
        topic.id,
        raw,
        user=author.username,
        at=at,
        reply_to=form.number("reply_to_post_number"),
        type=PostType.WHISPER if whisper else PostType.REGULAR,
        auto_track=form.get("auto_track") != "false",
        bump=not form.flag("no_bump"),
        literal=True,
    )


def _recipients(desk: Desk, names: str) -> list[str]:
    """Members, and the members of groups, who are named."""
    state, members = desk.community, list[str]()
    found = [name.strip() for name in names.split(",") if name.strip()]
    for name in found:
        if state.has_user(name):
            members.append(name)
            continue
        group = [user.username for user in state.group_members(name)]
        if not group:
            raise Refusal(_failed("You must select a valid user."))
        members += group
    if not members:
        raise Refusal(_failed("You must select a valid user."))
    return members


def _category(desk: Desk, ask: Ask) -> Category:
    state = desk.community
    number = ask.form.number("category")
    if number is None:
        return state.category("uncategorized")
    category = state.categories.get(number)
    if category is None or not state.may_read(category, ask.user):
        raise Refusal(forbidden())
    return category


def edit_post(desk: Desk, ask: Ask) -> Answer:
    """Replace a post's text; refused when it is not what the editor saw."""
    post, author = readable_post(desk, ask, ask.capture("id")), ask.user
    raw = ask.form.get("post[raw]")
    if raw is None:
        raise Refusal(missing_parameter("post"))
    privileged = author.staff or author.trust_level == 4
    if not privileged and (post.user_id != author.id or post.user_deleted):
        raise Refusal(forbidden())
    if not privileged and not may_still_edit(author, post, desk.community.now()):
        raise Refusal(errors(422, TOO_OLD))
    seen = ask.form.get("post[original_text]") or ask.form.get("post[raw_old]")
    if seen is not None and seen != post.raw:
        raise Refusal(errors(409, CONFLICT))
    topic = desk.community.topics[post.topic_id]
    wrong = list(body_errors(desk.settings, raw, private=topic.private))
    wrong += content_errors(desk.community, desk.settings, author, raw)
    if wrong:
        raise Refusal(errors(422, *wrong))
    revision = sent_revision(desk, ask, topic) if post.number == 1 else {}
    desk.count(author, "edit")
    desk.community.edit_post(
        post.id,
        raw.strip(),
        reason=ask.form.get("post[edit_reason]"),
        bump=not (privileged and ask.form.flag("bypass_bump")),
        literal=True,
        **revision,
    )
    return json_answer({"post": alone(ask, post) | {"draft_sequence": 1}})


def delete_post(desk: Desk, ask: Ask) -> Answer:
    """Staff delete; authors leave a stub behind."""
    post, author = readable_post(desk, ask, ask.capture("id")), ask.user
    if author.staff:
        desk.community.delete_post(post.id)
    elif post.user_id == author.id and not post.user_deleted:
        if not may_still_edit(author, post, desk.community.now()):
            raise Refusal(errors(422, TOO_OLD))
        desk.count(author, "delete")
        desk.community.withdraw_post(post.id)
    else:
        raise Refusal(forbidden())
    return Answer(200, b"", {"Content-Type": "text/html"})


ROUTES = (
    route("POST", r"/posts", "posts/create", create_post),
    route("PUT", r"/posts/(?P<id>\d+)", "posts/update", edit_post),
    route("DELETE", r"/posts/(?P<id>\d+)", "posts/destroy", delete_post),
)
