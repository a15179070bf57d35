"""Section 9, upkeep: what answers lead to and should not, and how the sources are.

Told is only what is known: that a page did not answer, that its address is another one
now, that a newer version of it is held. That nothing is held at an address says nothing
of it: a site has pages that its lists do not name, or that a config leaves out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from bot.escape import shortened, visible
from bot.report.model import BadLink, Resource, SourceHealth, Topic, Upkeep
from bot.report.records import Period
from indexer.reader import CERTAIN_AFTER
from indexer.site import is_markdown
from indexer.sources.site_copies import LEADS
from kb.links import LinkRules
from kb.store import SetAside, SourceState, Store
from kb.store.upkeep import Linked, OfSource, Page, Place, Spot, Stray
from kb.types import PUBLIC, DocumentId, Kind
from kb.versions import numbers

Visible = Collection[str] | None

_TOPICS = 5
_MAX_CHARS = 200
_HOUR = timedelta(hours=1)
# How addresses write versions: 2.38, v4.11, dhis-core-version-238.
_NUMBERED = re.compile(r"((?:[a-z][a-z-]*-)?)v?(\d+(?:\.\d+)*)")
_NEWEST = frozenset({"latest", "stable", "current", "master", "main"})
_ELSEWHERE = "its last refresh failed; the log says why"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with an address.

    Attributes:
        problem: See `bot.report.model.BadLink`; so all else.
    """

    problem: str
    title: str
    url: str
    detail: str
    instead: Page | None = None


def upkeep(
    store: Store,
    period: Period,
    *,
    visible_to: Visible = frozenset({PUBLIC}),
    sources: Collection[str] | None = None,
    limit: int = 20,
) -> Upkeep:
    """Look at all answers that were written before the end of a period.

    What a source says of itself, and what a page's versions are, is told as it is now:
    nobody keeps how that was. No later death of a page counts.

    Args:
        visible_to: What the reader may see; ``None``: everything.
        sources: Only answers in these; ``None``: in all.
        limit: Links at most, those first that most posts hold, of as many those that
            are read most.
    """
    return Upkeep(
        links=_links(store, period.until, visible_to, sources, limit),
        sources=_sources(store, period.until, visible_to),
    )


# -- links -------------------------------------------------------------------------


def _links(
    store: Store,
    until: datetime,
    visible_to: Visible,
    sources: Collection[str] | None,
    limit: int,
) -> tuple[BadLink, ...]:
    known = store.upkeep
    linked = known.linked(before=until, visible_to=visible_to, sources=sources)
    pages = known.pages(
        {each.key for each in linked}, before=until, visible_to=visible_to
    )
    standing = store.editions.standing(
        [page.id for page in pages if not page.current or page.dead_at]
    )
    current = known.pages_with(standing.values(), before=until, visible_to=visible_to)
    by_id = {page.id: page for page in current}
    book = AddressBook(
        store.links.rules,
        pages,
        {old: by_id[new] for old, new in standing.items() if new in by_id},
        known.strays(LEADS, before=until, visible_to=visible_to),
    )
    judged = ((each, book.judge(each)) for each in linked)
    bad = {each: finding for each, finding in judged if finding is not None}
    places = known.places(bad, before=until, visible_to=visible_to, sources=sources)
    worst = ranked(bad, places)[:limit]
    shown = {place.document_id for _, found in worst for place in most_read(found)}
    spots = known.spots(shown)
    return tuple(_bad_link(finding, found, spots) for finding, found in worst)


