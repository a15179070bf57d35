"""What a web page says of itself in its head: its name, its language, its own address,
and whether it may be indexed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser

from indexer.blocks import tidy

_LANGUAGE = re.compile(r"[a-z]{2,3}(?=$|[-_])")
_REFRESH = re.compile(r"0*\s*[;,]\s*url\s*=\s*['\"]?([^'\"]+)", re.IGNORECASE)
# Rules for robots that have a value of their own: no names of robots.
_VALUED_RULES = frozenset(
    {"max-image-preview", "max-snippet", "max-video-preview", "unavailable_after"}
)
_SEPARATOR = r"\s*(?:[|·•»«–—:]|::|\s-)\s*"


class Head:
    """What stands in the head of a page."""

    def __init__(self, tree: LexborHTMLParser) -> None:
        self._tree = tree

    @property
    def is_indexable(self) -> bool:
        return not any(map(_refuses, self._metas("name", "robots")))

    def meta(self, attribute: str, name: str) -> str:
        return next(self._metas(attribute, name), "")

    def _metas(self, attribute: str, name: str) -> Iterator[str]:
        for node in self._tree.css("meta"):
            if (node.attributes.get(attribute) or "").strip().lower() == name:
                yield one_line(node.attributes.get("content") or "")

    def link(self, rel: str, kind: str = "") -> str:
        for node in self._tree.css("link[href]"):
            said = (node.attributes.get("rel") or "").lower().split()
            type_ = (node.attributes.get("type") or "").strip().lower()
            if rel in said and type_ == kind:
                return (node.attributes.get("href") or "").strip()
        return ""

    @property
    def language(self) -> str | None:
        root = self._tree.css_first("html")
        said = (root.attributes.get("lang") or "") if root is not None else ""
        found = _LANGUAGE.match(said.strip().lower())
        return found[0] if found else None

    @property
    def leads_to(self) -> str:
        for node in self._tree.css("meta[http-equiv]"):
            if (node.attributes.get("http-equiv") or "").lower() == "refresh":
                # On one line: a run of spaces takes long to look through.
                found = _REFRESH.match(one_line(node.attributes.get("content") or ""))
                return found[1].strip() if found else ""
        return ""

    def title(self, heading: str) -> str:
        """The page's own name, without the site's."""
        site = self.meta("property", "og:site_name")
        named = self._tree.css_first("head title") or self._tree.css_first("title")
        told = (
            self.meta("property", "og:title"),
            one_line(named.text()) if named is not None else "",
        )
        for title in told:
            if title and title != site:
                return _without_site(title, site, heading)
        return heading


def _without_site(title: str, site: str, heading: str) -> str:
    """A title without what many pages of its site end in.

    >>> _without_site("Maps - Docs 2.41", "", "Maps")
    'Maps'
    >>> _without_site("Maps | The docs", "The docs", "All about maps")
    'Maps'
    >>> _without_site("Data - a primer", "The docs", "Welcome")
    'Data - a primer'
    """
    if site and (found := re.search(_SEPARATOR + re.escape(site) + "$", title)):
        title = title[: found.start()] or title
    if heading and re.match(re.escape(heading) + _SEPARATOR, title):
        return heading
    return title


def refuses_indexing(header: str) -> bool:
    """Whether ``X-Robots-Tag`` asks everybody, or us, to leave a page out.

    >>> refuses_indexing("noindex, nofollow"), refuses_indexing("googlebot: noindex")
    (True, False)
    >>> refuses_indexing("max-snippet: -1, noindex")
    True
    """
    agent = ""
    for item in header.split(","):
        name, colon, rule = item.partition(":")
        if colon and name.strip().lower() not in _VALUED_RULES:
            agent, item = name.strip().lower(), rule
        if agent in ("", "baraza") and _refuses(item):
            return True
    return False


def _refuses(rules: str) -> bool:
    return not {"noindex", "none"}.isdisjoint(re.split(r"[\s,]+", rules.lower()))


def one_line(text: str) -> str:
    """*text* without line breaks and control characters."""
    return " ".join(tidy(text).split())
