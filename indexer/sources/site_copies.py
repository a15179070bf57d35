"""Why a page is none of its own: it is another one, under a second address."""

from __future__ import annotations

from collections.abc import Mapping

from indexer.site import Listed, order
from indexer.sources.pages import PageRules
from indexer.sources.site_memory import SiteMemory
from kb.store import Fetch

LEADS = "leads to "
SAYS = "says that it is a copy of "
SAME = "holds the same as "
EMPTY = "holds no text"
_TOLD = {
    LEADS: "leads to another page",
    SAYS: "says that it is a copy of another page",
    SAME: "holds the same as another page",
}


def told(reason: str) -> str:
    """A reason as it is counted: without the key of the other page.

    >>> told("leads to en/maps.html"), told("is over")
    ('leads to another page', 'is over')
    """
    return next(
        (words for sign, words in _TOLD.items() if reason.startswith(sign)), reason
    )


def is_doubtful(reason: str) -> bool:
    """Whether a site that is in maintenance may give pages the same reason."""
    return reason == EMPTY or reason.startswith(tuple(_TOLD))


def is_copy(fetch: Fetch) -> bool:
    return fetch.reason.startswith(tuple(_TOLD))


def are_versions(rules: PageRules, key: str, other: str) -> bool:
    """Whether two pages are one in several versions, of which each is wanted."""
    page = rules.page_of(key)
    return page != "" and page == rules.page_of(other)


def still_stands(
    fetch: Fetch, memory: SiteMemory, listed: Mapping[str, Listed]
) -> bool:
    """Whether the reason for which an address became no page is still one."""
    for sign in _TOLD:
        if not fetch.reason.startswith(sign):
            continue
        other = fetch.reason.removeprefix(sign)
        if sign == LEADS:
            return other in listed
        source = memory.content_of(other)
        if sign == SAYS:
            return memory.holds(other) or is_unread(other, memory, listed)
        is_same = source is not None and source.content_hash == fetch.content_hash
        return is_same and memory.holds(other)
    return True


def same_page(
    content_hash: str, key: str, memory: SiteMemory, rules: PageRules
) -> Fetch | None:
    """What another page that holds the same was made of, if there is one: of several
    the one with the shortest key."""
    others = [
        fetch
        for fetch in memory.like(content_hash)
        if fetch.key not in ("", key)
        and memory.holds(fetch.key)
        and not are_versions(rules, key, fetch.key)
    ]
    return min(others, key=lambda fetch: order(fetch.key), default=None)


def is_unread(key: str, memory: SiteMemory, listed: Mapping[str, Listed]) -> bool:
    """Whether a page is listed and nothing is known of it: it is still to be read."""
    page = listed.get(key)
    return (
        page is not None
        and memory.content_of(key) is None
        and memory.fetch(page.url) is None
    )
