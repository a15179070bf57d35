"""Addresses of one website: which are its own, what they are called, what they pair
with. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urljoin

import httpx

from kb.links import MAX_URL_CHARS

# Its key where the path is empty: a key must name something.
_ROOT = "index"
_HTML = re.compile(r"\.html?$")
_MARKDOWN = re.compile(r"\.(?:md|markdown)$")
_INDEX_TWIN = re.compile(r"/index(?:\.html?)?\.md$")
# A path after its first slash that nothing needs to be done to.
_PLAIN = re.compile(
    r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*(?:[A-Za-z0-9_-][A-Za-z0-9._-]*)?"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Listed:
    """A page as a list names it.

    Attributes:
        lastmod: When it changed, as the list writes it; empty where it does not.
        twin: The address of its Markdown twin, where a list names it.
    """

    url: str
    lastmod: str = ""
    twin: str = ""


class Site:
    """One website, by the address that the config names.

    >>> site = Site("https://a.org/docs")
    >>> site.own("http://A.org/docs/x.html#top"), site.own("https://b.org/docs/")
    ('https://a.org/docs/x.html', None)
    >>> site.is_below("https://a.org/docs/x"), site.is_below("https://a.org/docsx")
    (True, False)
    """

    def __init__(self, base_url: str) -> None:
        self.base = httpx.URL(base_url.rstrip("/") + "/")
        self.root = str(self.base.join("/"))

    def at(self, path: str) -> str:
        """The address of *path* below the base."""
        return str(self.base.join(path))

    def own(self, url: str, *, seen_at: str = "") -> str | None:
        """*url* as it is compared and asked for, or ``None`` where it is of another
        site or no address at all.

        Between http and https no difference is made: a list may be older than the
        site's certificate.

        Args:
            seen_at: Where it was found, for one that is relative.
        """
        if len(url) > MAX_URL_CHARS:
            return None
        if url.startswith(self.root) and _PLAIN.fullmatch(url, len(self.root)):
            # Most are, of tens of thousands: it has this form already.
            return url
        try:
            found = httpx.URL(urljoin(seen_at, url.strip()) if seen_at else url.strip())
        except (httpx.InvalidURL, ValueError):
            return None
        if found.scheme not in _DEFAULT_PORTS or found.userinfo:
            return None
        if found.raw_host != self.base.raw_host or not self._is_same_port(found):
            return None
        if found.raw_path.startswith(b"//"):
            # Without its host it would be the address of another one.
            return None
        return str(self.base.copy_with(raw_path=found.raw_path))

    def is_below(self, url: str) -> bool:
        """Whether an address of the site is the base, or in its folder."""
        path = httpx.URL(url).path
        return path == self.base.path.rstrip("/") or path.startswith(self.base.path)

    def _is_same_port(self, url: httpx.URL) -> bool:
        if (url.scheme, url.port) == (self.base.scheme, self.base.port):
            return True
        return url.port is None and self.base.port is None


def key_of(url: str) -> str:
    """The key of a page: its path, readable, with its query.

    >>> key_of("https://a.org/fr/donn%C3%A9es.html"), key_of("https://a.org/?p=5")
    ('fr/données.html', '?p=5')
    >>> key_of("https://a.org/"), key_of("https://a.org/a%00b")
    ('index', 'a%00b')
    """
    raw = httpx.URL(url).raw_path.decode("ascii").removeprefix("/")
    try:
        readable = unquote(raw, errors="strict")
    except UnicodeDecodeError:
        return raw or _ROOT
    # What cannot be shown cannot be stored as it is, either.
    return (readable if readable.isprintable() else raw) or _ROOT


def order(url: str) -> tuple[int, str]:
    """Sorts addresses: of two for the same text the shorter one is the page's own."""
    return len(url), url


def is_markdown(url: str) -> bool:
    return _MARKDOWN.search(httpx.URL(url).path) is not None


def twins_of(url: str) -> tuple[str, ...]:
    """Where the Markdown twin of the page at *url* may lie, likeliest first.

    >>> twins_of("https://a.org/x.html")
    ('https://a.org/x.md', 'https://a.org/x.html.md')
    >>> twins_of("https://a.org/x/")[:2]
    ('https://a.org/x/index.md', 'https://a.org/x/index.html.md')
    >>> twins_of("https://a.org/x?p=5")
    ()
    """
    if httpx.URL(url).query:
        return ()
    if url.endswith("/"):
        beside = (f"{url[:-1]}.md",) if httpx.URL(url).path != "/" else ()
        return (f"{url}index.md", f"{url}index.html.md", *beside)
    if _HTML.search(url):
        return (_HTML.sub(".md", url), f"{url}.md")
    return (f"{url}.md",)


def pages_of(twin: str) -> tuple[str, ...]:
    """Where the page may lie whose Markdown twin is at *twin*, likeliest first.

    >>> pages_of("https://a.org/x.html.md"), pages_of("https://a.org/d/index.md")
    (('https://a.org/x.html',), ('https://a.org/d/', 'https://a.org/d/index.html'))
    >>> pages_of("https://a.org/x.md")
    ('https://a.org/x.html', 'https://a.org/x', 'https://a.org/x/')
    """
    if _INDEX_TWIN.search(twin):
        folder = _INDEX_TWIN.sub("/", twin)
        return (folder, f"{folder}index.html")
    bare = _MARKDOWN.sub("", twin)
    if _HTML.search(bare):
        return (bare,)
    return (f"{bare}.html", bare, f"{bare}/")


def pair(pages: Iterable[str], twins: frozenset[str]) -> dict[str, str]:
    """The twin of each page that has one among *twins*.

    >>> pair(["https://a/x.html", "https://a/y"], frozenset(["https://a/x.md"]))
    {'https://a/x.html': 'https://a/x.md'}
    """
    found: dict[str, str] = {}
    for page in pages:
        for twin in twins_of(page):
            if twin in twins:
                found[page] = twin
                break
    return found
