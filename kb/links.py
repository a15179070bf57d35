"""Addresses, as links to the same thing are compared. Pure.

A link is kept as it was found, apart from what must not be kept, see `normalize`.
`LinkRules.place` says where it leads: the address of a topic or page, the place
within it, and the key that all addresses of the same thing share, whatever its
version. Rules change: places are then worked out anew from what was found.

Source of the addresses of a forum: Discourse's ``config/routes.rb``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Self
from urllib.parse import SplitResult, urlsplit, urlunsplit

from w3lib.url import canonicalize_url

PLACES_VERSION = 1
"""Grows with every change of how places are worked out."""

MAX_URL_CHARS = 2_000
_MAX_ANCHOR_CHARS = 300
# Escapes within escapes, and names in other alphabets, may take a second one.
_MAX_PASSES = 4


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Parameters that say where a reader came from, who is logged in, or which words to
# mark (as the search of Sphinx does); none of them leads to another page.
_TRACKING = _names(
    "_ga _gl _hsenc _hsmi dclid fbclid gbraid gclid gclsrc highlight igsh igshid "
    "li_fat_id mc_cid mc_eid mkt_tok msclkid oly_anon_id oly_enc_id ref_src ref_url "
    "share_id srsltid ttclid twclid vero_id wbraid yclid"
)
_SECRETS = _names(
    "access_token api-key api_key api_username apikey auth_token client_secret "
    "id_token j_password j_username jsessionid jwt passwd password phpsessid pwd "
    "refresh_token secret session_id sessionid sig signature token user-api-key "
    "x-amz-credential x-amz-security-token x-amz-signature x-goog-signature"
)
# Where a forum's own button for sharing adds who shared: ?u=name
_SHARED = re.compile(r"/(?:c|p|t|tag)/")
_TRACKED = re.compile(r"(?:utm|pk|piwik|mtm|matomo|hsa)_")


def normalize(url: str) -> str | None:
    """An absolute web address in one spelling, without what must not be kept.

    Passwords, keys and trackers go, and the name of the member who shared a
    topic's address. Parameters are sorted, escapes are spelt in one way.

    Returns:
        ``None`` for what is no address of a web page: other schemes, broken or
        endless ones.

    >>> normalize("HTTP://ann:pw@Example.org:80/a b?utm_source=x&b=1#c")
    'http://example.org/a%20b?b=1#c'
    >>> normalize("https://f.example/t/backup/812/4?u=ann")
    'https://f.example/t/backup/812/4'
    >>> normalize("mailto:ann@example.org") is None
    True
    """
    # Browsers drop these wherever they stand.
    text = re.sub(r"[\t\r\n\0]", "", url).strip()
    for _ in range(_MAX_PASSES):
        before, text = text, _spelt(text)
        if text in ("", before):
            break
    # What never settles is broken in a way that no browser could follow, either.
    return text if text and text == before else None


def _spelt(url: str) -> str:
    """One pass of `normalize`; empty for what is no address."""
    if len(url) > MAX_URL_CHARS or not re.match(r"https?://", url, re.IGNORECASE):
        return ""
    try:
        parts = urlsplit(canonicalize_url(url, keep_fragments=True))
        host = _host(parts)
    except ValueError:
        # Brackets, ports and names that are none: it leads nowhere.
        return ""
    if not host:
        return ""
    dropped = {"u"} if _SHARED.search(parts.path) else set()
    return urlunsplit(
        (
            parts.scheme,
            host,
            parts.path or "/",
            _without(parts.query, dropped),
            _shown_fragment(parts.fragment),
        )
    )


def _shown_fragment(fragment: str) -> str:
    # What follows says where a browser is to put its highlight.
    shown = fragment.partition(":~:")[0]
    # Some logins hand over their keys here, as if it were a query.
    pairs = (pair.partition("=") for pair in shown.lower().split("&"))
    return "" if any(sign and name in _SECRETS for name, sign, _ in pairs) else shown


def _host(parts: SplitResult) -> str:
    """Host and port, without a user; the port only where it is not the usual one.

    Raises:
        ValueError: The port is no port.
    """
    host = (parts.hostname or "").rstrip(".")
    if ":" in host:
        host = f"[{host}]"
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return host if parts.port in (None, usual) else f"{host}:{parts.port}"


def _without(query: str, names: Iterable[str]) -> str:
    kept: list[str] = []
    for pair in query.split("&"):
        name = pair.partition("=")[0].lower()
        if name in names or name in _TRACKING or name in _SECRETS:
            continue
        if pair and not _TRACKED.match(name):
            kept.append(pair)
    return "&".join(kept)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a link leads.

    Attributes:
        url: Of the topic or page; of a topic on a known forum as
            ``Document.url`` is.
        anchor: The place within it: ``/3`` for a post, ``#backup`` for a section.
        key: What all addresses of the same thing share.
        post_id: Of a forum's short address of a post, which names no topic.
    """

    url: str
    anchor: str
    key: str
    post_id: int | None = None


