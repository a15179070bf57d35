"""The forum's front desk: who may come in, and which handler serves them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from bot.sandbox.answers import (
    HTML_TYPE,
    Answer,
    Refusal,
    bad_csrf,
    not_found,
    not_logged_in,
    read_only,
    text_answer,
    unwanted_crawler,
)
from bot.sandbox.community import Community
from bot.sandbox.exchange import Ask, Keys
from bot.sandbox.limits import Limits
from bot.sandbox.records import User
from bot.sandbox.settings import Settings
from bot.sandbox.style import missing_page

Handler = Callable[["Desk", Ask], Answer]
Format = Literal["json", "html", "any"]

# Who names none of these is taken for a program.
_BROWSERS = re.compile(
    "trident|webkit|gecko|chrome|safari|msie|opera|goanna|discourse", re.IGNORECASE
)
# Visitors get these even where everybody must log in.
_OPEN_DOORS = ("/site/basic-info", "/robots.txt", "/login")


@dataclass(frozen=True, slots=True)
class Route:
    """A handler for paths, given without ``.json``.

    Attributes:
        name: What the forum calls it in ``X-Discourse-Route``.
        format: GET of a ``json`` route serves JSON only to those who ask for it.
    """

    methods: frozenset[str]
    pattern: re.Pattern[str]
    name: str
    handler: Handler
    format: Format = "json"


def route(
    methods: str, pattern: str, name: str, handler: Handler, format: Format = "json"
) -> Route:
    return Route(frozenset(methods.split()), re.compile(pattern), name, handler, format)


@dataclass(slots=True)
class Desk:
    """What handlers share.

    Attributes:
        settings: May be replaced at any time; each request reads it anew.
        memo: Answers to identical writes of the last two minutes.
        limits: Counts requests and acts; asked only where the settings say so, but
            for what is rationed on any forum.
    """

    community: Community
    settings: Settings
    routes: Sequence[Route] = ()
    keys: Keys = field(default_factory=Keys)
    memo: dict[tuple[object, ...], tuple[datetime, Answer]] = field(
        default_factory=dict
    )
    limits: Limits = field(init=False)

    def __post_init__(self) -> None:
        self.limits = Limits(lambda: self.community.now())

    def serve(self, ask: Ask) -> Answer:
        """Answer *ask*, under the community's lock; its reader is found here."""
        with self.community.lock:
            try:
                reader, key = self.keys.reader(self.community, ask.headers)
                known = replace(ask, key=key, view=replace(ask.view, reader=reader))
                self._admit(known)
                answer = self._dispatch(known)
            except Refusal as refusal:
                return self._led_on(ask, refusal.answer)
            if reader is None:
                return answer
            headers = {**answer.headers, "X-Discourse-Username": reader.username}
            return replace(answer, headers=headers)

    def _led_on(self, ask: Ask, answer: Answer) -> Answer:
        """*answer*, or the way on where an administrator made a permalink."""
        url = self.community.permalinks.get(ask.path)
        if url is None or ask.method != "GET" or answer.status not in {404, 410}:
            return answer
        return Answer(301, b"", {"Location": url, "Content-Type": HTML_TYPE})

    def count(self, user: User, what: str) -> None:
        """Count an act where the forum's limits are enforced."""
        if self.settings.limits:
            self.limits.act(user, what)

    def _admit(self, ask: Ask) -> None:
        """Turn away whom the forum would turn away before looking at the path."""
        if self._is_unwanted(ask):
            raise Refusal(unwanted_crawler())
        if self.settings.limits:
            self.limits.request(ask, modern=self.settings.modern)
        if ask.method not in {"GET", "HEAD"}:
            if ask.key is None:
                raise Refusal(bad_csrf())
            if self.settings.read_only:
                raise Refusal(read_only())
        closed = self.settings.login_required and ask.view.reader is None
        if closed and not ask.path.startswith(_OPEN_DOORS):
            if ask.wants_json:
                raise Refusal(not_logged_in())
            raise Refusal(Answer(302, b"", {"Location": "/login"}))

    def _is_unwanted(self, ask: Ask) -> bool:
        """Whether a program asks that is not on the list of those that may; an
        administrator's key does not help it, a member's does."""
        allowed, headers = self.settings.allowed_crawlers, ask.headers
        name = headers.get("user-agent", "").lower()
        exempt = "user-api-key" in headers or "api_key" in ask.query
        by_script = headers.get("x-requested-with") == "XMLHttpRequest"
        if not allowed or ask.method != "GET" or exempt or by_script:
            return False
        return not (_BROWSERS.search(name) or any(each in name for each in allowed))

    def _dispatch(self, ask: Ask) -> Answer:
        method = "GET" if ask.method == "HEAD" else ask.method
        asked = "json" if ask.wants_json else "html"
        for each in self.routes:
            found = each.pattern.fullmatch(ask.path)
            if found is None or method not in each.methods:
                continue
            if method == "GET" and each.format not in {"any", asked}:
                continue
            captured = {k: v for k, v in found.groupdict().items() if v is not None}
            answer = each.handler(self, replace(ask, captured=captured))
            headers = {**answer.headers, "X-Discourse-Route": each.name}
            if not self.settings.allow_index_in_robots_txt:
                headers["X-Robots-Tag"] = "noindex, nofollow"
            return replace(answer, headers=headers)
        if ask.wants_json or method != "GET":
            raise Refusal(not_found())
        raise Refusal(text_answer(missing_page(), 404, HTML_TYPE))
