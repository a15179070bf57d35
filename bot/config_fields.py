"""The types that keys of the config have, with the checks that belong to them."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from bot.windows import Window, parse_window
from kb.tongues import language_code, tag
from kb.types import Kind

_DURATION = re.compile(r"(\d+)\s*(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
# A hundred years: a time that far back still has a date.
_MAX_DAYS = 36_500
# Words in a User-Agent that Discourse slows down to a request a minute, or turns away
# (slow_down_crawler_user_agents and blocked_crawler_user_agents, as they come).
_UNWELCOME = (
    *("claudebot", "gptbot", "anthropic-ai", "brightbot"),
    *("mauibot", "semrushbot", "ahrefsbot", "blexbot", "seo spider"),
)


def parse_duration(text: object) -> timedelta:
    """``"90s"``, ``"15m"``, ``"2h"`` or ``"7d"`` as a time span.

    >>> parse_duration("15m")
    datetime.timedelta(seconds=900)

    Raises:
        ValueError: If *text* is anything else.
    """
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or not match[1].strip("0"):
        raise ValueError("expected a time span such as 90s, 15m, 2h or 7d")
    longest = timedelta(days=_MAX_DAYS)
    # Twelve digits of days still fit; with more, Python refuses before we can.
    if len(match[1]) > 12 or int(match[1]) > longest / timedelta(
        **{_UNITS[match[2]]: 1}
    ):
        raise ValueError(f"expected a time span of at most {_MAX_DAYS}d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def parse_pause(text: object) -> timedelta:
    """As `parse_duration`; ``0s`` is none at all.

    >>> parse_pause("0s")
    datetime.timedelta(0)

    Raises:
        ValueError: If *text* is anything else.
    """
    if isinstance(text, str) and re.fullmatch(r"0+\s*[smhd]", text.strip()):
        return timedelta(0)
    return parse_duration(text)


def web_address(text: str) -> str:
    """*text* without the slash at its end.

    Raises:
        ValueError: It is not the address of a site or of a folder on one.
    """
    if "?" in text:
        raise ValueError("expected an address without a query")
    return page_address(text).rstrip("/")


def page_address(text: str) -> str:
    """*text*, unless it is no address on the web. It may have a query, as a feed's
    has, and the slash at its end is part of it.

    Raises:
        ValueError: It is none.
    """
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s#]*", text):
        raise ValueError("expected an address that starts with https:// or http://")
    try:
        parts = urlsplit(text)
        valid = parts.hostname is not None and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ValueError("expected an address with a valid host and port")
    if "@" in parts.netloc:
        # With a colon, so that what was found is not shown: it holds a secret.
        raise ValueError("expected an address without name and password: no secret")
    return text


def _header_text(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        raise ValueError("expected plain ASCII, as HTTP headers need it")
    return text


def _contact(text: str) -> str:
    for word in _UNWELCOME:
        if word in text.lower():
            raise ValueError(
                f"expected a contact without {word!r}: it is part of the User-Agent, "
                "and forums slow down or turn away those with this word in it"
            )
    return text


def _path(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("expected a path without NUL")
    return path


def bare_off(value: object) -> object:
    # YAML takes a bare off for false.
    return "off" if value is False else value


def _env_name(text: str) -> str:
    is_name = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text)
    # Discourse's keys are hexadecimal, and may pass for a name.
    if not is_name or re.fullmatch(r"[0-9a-fA-F]{32,}", text):
        # With a colon, so that what was found is not shown: it may be a secret.
        raise ValueError("expected the name of an environment variable: no secret")
    return text


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as exc:
        raise ValueError(f"expected a regular expression ({exc})") from exc
    return text


def _language_tag(text: str) -> str:
    if not is_language_tag(text):
        raise ValueError("expected the code of a language, such as fr or pt-BR")
    return text


def _shortest_code(text: str) -> str:
    # Under any other one ("por") nothing would ever be told to be in it.
    try:
        code = language_code(text)
    except ValueError:
        raise ValueError("expected the code of a language, such as fr") from None
    if code != text:
        raise ValueError(f"expected the language alone, by its shortest code: {code}")
    return text


def is_language_tag(text: str) -> bool:
    """Whether it is written as one, and there is such a language: ``txt`` is none.

    >>> [is_language_tag(each) for each in ("pt-BR", "pt_BR", "txt")]
    [True, False, False]
    """
    try:
        language_code(text)
    except ValueError:
        return False
    return tag(text) == text


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Pause = Annotated[timedelta, BeforeValidator(parse_pause)]
WebAddress = Annotated[str, AfterValidator(web_address)]
PageAddress = Annotated[str, AfterValidator(page_address)]
EnvName = Annotated[str, AfterValidator(_env_name)]
Contact = Annotated[
    str,
    Field(min_length=3),
    AfterValidator(_header_text),
    AfterValidator(_contact),
]
Hours = Annotated[Window, BeforeValidator(parse_window)]
# Not strict: YAML has text where Python has a path.
FilePath = Annotated[Path, Field(strict=False), AfterValidator(_path)]
Regex = Annotated[str, AfterValidator(_regex)]
# With a region or a script, as files of translations have it: pt-BR.
LanguageTag = Annotated[str, AfterValidator(_language_tag)]
Language = Annotated[str, AfterValidator(_shortest_code)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
# Not strict: YAML has text where Python has an enum.
KindName = Annotated[Kind, Field(strict=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """One level of the config: unknown keys and other types are refused."""

    # strict: "5" is not 5 and 1 is not true; a typo must not pass as a value.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