class AddressBook:
    """Knows what is wrong with addresses, from what the store holds. Pure.

    Args:
        pages: The documents at the keys of the addresses that are asked for.
        instead: For versions that are not searched the ones that are.
    """

    def __init__(
        self,
        rules: LinkRules,
        pages: Iterable[Page],
        instead: Mapping[DocumentId, Page],
        strays: Iterable[Stray],
    ) -> None:
        self._rules = rules
        # What is folded into one key are several addresses all the same.
        self._plain = replace(rules, fold=())
        self._instead = instead
        self._pages: defaultdict[str, list[Page]] = defaultdict(list)
        for page in pages:
            self._pages[page.key].append(page)
        self._strays: defaultdict[str, list[Stray]] = defaultdict(list)
        for stray in strays:
            if not _is_as_good(stray):
                self._strays[rules.key(stray.url)].append(stray)

    def judge(self, linked: Linked) -> Finding | None:
        """What is wrong with an address; ``None``: nothing that is known."""
        pages = self._pages.get(linked.key, ())
        strays = self._strays.get(linked.key, ())
        if not pages and not strays:
            return None
        here = [page for page in pages if page.url == linked.url]
        address = "" if here else self._address(linked.url)
        here = here or [p for p in pages if self._address(p.url) == address]
        if here:
            return self._at(linked, here)
        for stray in strays:
            if self._address(stray.url) == address:
                finding = self._astray(linked, stray)
                if finding is not None:
                    return finding
        return self._folded(linked, address, pages)

    def _address(self, url: str) -> str:
        return self._plain.key(url)

    def _at(self, linked: Linked, here: Sequence[Page]) -> Finding | None:
        """Of a page that is held; several sources may hold it."""
        alive = [page for page in here if page.dead_at is None]
        if not alive:
            page = here[0]
            # Another version may be alive.
            instead = self._instead.get(page.id)
            is_other = instead is not None and instead.dead_at is None
            return Finding(
                "dead",
                page.title,
                page.url,
                f"{page.problem}, since {_day(page.dead_at)}",
                instead if is_other else None,
            )
        old = [self._old(page) for page in alive]
        if all(old):
            return old[0]
        if _host(linked.origin) == _host(linked.url):
            return None
        page = alive[0]
        path = linked.url.partition("://")[2].partition("/")[2]
        url = linked.origin + path
        return Finding("moved", page.title, url, "its site has another name now", page)

    def _old(self, page: Page) -> Finding | None:
        instead = self._instead.get(page.id)
        told = f"a page of version {page.version or '?'}"
        if page.outdated and (page.current or instead is None or instead.outdated):
            detail = f"{told}; newer versions have no such page any more"
            return Finding("old_version", page.title, page.url, detail)
        if page.current or instead is None:
            return None
        mine, newer = numbers(page.version or ""), numbers(instead.version or "")
        # A version without a number is nobody's installed one, and may be the newest.
        if not (page.outdated or () < mine < newer):
            return None
        detail = f"{told}; there is {instead.version or 'a newer one'}"
        return Finding("old_version", page.title, page.url, detail, instead)

    def _astray(self, linked: Linked, stray: Stray) -> Finding | None:
        page = stray.leads_to
        if page is None:
            since = stray.failed_at
            # One answer that something is missing may be a mistake of an hour.
            if since is None or stray.checked_at - since < CERTAIN_AFTER:
                return None
            detail = f"its site gives out nothing there, since {_day(since)}"
            return Finding("dead", linked.url, linked.url, detail)
        if page.dead_at is not None:
            return None
        detail = f"its address is {page.url} now"
        return Finding("moved", page.title, linked.url, detail, page)

    def _folded(
        self, linked: Linked, address: str, pages: Sequence[Page]
    ) -> Finding | None:
        """Of an address at which nothing is held, but another version of it is."""
        for page in pages:
            # A video or a course has no versions, though its address has numbers.
            is_page = page.kind is Kind.DOCS and page.current and not page.outdated
            if page.dead_at is not None or not is_page:
                continue
            older = older_of(address, self._address(page.url))
            if older is not None:
                mine, newer = older
                detail = f"a page of version {mine}; there is {newer}"
                return Finding("old_version", page.title, linked.url, detail, page)
        return None


def older_of(address: str, current: str) -> tuple[str, str] | None:
    """How an address and that of the current version differ, where it is an older one;
    ``None`` where that is not plain.

    >>> older_of("docs.example/en/2.38/maps", "docs.example/en/2.42/maps")
    ('2.38', '2.42')
    >>> older_of("a.org/app-238/x", "a.org/app-master/x")
    ('app-238', 'app-master')
    >>> older_of("a.org/v4.11/x", "a.org/4/x"), older_of("a.org/3/x", "a.org/fr/x")
    (None, None)
    """
    mine, others = address.split("/"), current.split("/")
    if len(mine) != len(others):
        return None
    pairs = zip(mine, others, strict=True)
    differing = [(own, other) for own, other in pairs if own != other]
    if len(differing) != 1:
        return None
    own, other = differing[0]
    found, newer = _NUMBERED.fullmatch(own), _NUMBERED.fullmatch(other)
    if found is None:
        return None
    if newer is None:
        name = other.removeprefix(found[1])
        return (own, other) if found[1] + name == other and name in _NEWEST else None
    old, new = numbers(found[2]), numbers(newer[2])
    # 4.1 and 42: who knows?
    is_plain = found[1] == newer[1] and (len(old) > 1) == (len(new) > 1)
    return (own, other) if is_plain and old < new else None


