"""A webhook's delivery → what must be read again; pure.

A delivery is a hint and no more. It is written for the forum's system user, so it may
hold private messages, whispers and restricted categories: nothing of its text may be
kept or logged. What is taken from it is a topic's number; what that topic is worth,
the next refresh decides by its own rights.

Headers are not signed. Only the body decides what is read; the event's name is kept as
a reason for people, if it looks like one. So whoever caught a delivery may send it
again under another id: that costs a request for a topic that is read anyway, and of a
post not even that once it is older than the replay window.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kb.store import CATEGORIES

MIN_SECRET_CHARS = 12
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
# Forums count up from 1; nobody has numbered a topic beyond what SQLite holds.
_MAX_ID = 2**63 - 1
_WHISPER = 4
_PRIVATE = "private_message"
_DATED = frozenset({"post_created", "post_edited"})
_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}")
_EVENT = re.compile(r"[a-z][a-z0-9_]{0,63}")
# The form has one field; a body of a million of them is nobody's.
_MAX_FORM_FIELDS = 16
_DEFAULT_PORTS = {"http": 80, "https": 443}


class DeliveryError(ValueError):
    """A signed delivery that is not what a forum sends; names fields, never text."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Something that must be read again.

    Attributes:
        key: The number of a topic, or `kb.store.CATEGORIES`.
        reason: The name of the event.
        only_stored: Of a private message, or of a topic that may be one: only worth
            a look if it is stored, that is, if it was no private message before.
    """

    key: str
    reason: str
    only_stored: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a signed body says.

    Attributes:
        hints: Nothing for a ping, a like or a user.
        mark: Tells it from all others, together with its id.
        told_at: The newest time that it tells of; ``None``: it tells none that would
            say when it was sent.
        mail: It is about a private message, whose ever: worth a look at the bot's own.
        asked: It is about a topic or its first post: there may be a new question.
        author: Of the post; empty where it is about none.
    """

    hints: tuple[Hint, ...]
    mark: bytes
    told_at: datetime | None = None
    mail: bool = False
    asked: bool = False
    author: str = ""


def is_signature(header: str) -> bool:
    """Whether it could be one; tells before a body is read that it is not worth it.

    >>> is_signature("sha256=" + 64 * "0"), is_signature("sha1=" + 40 * "0")
    (True, False)
    """
    return _SIGNATURE.fullmatch(header) is not None


def is_signed(body: bytes, header: str, *, secret: str) -> bool:
    """Whether *header* signs these very bytes; takes as long for any wrong one."""
    # The environment hands over bytes that are no UTF-8 this way.
    key = secret.encode("utf-8", "surrogateescape")
    digest = hmac.new(key, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"sha256={digest}".encode(), header.encode())


def site(url: str) -> tuple[str, int | None, str] | None:
    """What two addresses of one site have in common; ``None`` if it is none.

    A forum behind a proxy may take itself for http.

    >>> site("https://Forum.example/") == site("http://forum.example")
    True
    >>> site("https://forum.example:8443") == site("https://forum.example")
    False
    >>> site("https://[nonsense")
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    if port == _DEFAULT_PORTS.get(parts.scheme):
        port = None
    return parts.hostname, port, parts.path.rstrip("/")


def read_delivery(
    body: bytes, *, content_type: str, event: str, event_id: str = ""
) -> Delivery:
    """What a delivery says must be read again.

    Args:
        body: As it arrived, and found to be signed.
        content_type: `JSON` or `FORM`.
        event: The header ``X-Discourse-Event``, as it arrived.
        event_id: ``X-Discourse-Event-Id``, likewise.

    Raises:
        DeliveryError: It cannot be read.
    """
    payload = _payload(body, content_type)
    named = _EVENT.fullmatch(event) is not None
    hints = (
        read(content, event if named else f"{kind}_event")
        for kind, read in _READERS.items()
        if isinstance(content := payload.get(kind), Mapping)
    )
    return Delivery(
        tuple(hint for hint in hints if hint is not None),
        # A topic that is changed back has the body of before: the id is part.
        hashlib.sha256(event_id.encode() + b"\0" + body).digest(),
        _told_at(payload, event),
        asked="topic" in payload or _of_the_post(payload, "post_number") == 1,
        author=str(_of_the_post(payload, "username") or ""),
        mail=any(
            isinstance(content := payload.get(kind), Mapping)
            and content.get(field) == _PRIVATE
            for kind, field in (("post", "topic_archetype"), ("topic", "archetype"))
        ),
    )


def _of_the_post(payload: Mapping[str, Any], field: str) -> Any:
    post = payload.get("post")
    return post.get(field) if isinstance(post, Mapping) else None


def _told_at(payload: Mapping[str, Any], event: str) -> datetime | None:
    """When something happened to a post. Only one that was written or edited says so;
    when it was recovered, moved or became a solution it does not."""
    post = payload.get("post")
    if not isinstance(post, Mapping) or post.get("accepted_answer"):
        return None
    if event not in _DATED:
        return None
    told = (post.get(name) for name in ("created_at", "updated_at", "deleted_at"))
    moments = [moment for text in told if (moment := _moment(text)) is not None]
    return max(moments, default=None)


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _payload(body: bytes, content_type: str) -> Mapping[str, Any]:
    # With the setting for forms a forum changes the label alone, and still sends
    # plain JSON; what stands between may make a real form of it.
    if content_type == FORM and not body.lstrip().startswith(b"{"):
        body = _form_field(body)
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        # Without the cause: its text, and the traceback of it, quote the body.
        raise DeliveryError("expected JSON") from None
    if not isinstance(payload, Mapping):
        raise DeliveryError("expected a JSON object")
    return payload


def _form_field(body: bytes) -> bytes:
    try:
        form = parse_qs(body, max_num_fields=_MAX_FORM_FIELDS)
    except ValueError:
        form = {}
    if len(form.get(b"payload", ())) != 1:
        raise DeliveryError("expected JSON, or a form with one field payload")
    return form[b"payload"][0]


def _of_post(post: Mapping[str, Any], event: str) -> Hint | None:
    key = _topic(post, "topic_id")
    if post.get("post_type") == _WHISPER:
        return None
    return Hint(key, event, only_stored=post.get("topic_archetype") == _PRIVATE)


def _of_topic(topic: Mapping[str, Any], event: str) -> Hint:
    key = _topic(topic, "id")
    return Hint(key, event, only_stored=topic.get("archetype") == _PRIVATE)


def _of_reviewable(item: Mapping[str, Any], event: str) -> Hint | None:
    """Flags hide posts, and that moves nothing else; queued posts have no topic yet."""
    if item.get("topic_id") is None:
        return None
    return Hint(_topic(item, "topic_id"), event, only_stored=True)


def _of_category(_category: Mapping[str, Any], event: str) -> Hint:
    return Hint(CATEGORIES, event)


def _topic(content: Mapping[str, Any], field: str) -> str:
    value = content.get(field)
    # True is an int, too.
    if type(value) is not int or not 0 < value <= _MAX_ID:
        found = "nothing" if value is None else type(value).__name__
        raise DeliveryError(f"{field}: expected the number of a topic, got {found}")
    return str(value)


# By the key that the content stands under; all others (like, user, group, tag,
# notification, …) say nothing that is stored.
_READERS = {
    "post": _of_post,
    "solved": _of_post,
    "topic": _of_topic,
    "reviewable": _of_reviewable,
    "category": _of_category,
}