@dataclass(frozen=True, slots=True)
class LinkRules:
    r"""What is known of addresses beside what holds for all of the web.

    Attributes:
        sites: Addresses of what is harvested: links to the same host with another
            scheme, or with or without ``www.``, get theirs.
        forums: Those of them that are a Discourse, which may be a folder.
        hosts: Old host → the one that serves its pages now, under the same paths.
        fold: ``(pattern, replacement)``, as `re.sub` takes them, for keys:
            addresses without scheme, ``www.`` and anchor. In order.
        drop_parameters: More parameters that do not change what is shown.

    Raises:
        ValueError: A pattern or replacement is none, or an old host is also a
            new one.

    >>> rules = LinkRules(
    ...     forums=("https://f.example",),
    ...     hosts=(("old.example", "f.example"),),
    ...     fold=((r"/v\d+/", "/latest/"),),
    ... )
    >>> rules.place("http://www.old.example/t/backup/812/4?page=2")
    Place(url='https://f.example/t/812', anchor='/4', key='f.example/t/812', post_id=None)
    >>> rules.place("http://docs.example/v41/backup/#nightly")
    Place(url='http://docs.example/v41/backup/', anchor='#nightly', key='docs.example/latest/backup', post_id=None)
    """  # noqa: E501 - as it is printed

    sites: tuple[str, ...] = ()
    forums: tuple[str, ...] = ()
    hosts: tuple[tuple[str, str], ...] = ()
    fold: tuple[tuple[str, str], ...] = ()
    drop_parameters: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for pattern, replacement in self.fold:
            try:
                re.compile(pattern).sub(replacement, "")
            except (re.error, IndexError) as exc:
                raise ValueError(f"{pattern!r} → {replacement!r}: {exc}") from exc
        old = {_bare(host) for host, _ in self.hosts}
        for _, new in self.hosts:
            if _bare(new) in old:
                raise ValueError(f"{new} is both an old host and a new one")

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of `to_json`, whatever the version."""
        values = json.loads(text)
        return cls(
            tuple(values["sites"]),
            tuple(values["forums"]),
            tuple((old, new) for old, new in values["hosts"]),
            tuple((pattern, new) for pattern, new in values["fold"]),
            tuple(values["drop_parameters"]),
        )

    def to_json(self) -> str:
        """Text that is equal when all places are."""
        return json.dumps({"version": PLACES_VERSION, **asdict(self)}, sort_keys=True)

    def place(self, url: str, *, home: str | None = None) -> Place | None:
        """Where *url* leads.

        Args:
            home: A forum that is known beside `forums`: the one that the linking
                post stands on.

        Returns:
            ``None`` for what is no address of a web page, and for what is not
            kept: pages of a forum about members, and those that open a door.
        """
        normal = normalize(url)
        if normal is None:
            return None
        parts = urlsplit(normal)
        new = _by_host(self.hosts).get(_bare(parts.netloc))
        if new is not None:
            parts = parts._replace(scheme="https", netloc=new)
        for forum in filter(None, (home, *self.forums)):
            path = _below(forum, parts)
            if path is not None:
                return self._on_forum(forum.rstrip("/"), path, parts)
        for site in self.sites:
            known = urlsplit(site)
            if _bare(known.netloc) == _bare(parts.netloc):
                parts = parts._replace(scheme=known.scheme, netloc=known.netloc)
                break
        dropped = frozenset(name.lower() for name in self.drop_parameters)
        return self._page(parts._replace(query=_without(parts.query, dropped)))

    def key(self, url: str, *, home: str | None = None) -> str:
        """The key of a document's own address; empty when it is no web address."""
        place = self.place(url, home=home)
        return "" if place is None else place.key

    def _page(self, parts: SplitResult) -> Place:
        fragment = parts.fragment
        anchor = ""
        # An application that keeps its pages in the fragment: #/page, #!page
        if not fragment.startswith(("/", "!")):
            anchor = f"#{fragment}"[:_MAX_ANCHOR_CHARS] if fragment else ""
            parts = parts._replace(fragment="")
        url = urlunsplit(parts)
        return Place(url, anchor, self._folded(url))

    def _folded(self, url: str) -> str:
        key = _SCHEME.sub("", url)
        for pattern, replacement in self.fold:
            key = re.sub(pattern, replacement, key)
        return re.sub(r"/(?:index\.html?)?(?=$|\?)", "", key, count=1)

    def _on_forum(self, forum: str, path: str, parts: SplitResult) -> Place | None:
        path = re.sub(r"/{2,}", "/", path) or "/"
        first = path.split("/", 2)[1]
        if first in _NOT_KEPT:
            return None
        if found := _TOPIC.match(path) or _TOPIC_WITH_SLUG.match(path):
            number = found[2] or ""
            if landing := _POST_ANCHOR.match(parts.fragment):
                number = landing[1]
            url = f"{forum}/t/{int(found[1])}"
            return Place(url, f"/{int(number)}" if number else "", self._folded(url))
        if found := _POST.match(path):
            post_id = int(found[1])
            url = f"{forum}/p/{post_id}"
            return Place(url, "", self._folded(url), post_id)
        if first in ("c", "tag"):
            url = forum + _list_path(path)
            return Place(url, "", self._folded(url))
        query = _without(parts.query, {"u", *map(str.lower, self.drop_parameters)})
        base = urlsplit(forum)
        return self._page(
            SplitResult(
                base.scheme, base.netloc, base.path + path, query, parts.fragment
            )
        )


