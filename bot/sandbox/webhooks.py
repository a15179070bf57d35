"""Webhooks: the forum tells receivers what happened, signed, once, in the background.

Like the real thing: payloads are what the system user sees (private messages and
whispers included), the signature covers the raw bytes, and what fails stays failed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import httpx

from bot.sandbox.records import SYSTEM_ID, Event, Post, Topic
from bot.sandbox.serialise import Json, View, post_json, user_json
from bot.sandbox.serialise_topics import topic_json

TIMEOUT_S = 5.0
_SHORT_SECRET = 12
# Keys of a post that depend on who reads it; a webhook has no reader.
_PERSONAL = (
    "yours readers_count can_edit can_delete can_recover can_see_hidden_post can_wiki"
    " actions_summary badges_granted flair_url flair_bg_color flair_color read"
    " can_view_edit_history can_accept_answer can_unaccept_answer"
)
_UNTOLD = ("post_stream", "suggested_topics", "details", "timeline_lookup")


@dataclass(frozen=True, slots=True)
class Hook:
    """A receiver; *events* are names such as ``post_created``, all when empty."""

    url: str
    secret: str
    events: frozenset[str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one message; *status* is ``None`` when nobody answered."""

    url: str
    event: str
    headers: Mapping[str, str]
    body: bytes
    status: int | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Parcel:
    url: str
    event: str
    headers: Mapping[str, str]
    body: bytes


def signature(secret: str, body: bytes) -> str:
    """The value of ``X-Discourse-Event-Signature``.

    >>> signature("a long secret", b"{}") == signature("a long secret", b"{ }")
    False
    """
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return f"sha256={digest}"


class Webhooks:
    """Receivers and the thread that delivers to them.

    Args:
        view: Gives the view of the system user at the moment it is called.

    Attributes:
        deliveries: All that was delivered or failed, oldest first.
    """

    def __init__(self, view: Callable[[], View]) -> None:
        self._view = view
        self._hooks: list[Hook] = []
        self._parcels: queue.Queue[_Parcel | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._sent = 0
        self.deliveries: list[Delivery] = []

    def register(self, url: str, secret: str = "", events: Iterable[str] = ()) -> Hook:
        """Tell *url* of *events* from now on.

        Raises:
            ValueError: The secret is shorter than the forum allows.
        """
        if secret and len(secret) < _SHORT_SECRET:
            raise ValueError(f"a secret has at least {_SHORT_SECRET} characters")
        hook = Hook(url, secret, frozenset(events))
        self._hooks.append(hook)
        return hook

    def ping(self, hook: Hook) -> None:
        """What the button of the admin page does."""
        self._post(hook, "ping", "ping", {"ping": "OK"})

    def tell(self, event: Event) -> None:
        """Send *event* to those who want it; called under the community's lock."""
        wanting = [h for h in self._hooks if not h.events or event.name in h.events]
        if wanting:
            content = {event.kind: payload(self._view(), event)}
            for hook in wanting:
                self._post(hook, event.name, event.kind, content)

    def flush(self) -> None:
        """Wait until everything told so far was delivered or failed."""
        self._parcels.join()

    def close(self) -> None:
        if self._thread is not None:
            self._parcels.put(None)
            self._thread.join()
            self._thread = None

    def _post(self, hook: Hook, event: str, kind: str, payload: Json) -> None:
        self._sent += 1
        body = json.dumps(payload, ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Discourse/2026.8.0",
            "X-Discourse-Instance": self._view().state.addresses.forum,
            "X-Discourse-Event-Id": str(self._sent),
            "X-Discourse-Event-Type": kind,
            "X-Discourse-Event": event,
        }
        if hook.secret:
            headers["X-Discourse-Event-Signature"] = signature(hook.secret, body)
        if self._thread is None:
            self._thread = threading.Thread(target=self._deliver_all, daemon=True)
            self._thread.start()
        self._parcels.put(_Parcel(hook.url, event, headers, body))

    def _deliver_all(self) -> None:
        with httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client:
            while True:
                parcel = self._parcels.get()
                if parcel is not None:
                    self.deliveries.append(_deliver(client, parcel))
                self._parcels.task_done()
                if parcel is None:
                    return


def _deliver(client: httpx.Client, parcel: _Parcel) -> Delivery:
    known = (parcel.url, parcel.event, parcel.headers, parcel.body)
    try:
        answer = client.post(
            parcel.url, content=parcel.body, headers=dict(parcel.headers)
        )
    except httpx.HTTPError as failure:
        return Delivery(*known, None, str(failure) or type(failure).__name__)
    return Delivery(*known, answer.status_code)


def payload(view: View, event: Event) -> Json:
    if event.post is None:
        return _topic_payload(view, event.topic)
    if event.kind == "like":
        fan = view.state.users[max(event.post.liked_by, default=SYSTEM_ID)]
        return {
            "post": _post_payload(view, event.post),
            "user": user_json(view, fan),
        }
    return _post_payload(view, event.post)


def _post_payload(view: View, post: Post) -> Json:
    topic = view.state.topics[post.topic_id]
    category = view.state.categories.get(topic.category_id or 0)
    shown = len(view.state.seen_posts(topic, None))
    found = post_json(view, post, raw=True)
    personal = _PERSONAL.split()
    kept = {key: value for key, value in found.items() if key not in personal}
    return kept | {
        "topic_title": topic.title,
        "category_id": topic.category_id,
        "category_slug": category.slug if category else None,
        "topic_posts_count": shown,
        "topic_filtered_posts_count": shown,
        "topic_archetype": topic.archetype,
    }


def _topic_payload(view: View, topic: Topic) -> Json:
    found = topic_json(view, topic, (), raw=False)
    people = {key: found["details"][key] for key in ("created_by", "last_poster")}
    kept = {key: value for key, value in found.items() if key not in _UNTOLD}
    return kept | people