def ranked(
    bad: Mapping[Linked, Finding], places: Iterable[Place]
) -> list[tuple[Finding, list[Place]]]:
    """What is wrong, with the posts that lead there: those first that most posts hold,
    then those that are read most. Pure."""
    found: defaultdict[tuple[str, str], list[Place]] = defaultdict(list)
    findings: dict[tuple[str, str], Finding] = {}
    for place in places:
        finding = bad[place.linked]
        key = finding.problem, finding.url
        findings.setdefault(key, finding)
        found[key].append(place)

    def order(key: tuple[str, str]) -> tuple[int, int, tuple[str, str]]:
        views = {place.document_id: place.views for place in found[key]}
        return -_posts(found[key]), -sum(views.values()), key

    return [(findings[key], found[key]) for key in sorted(found, key=order)]


def most_read(places: Iterable[Place]) -> list[Place]:
    """One post of each thread, the most read threads first; a few of them."""
    first: dict[DocumentId, Place] = {}
    for place in sorted(places, key=lambda p: (p.document_id, p.part_number)):
        first.setdefault(place.document_id, place)
    order = sorted(first.values(), key=lambda p: (-p.views, p.document_id))
    return order[:_TOPICS]


def _posts(places: Iterable[Place]) -> int:
    return len({(place.document_id, place.part_number) for place in places})


def _bad_link(
    finding: Finding, places: Sequence[Place], spots: Mapping[DocumentId, Spot]
) -> BadLink:
    instead = finding.instead
    topics = [
        _topic(spots[place.document_id], place.part_number)
        for place in most_read(places)
        if place.document_id in spots
    ]
    return BadLink(
        problem=finding.problem,
        title=finding.title,
        url=finding.url,
        detail=shortened(visible(finding.detail), _MAX_CHARS),
        links=_posts(places),
        instead=None
        if instead is None
        else Resource(instead.kind, instead.title, instead.url),
        topics=tuple(topics),
    )


def _topic(spot: Spot, number: int) -> Topic:
    """A thread, at the post that is to be mended."""
    return Topic(
        source=spot.source,
        key=spot.key,
        title=spot.title,
        url=f"{spot.url}/{number}",
        created_at=spot.created_at,
        author=spot.author,
        category=spot.category,
        language=spot.language,
    )


def _host(url: str) -> str:
    return urlsplit(url).netloc.removeprefix("www.")


def _is_as_good(stray: Stray) -> bool:
    """Whether an address leads where it should: another spelling of the page's own, or
    its Markdown file, which is read in its place."""
    page = stray.leads_to
    if page is None:
        return False
    return is_markdown(stray.url) or _bare(stray.url) == _bare(page.url)


def _bare(url: str) -> str:
    return url.partition("://")[2].removeprefix("www.").rstrip("/")


def _day(moment: datetime | None) -> str:
    return "?" if moment is None else f"{moment:%Y-%m-%d}"


# -- sources -----------------------------------------------------------------------


def _sources(
    store: Store, until: datetime, visible_to: Visible
) -> tuple[SourceHealth, ...]:
    held = store.upkeep.held(visible_to=visible_to)
    dead = store.upkeep.dead(before=until, visible_to=visible_to)
    aside = store.progress.all_set_aside()
    states = {state.name: state for state in store.progress.sources()}
    return tuple(
        source_health(
            states.get(name) or store.progress.source(name),
            held.get(name, OfSource(0, 0)),
            [each for each in aside if each.source == name],
            dead=sum(page.source == name for page in dead),
            until=until,
            private=visible_to is None,
        )
        for name in sorted({*states, *held})
        # A source of which the reader may see nothing is none of theirs.
        if name not in held or held[name].shown
    )


def source_health(
    state: SourceState,
    held: OfSource,
    aside: Sequence[SetAside],
    *,
    dead: int,
    until: datetime,
    private: bool = False,
) -> SourceHealth:
    """How a source was at a moment, as far as is known now. Pure.

    One that was read through since then has an age of 0.

    Args:
        private: The reader may know all that the source holds.
    """
    finished = state.finished_at
    error = state.last_error or ""
    # It may name what is not for everybody; so may a source of which nothing is held.
    if error and not private and not 0 < held.documents == held.shown:
        error = _ELSEWHERE
    return SourceHealth(
        name=state.name,
        documents=held.shown,
        refreshed_at=finished,
        age_hours=None if finished is None else max(0.0, (until - finished) / _HOUR),
        error=shortened(visible(error), _MAX_CHARS),
        set_aside=sum(each.first_at < until for each in aside),
        dead=dead,
    )
