"""What our HTML pages have in common: templates that escape, and a few words.

What forum members wrote is not to be trusted: templates escape all of it, `line` shows
nothing invisible, and only a web address becomes a link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.escape import shortened, visible

if TYPE_CHECKING:
    from jinja2 import Environment

_MAX_TITLE_CHARS = 160


def templates() -> Environment:
    """The templates of this package, with ``line``, ``percent`` and ``web_address``."""
    # Not needed before there is something to report.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("bot", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"line": line, "percent": percent}
    environment.tests["web_address"] = is_web_address
    return environment


def line(text: str, max_chars: int = _MAX_TITLE_CHARS) -> str:
    """*text* on one line that is not too long, without anything invisible."""
    return shortened(visible(text), max_chars)


def percent(share: float | None) -> str:
    """A share for people; a dash where there is none.

    >>> percent(0.004), percent(None)
    ('< 1\\xa0%', '–')
    """
    if share is None:
        return "–"
    # A threshold of 0.4 % is not one of 0.
    rounded = "< 1" if 0 < share < 0.005 else f"{share * 100:.0f}"
    return f"{rounded}\u00a0%"


def is_web_address(url: str) -> bool:
    """Whether *url* may be followed from a page of ours.

    >>> is_web_address("https://docs.example.org/a"), is_web_address("javascript:x()")
    (True, False)
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
