"""What cooking a post may look up, so that cooking itself stays pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit


@dataclass(frozen=True, slots=True)
class Card:
    """What is shown for a link to a topic of the same forum."""

    title: str
    topic_id: int
    post_number: int
    excerpt: str


@dataclass(frozen=True, slots=True)
class Kitchen:
    """What cooking may look up.

    Attributes:
        base_url: Of the forum, without a trailing slash.
        member: The username in its own spelling, or ``None``.
        group: Whether a group of this name can be mentioned.
        hashtag: ``(path, kind, name)`` of a category or tag, or ``None``.
        card: The card of a link to this forum, or ``None``.
    """

    base_url: str
    member: Callable[[str], str | None] = lambda _name: None
    group: Callable[[str], bool] = lambda _name: False
    hashtag: Callable[[str], tuple[str, str, str] | None] = lambda _slug: None
    card: Callable[[str], Card | None] = lambda _url: None


def parts_of(url: str) -> SplitResult | None:
    """The parts of an address that somebody wrote; ``None`` when it is none.

    >>> parts_of("http://[no") is None
    True
    """
    try:
        return urlsplit(url)
    except ValueError:
        return None
