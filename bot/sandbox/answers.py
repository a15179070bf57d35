"""Answers that are not the thing asked for, in the forum's exact words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON_TYPE = "application/json; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"

TOO_MANY = "You’ve performed this action too many times, please try again later."
NOT_FOUND = "The requested URL or resource could not be found."
NOT_PERMITTED = "You are not permitted to view the requested resource."
BAD_KEY = f"{NOT_PERMITTED} The API username or key is invalid."
NOT_LOGGED_IN = "You need to be logged in to do that."
GONE = "Oops! This topic has been deleted and is no longer available."
READ_ONLY = "The site is in read only mode. Interactions are disabled."


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer, without its length."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 (an answer, not a failure of ours)
    """Raised by a handler to answer something else at once."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def json_answer(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, body, {"Content-Type": JSON_TYPE, **(headers or {})})


def text_answer(text: str, status: int = 200, kind: str = TEXT_TYPE) -> Answer:
    return Answer(status, text.encode(), {"Content-Type": kind})


def errors(
    status: int, *texts: str, type: str | None = None, **extras: object
) -> Answer:
    """The forum's error body: ``errors``, and type and extras only when set.

    >>> errors(404, "no", type="not_found").body.decode()
    '{"errors":["no"],"error_type":"not_found"}'
    """
    body: dict[str, object] = {"errors": list(texts)}
    if type is not None:
        body["error_type"] = type
    if extras:
        body["extras"] = extras
    return json_answer(body, status)


def not_found() -> Answer:
    return errors(404, NOT_FOUND, type="not_found")


def missing_topic() -> Answer:
    """404 of a topic, which carries a whole page of HTML along."""
    page = '<div class="page-not-found"><h1>Oops! That page is private or gone.</h1>'
    rows = "".join(
        f'<div class="not-found-topic"><a href="/t/popular-{n}">Popular topic {n}</a>'
        '<p class="excerpt">' + "Words that fill the page. " * 8 + "</p></div>"
        for n in range(20)
    )
    html = f"{page}{rows}</div>"
    extras = {"title": "Page Not Found", "html": html, "group": None}
    return errors(404, NOT_FOUND, type="not_found", **extras)


def gone_topic() -> Answer:
    extras = {"title": "Page Not Found", "html": "<h1>Oops!</h1>", "group": None}
    return errors(410, GONE, type="not_found", **extras)


def forbidden(text: str = NOT_PERMITTED) -> Answer:
    return errors(403, text, type="invalid_access")


def not_logged_in() -> Answer:
    return errors(403, NOT_LOGGED_IN, type="not_logged_in")


def unwanted_crawler() -> Answer:
    return text_answer("Crawler is not allowed!", 403)


def bad_parameter(name: str) -> Answer:
    text = f"You supplied invalid parameters to the request: {name}"
    return errors(400, text, type="invalid_parameters")


def missing_parameter(name: str) -> Answer:
    return errors(400, f"param is missing or the value is empty: {name}")


def bad_csrf() -> Answer:
    return text_answer('["BAD CSRF"]', 403)


def read_only() -> Answer:
    return errors(503, READ_ONLY, type="read_only")


# The three forms of "too many requests", and the search's own


def rails_429(wait_s: int = 7, code: str | None = "admin_api_key_rate_limit") -> Answer:
    """The application's limiter; what members do too often has no code."""
    left = _time_left(wait_s)
    text = (
        "You’ve performed this action too many times. "
        f"Please wait {left} before trying again."
    )
    body = {
        "errors": [text],
        "error_type": "rate_limit",
        "extras": {"wait_seconds": wait_s, "time_left": left},
    }
    headers = {"Retry-After": str(wait_s)}
    if code is not None:
        headers["Discourse-Rate-Limit-Error-Code"] = code
    return json_answer(body, 429, headers)


def _time_left(wait_s: int) -> str:
    """The wait as people say it.

    >>> _time_left(39), _time_left(150), _time_left(7200)
    ('39 seconds', '2 minutes', '2 hours')
    """
    for size, unit in ((3600, "hour"), (60, "minute"), (1, "second")):
        if wait_s >= size:
            count = wait_s // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "0 seconds"


def tracker_429(wait_s: int = 7, code: str = "ip_10_secs_limit") -> Answer:
    """The limiter in front of the application, by address."""
    text = (
        "Slow down, you're making too many requests.\n"
        f"Please retry again in {wait_s} seconds.\nError code: {code}.\n"
    )
    headers = {
        "Content-Type": TEXT_TYPE,
        "Retry-After": str(wait_s),
        "Discourse-Rate-Limit-Error-Code": code,
    }
    return Answer(429, text.encode(), headers)


def nginx_429() -> Answer:
    """The web server's limiter, which tells nothing."""
    return _nginx(429, "Too Many Requests")


def nginx_404() -> Answer:
    """Where no forum is, the web server itself answers."""
    return _nginx(404, "Not Found")


def _nginx(status: int, words: str) -> Answer:
    page = (
        f"<html>\r\n<head><title>{status} {words}</title></head>\r\n<body>\r\n"
        f"<center><h1>{status} {words}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return text_answer(page, status, "text/html")


def search_429() -> Answer:
    """The search's limiter: another body, and no time to wait."""
    return json_answer({"failed": "FAILED", "message": TOO_MANY}, 429)
