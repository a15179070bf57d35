"""How often one may ask and act: the forum's own counters, in its order."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.sandbox.answers import Refusal, rails_429, tracker_429
from bot.sandbox.exchange import Ask
from bot.sandbox.records import User

_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
# Visitors by address: (times, within, the code that is sent along).
_BY_ADDRESS = (
    (50, timedelta(seconds=10), "ip_10_secs_limit"),
    (200, _MINUTE, "ip_60_secs_limit"),
)
_BY_USER_KEY = (
    (20, _MINUTE, "user_api_key_limiter_60_secs"),
    (2880, _DAY, "user_api_key_limiter_1_day"),
)
_SEARCHES = (
    (2, _SECOND, "{client}"),
    (15, _MINUTE, "{client}"),
    (8, _SECOND, "all visitors"),
    (150, _MINUTE, "all visitors"),
)
_ACTS = {
    "create_post": ((1, timedelta(seconds=5)),),
    "create_topic": ((1, timedelta(seconds=15)), (20, _DAY)),
    "edit": ((30, _DAY),),
    "delete": ((2, _MINUTE), (10, _DAY)),
    "like": ((50, _DAY),),
    "flag": ((20, _DAY),),
    "solve": ((4, timedelta(seconds=30)), (20, _HOUR)),
}
# Trusted members may edit and like more often.
_GENEROUS = frozenset({"edit", "like"})
_FACTORS = {2: 1.5, 3: 2.0, 4: 3.0}
_NEWCOMER_WAIT = timedelta(seconds=30)


class Limits:
    """Times of what is limited; *now* stamps them."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._used: defaultdict[str, deque[datetime]] = defaultdict(deque)

    def allow(
        self, what: str, times: int, within: timedelta, *, aggressive: bool = False
    ) -> int:
        """Count one use of *what*; the seconds to wait when it was used too often.

        Args:
            aggressive: A refused use counts too, so who does not wait stays refused.
        """
        now, used = self._now(), self._used[f"{what} {within}"]
        while len(used) > times:
            used.popleft()
        full = len(used) == times and now - used[0] < within
        wait_s = max(1, int((used[0] + within - now).total_seconds())) if full else 0
        if aggressive or not full:
            used.append(now)
        return wait_s

    def request(self, ask: Ask, *, modern: bool) -> None:
        """Count a request, by key and by address.

        Raises:
            Refusal: 429 in the form of whoever counts.
        """
        keyed = ask.key is not None and ask.key.kind != "user_api"
        # Until 2024 the keys of administrators were counted by address as well.
        if not (keyed and modern):
            for times, within, code in _BY_ADDRESS:
                wait_s = self.allow(f"ip {ask.client}", times, within, aggressive=True)
                if wait_s:
                    raise Refusal(tracker_429(wait_s, code))
        if keyed:
            wait_s = self.allow("admin api", 60, _MINUTE)
            if wait_s:
                raise Refusal(rails_429(wait_s))
        elif ask.key is not None:
            for times, within, code in _BY_USER_KEY:
                wait_s = self.allow(f"user api {ask.key.username}", times, within)
                if wait_s:
                    raise Refusal(rails_429(wait_s, code))

    def may_search(self, ask: Ask) -> bool:
        """Count a search: members by name, visitors by address and all together."""
        reader = ask.view.reader
        if reader is not None:
            return not self.allow(f"search {reader.id}", 30, _MINUTE)
        return not any(
            self.allow(f"search {who.format(client=ask.client)}", times, within)
            for times, within, who in _SEARCHES
        )

    def act(self, user: User, what: str) -> None:
        """Count something that *user* does; staff may do it as often as they like.

        Raises:
            Refusal: 429 with the seconds to wait.
        """
        if user.staff:
            return
        for times, within in _ACTS[what]:
            if what in _GENEROUS:
                times = int(times * _FACTORS.get(user.trust_level, 1.0))
            if what == "create_post" and user.trust_level == 0:
                within = _NEWCOMER_WAIT
            wait_s = self.allow(f"{what} {user.id}", times, within)
            if wait_s:
                raise Refusal(rails_429(wait_s, None))