@lru_cache(maxsize=8)
def rules_from_json(text: str) -> LinkRules:
    """`LinkRules.from_json`, remembered: every write of a document asks for it."""
    return LinkRules.from_json(text)


def forum_of(url: str) -> str | None:
    """The forum that a topic stands on, from the address that we give topics.

    >>> forum_of("https://example.org/forum/t/812")
    'https://example.org/forum'
    >>> forum_of("https://example.org/page") is None
    True
    """
    found = re.fullmatch(r"(https?://.+)/t/[0-9]+", url)
    return found[1] if found else None


# -- hosts -----------------------------------------------------------------

_SCHEME = re.compile(r"^https?://(?:www\.(?=[^/]*\.))?")


def _bare(netloc: str) -> str:
    host = netloc.lower()
    rest = host.removeprefix("www.")
    return rest if "." in rest else host


@lru_cache(maxsize=8)
def _by_host(hosts: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {_bare(old): new for old, new in hosts}


def _below(forum: str, parts: SplitResult) -> str | None:
    """The path of an address below *forum*, or ``None`` when it is elsewhere."""
    base = urlsplit(forum)
    if _bare(base.netloc) != _bare(parts.netloc):
        return None
    folder = base.path.rstrip("/")
    if parts.path != folder and not parts.path.startswith(f"{folder}/"):
        return None
    return parts.path[len(folder) :]


# -- a forum's addresses ---------------------------------------------------

# People's own pages and letters, and addresses that carry a token.
_NOT_KEPT = _names(
    "auth email g groups invites letter_avatar letter_avatar_proxy message messages "
    "my new-message session u user user-api-key user_avatar users"
)
# A slug never is a number: a number after /t/ is the topic.
_END = r"(?:\.(?:json|rss)|/.*)?$"
_ID = r"0*([1-9][0-9]{0,17})"
_TOPIC = re.compile(rf"/t/{_ID}(?:/{_ID})?{_END}")
_TOPIC_WITH_SLUG = re.compile(rf"/t/(?!external_id/)[^/]+/{_ID}(?:/{_ID})?{_END}")
_POST_ANCHOR = re.compile(r"post_([1-9][0-9]{0,17})$")
_POST = re.compile(rf"/(?:p|posts)/{_ID}{_END}")


def _list_path(path: str) -> str:
    """A list of topics without its order and page; a category by its id alone.

    >>> _list_path("/c/support/android/7/l/latest.json"), _list_path("/tag/gps.rss")
    ('/c/7', '/tag/gps')
    """
    path = re.sub(r"(?:/(?:l|none|all)(?:/.*)?)?(?:/|\.json|\.rss)*$", "", path)
    found = re.match(rf"/c/(?:.*/)?{_ID}$", path)
    return f"/c/{found[1]}" if found else path
