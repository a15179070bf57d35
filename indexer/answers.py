"""What an HTTP answer says besides its content: why not, and how long to wait."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

# What to wait when a 429 names no time: nginx's own page does not.
DEFAULT_WAIT_S = 10.0
# Waits named in a body are rounded by the server, maybe down; asking too early
# counts against us and prolongs the block.
SLACK_S = 1.0
# Nobody waits longer than this; what a broken server names may fit no number.
_MAX_WAIT_S = 86_400
_MAX_PROBLEM_CHARS = 300
# What Discourse says to agents that its list of crawlers does not let in, whatever
# their key; only a user API key exempts (its lib/middleware/anonymous_cache.rb).
_NO_CRAWLERS = "Crawler is not allowed!"
_LET_IN = (
    f"{_NO_CRAWLERS} The forum lists which programs may read it: ask its owners to "
    "add Baraza to allowed_crawler_user_agents, or use a user API key"
)
_TEXT_WAIT = re.compile(r"(?:retry again in|please wait) (\d+) seconds?", re.IGNORECASE)
_CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, read whole.

    Attributes:
        url: Where it came from, after redirects.
        headers: Names in any case.
        body: Decompressed.
        reason: The words of the status line.
    """

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    reason: str = ""

    @property
    def charset(self) -> str:
        """The encoding that the answer names, else UTF-8."""
        found = _CHARSET.search(self.headers.get("content-type", ""))
        return found[1] if found else "utf-8"


def is_login_page(url: str) -> bool:
    """Whether an API sent us to log in, by the address that answered.

    >>> is_login_page("https://a.org/login/"), is_login_page("https://a.org/x?to=/login")
    (True, False)
    """
    return urlsplit(url).path.rstrip("/").endswith("/login")


def asked_wait_s(answer: Answer, *, now: datetime) -> float:
    """Seconds to wait, from whichever of Discourse's forms the answer has.

    ``Retry-After`` (seconds or a date) is exact; ``extras.wait_seconds`` of JSON
    and "retry again in N seconds" of text get a second of slack; else 10 s.

    >>> from datetime import UTC, datetime
    >>> text = b"Slow down.\\nPlease retry again in 8 seconds.\\n"
    >>> asked_wait_s(Answer(429, "", {}, text), now=datetime(2026, 1, 1, tzinfo=UTC))
    9.0
    """
    header = answer.headers.get("retry-after", "").strip()
    if header.isascii() and header.isdecimal():
        return float(min(int(header[:10]), _MAX_WAIT_S))
    moment = _http_date(header)
    if moment is not None:
        return max(0.0, (moment - now).total_seconds())
    extras = _object(answer.body).get("extras")
    seconds = extras.get("wait_seconds") if isinstance(extras, dict) else None
    if isinstance(seconds, (int, float)) and seconds >= 0:
        return min(seconds, _MAX_WAIT_S) + SLACK_S
    found = _TEXT_WAIT.search(answer.body[:4096].decode("utf-8", "replace"))
    return min(int(found[1][:10]), _MAX_WAIT_S) + SLACK_S if found else DEFAULT_WAIT_S


def limits_everybody(answer: Answer, *, writing: bool) -> bool:
    """Whether a 429 means the host's patience with all of us.

    How often an account may post or like is rationed too, for hours maybe, and is
    no reason to stop reading. Those limits are told in JSON without a code.

    >>> rationed = Answer(429, "", {}, b'{"error_type": "rate_limit"}')
    >>> limits_everybody(rationed, writing=True)
    False
    >>> limits_everybody(rationed, writing=False)
    True
    """
    if not writing or "discourse-rate-limit-error-code" in answer.headers:
        return True
    return _object(answer.body).get("error_type") != "rate_limit"


def refusal(answer: Answer) -> tuple[str, str | None]:
    """``(problem, error_type)`` of a 4xx or 5xx, short enough for a log.

    The type is ``None`` when the body is neither Discourse's JSON nor Google's, and
    empty when it is but names no type.

    >>> body = b'{"errors": ["No such topic."], "error_type": "not_found"}'
    >>> refusal(Answer(404, "", {}, body))
    ('No such topic.', 'not_found')
    >>> refusal(Answer(502, "", {}, b"<html>Bad", "Bad Gateway"))
    ('Bad Gateway', None)
    >>> body = b'{"error": {"message": "No.", "errors": [{"reason": "quotaExceeded"}]}}'
    >>> refusal(Answer(403, "", {}, body))
    ('No.', 'quotaExceeded')
    """
    data = _object(answer.body)
    errors = data.get("errors")
    if isinstance(errors, list):
        problem = "; ".join(str(error) for error in errors)
        kind = data.get("error_type")
        return _short(problem) or answer.reason, kind if isinstance(kind, str) else ""
    if isinstance(error := data.get("error"), dict):
        return _short(str(error.get("message", ""))) or answer.reason, _reason(error)
    if answer.headers.get("content-type", "").startswith("text/plain"):
        text = _short(answer.body[:4096].decode("utf-8", "replace"))
        if answer.status == 403 and text.startswith(_NO_CRAWLERS):
            return _LET_IN, None
        return text or answer.reason, None
    return answer.reason, None


def _reason(error: dict[str, Any]) -> str:
    """The first reason of an error of Google's; empty where it names none."""
    told = error.get("errors")
    first = told[0] if isinstance(told, list) and told else None
    reason = first.get("reason") if isinstance(first, dict) else None
    return reason if isinstance(reason, str) else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    if len(line) > _MAX_PROBLEM_CHARS:
        return line[: _MAX_PROBLEM_CHARS - 1] + "…"
    return line


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object in *body*, or an empty one."""
    if body.lstrip()[:1] != b"{":
        return {}
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
