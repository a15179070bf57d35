"""Asking an Open edX site for its catalogue, its courses and their outlines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

from indexer.catalogue import outline_units, quoted
from indexer.fields import Fields
from indexer.site_json import SiteJson, Told
from indexer.units import Unit
from kb.errors import DisallowedError, RecordError, SourceError
from kb.store import Fetch

_PAGE_SIZE = 100
# No site has so many courses: its pages have no end.
_MAX_PAGES = 500
_LIST = "/api/courses/v1/courses/"
_FIELDS = "children,display_name,type,student_view_url,lms_web_url,block_id"
CLOSED = "outline for learners only, the course itself is read"
# A refusal cannot be asked about like an answer, so it holds for that long.
_CLOSED_FOR = timedelta(days=1)
# Releases before Juniper have the first version alone.
_BLOCKS = ("/api/courses/v2/blocks/", "/api/courses/v1/blocks/")


class Academy:
    """What visitors are told.

    Args:
        source: Its name in the config.
        url: Of the site, without a trailing slash.
    """

    def __init__(self, source: str, url: str, site: SiteJson) -> None:
        self._source = source
        self._url = url
        self._site = site

    @property
    def asked(self) -> set[str]:
        """All addresses that were asked for."""
        return self._site.asked

    def pages(self) -> Iterator[tuple[Fields, tuple[Fetch, ...]]]:
        """The pages of the catalogue, each with what must be remembered of it.

        Raises:
            SourceError: It cannot be read, or its pages lead in a circle or away.
        """
        query = urlencode({"page_size": _PAGE_SIZE, "page": 1})
        url: str | None = f"{self._url}{_LIST}?{query}"
        seen: set[str] = set()
        while url is not None:
            seen.add(url)
            told = self._site.get(url)
            if told.fields is None:
                raise SourceError(
                    self._source,
                    f"{url}: {told.reply.status} {told.reply.problem}; where the "
                    "catalogue is not public, set "
                    f"sources.{self._source}.catalogue to false and read exports",
                )
            told.fields.count("results")
            following = self._following(told.fields)
            if following is not None and len(seen) >= _MAX_PAGES:
                raise SourceError(
                    self._source,
                    f"{url}: the catalogue has more than {_MAX_PAGES} pages",
                )
            if following in seen:
                # Not remembered, or the circle would stay when the site mends it.
                yield told.fields, ()
                raise SourceError(
                    self._source, f"{following}: the pages lead in a circle"
                )
            yield told.fields, (told.reply.fetch,)
            url = following

    def _following(self, listed: Fields) -> str | None:
        """The address of the next page, on the site as the config names it: behind a
        proxy some know themselves by another scheme."""
        page = listed.inner("pagination")
        told = page.maybe_text("next")
        if not told:
            return None
        try:
            parts = urlsplit(told)
            host = parts.hostname
        except ValueError as exc:
            raise page.bad("next", f"expected an address, got {told[:80]!r}") from exc
        if host not in (None, urlsplit(self._url).hostname):
            raise page.bad("next", f"leads to another site, {host}")
        number = parse_qs(parts.query).get("page", [""])[-1]
        if not (number.isascii() and number.isdecimal()):
            raise page.bad("next", f"expected a page, got {told[:80]!r}")
        query = urlencode({"page_size": _PAGE_SIZE, "page": int(number[:9])})
        return f"{self._url}{_LIST}?{query}"

    def detail(self, key: str) -> Told:
        return self._site.get(f"{self._url}{_LIST}{quoted(key)}")

    def outline(self, key: str) -> tuple[tuple[Unit, ...] | None, list[Fetch]]:
        """The units that a visitor sees; ``None`` where that is none of them."""
        query = urlencode(
            {
                "course_id": key,
                # A visitor: with all blocks asked for, only staff is answered.
                "username": "",
                "depth": "all",
                "requested_fields": _FIELDS,
                "student_view_data": "html,video",
            },
            safe=",:",
        )
        fetched: list[Fetch] = []
        for path in _BLOCKS:
            url = f"{self._url}{path}?{query}"
            if (failed := self._site.failed_lately(url, _CLOSED_FOR)) is not None:
                if failed.reason:
                    break
                continue
            try:
                told = self._site.get(url)
            except DisallowedError:
                # The catalogue may be read, or we would not be here.
                return None, fetched
            if told.fields is not None:
                units = outline_units(told.fields)
                return units, [*fetched, told.reply.fetch]
            if told.reply.is_refused:
                fetched.append(replace(told.reply.fetch, reason=CLOSED))
                break
            fetched.append(told.reply.fetch)
            if not told.reply.is_missing:
                raise RecordError(told.reply.url, "outline", said(told))
        return None, fetched


def said(told: Told) -> str:
    """Why there is no answer, in words."""
    return f"its own address answers {told.reply.status} {told.reply.problem}".strip()
