"""The courses of an Open edX site: its catalogue, its public outlines, its exports."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from indexer.catalogue import (
    COURSE_FORMAT,
    CourseFacts,
    course_document,
    course_facts,
    course_key,
    exported_facts,
    refused_of,
)
from indexer.fields import Fields
from indexer.http import Transport
from indexer.olx import Export
from indexer.reader import Reader
from indexer.site_json import SiteJson, Told, not_asked
from indexer.source import Batch
from indexer.sources.course_exports import Exports, read_exports
from indexer.sources.course_site import CLOSED, Academy, said
from indexer.sources.failures import MAX_FAILURES_IN_A_ROW, WHOLE_FORUM
from indexer.units import Unit
from kb.errors import (
    ForumProtocolError,
    ForumUnavailableError,
    RecordError,
)
from kb.store import Holdings, SourceState
from kb.types import PUBLIC, Clock, Document, content_hash


@dataclass(frozen=True, slots=True)
class CoursesSettings:
    """What the config says of a source of courses.

    Attributes:
        catalogue: Read that of the site; else exports alone.
        exports: Folders, see `indexer.sources.course_exports`.
        exclude: Keys of courses that are left out.
    """

    catalogue: bool = True
    exports: tuple[Path, ...] = ()
    exclude: frozenset[str] = frozenset()
    language: str | None = None
    visibility: str = PUBLIC


class CoursesSource:
    """Reads courses, each as one document with its units.

    Args:
        name: In the config.
        transport: Of the site where people learn.
    """

    is_exhaustive = False

    def __init__(
        self,
        name: str,
        transport: Transport,
        settings: CoursesSettings,
        *,
        clock: Clock,
    ) -> None:
        self._name = name
        self._transport = transport
        self._settings = settings
        self._clock = clock

    @property
    def name(self) -> str:
        return self._name

    @property
    def requests(self) -> int:
        return self._transport.requests

    def walk(
        self,
        state: SourceState,
        known: Holdings,
        *,
        full: bool = False,
        again: Collection[str] = (),
    ) -> Iterator[Batch]:
        """See `indexer.source.Source.walk`.

        No cursor is needed: what an interrupted walk stored is known to the next.

        Raises:
            SourceError: The catalogue is not public, or a folder is missing.
        """
        exports = read_exports(self._name, self._settings.exports)
        reader = Reader(self._transport, known.fetch, clock=self._clock)
        site = SiteJson(reader, fresh=full)
        maker = _Maker(
            self._name,
            self._transport.base_url,
            self._settings,
            known,
            self._clock(),
            full,
        )
        academy = Academy(self._name, self._transport.base_url, site)
        walk = _Walk(self._settings, known, academy, maker)
        yield from walk.batches(exports)


class _Maker:
    """Makes documents, and says which of them changed."""

    def __init__(
        self,
        source: str,
        url: str,
        settings: CoursesSettings,
        known: Holdings,
        now: datetime,
        full: bool,
    ) -> None:
        self._source = source
        self._url = url
        self._settings = settings
        self._known = known
        self._now = now
        self._full = full

    def made(self, facts: CourseFacts, units: tuple[Unit, ...]) -> Document | None:
        """The course; ``None`` when it is stored like this."""
        # What opens later nobody can see now.
        units = tuple(
            unit for unit in units if not unit.starts_at or unit.starts_at <= self._now
        )
        language, visibility = self._settings.language, self._settings.visibility
        revision = content_hash(
            COURSE_FORMAT, self._url, language, visibility, facts, units
        )
        stored = self._known.get(facts.key)
        if stored is not None and stored.revision == revision and not self._full:
            return None
        return course_document(
            self._source,
            self._url,
            facts,
            units,
            language=language,
            visibility=visibility,
            revision=revision,
        )


class _Walk:
    """One walk: the catalogue's courses, those that are exported only, what left."""

    def __init__(
        self,
        settings: CoursesSettings,
        known: Holdings,
        academy: Academy,
        maker: _Maker,
    ) -> None:
        self._settings = settings
        self._known = known
        self._academy = academy
        self._maker = maker
        self._met: set[str] = set()
        self._failures = 0

    def batches(self, exports: Exports) -> Iterator[Batch]:
        yield Batch(set_aside=exports.set_aside)
        if self._settings.catalogue:
            for listed, fetched in self._academy.pages():
                yield Batch(fetched=fetched, phase="catalogue")
                for index in range(listed.count("results")):
                    yield self._listed(listed, index, exports.courses)
        for key, export in exports.courses.items():
            if key not in self._met:
                yield self._exported(export)
        yield from self._departures(exports)
        yield Batch(forgotten=tuple(not_asked(self._known, self._academy.asked)))

    # -- the catalogue -------------------------------------------------------

    def _listed(self, listed: Fields, index: int, exports: dict[str, Export]) -> Batch:
        """A course of the catalogue, whole; one that fails is tried with every walk.

        Raises:
            ForumError: One after the other fails: the site is down.
        """
        try:
            fields = listed.item("results", index)
            key = course_key(fields)
        except RecordError as exc:
            return Batch(set_aside=((f"{listed.source}#{index}", str(exc)),))
        if key in self._met:
            return Batch()
        self._met.add(key)
        try:
            if refused := self._refused(key) or refused_of(fields):
                return Batch(skipped=((key, refused),))
            batch = self._course(key, exports.get(key))
        except WHOLE_FORUM:
            raise
        except (ForumUnavailableError, ForumProtocolError) as exc:
            self._failures += 1
            if self._failures >= MAX_FAILURES_IN_A_ROW:
                raise
            return Batch(set_aside=((key, str(exc)),))
        except RecordError as exc:
            return Batch(set_aside=((key, str(exc)),))
        self._failures = 0
        return batch

    def _refused(self, key: str) -> str:
        return "excluded" if key in self._settings.exclude else ""

    def _course(self, key: str, export: Export | None) -> Batch:
        told = self._academy.detail(key)
        if told.fields is None:
            reason = f"is in the catalogue, but {said(told)}"
            return Batch(set_aside=((key, reason),), fetched=(told.reply.fetch,))
        facts = course_facts(told.fields)
        if facts.key != key:
            raise told.fields.bad("id", f"expected {key}, got {facts.key}")
        if facts.refused:
            return Batch(skipped=((key, facts.refused),), fetched=(told.reply.fetch,))
        fetched = [told.reply.fetch]
        skipped: tuple[tuple[str, str], ...] = ()
        if export is not None:
            units: tuple[Unit, ...] = export.units
        else:
            public, asked = self._academy.outline(key)
            fetched += asked
            units = public or ()
            if public is None:
                skipped = ((f"{key} outline", CLOSED),)
        document = self._maker.made(facts, units)
        return Batch(
            documents=() if document is None else (document,),
            unchanged=(key,) if document is None else (),
            skipped=skipped,
            # It answered now: nobody else need look whether it is there.
            verified=(key,),
            verified_at=told.reply.fetch.checked_at,
            fetched=tuple(fetched),
            phase="courses",
        )

    # -- exports, and what left ----------------------------------------------

    def _exported(self, export: Export) -> Batch:
        self._met.add(export.key)
        try:
            facts = exported_facts(export)
        except RecordError as exc:
            return Batch(set_aside=((export.key, str(exc)),))
        if refused := self._refused(export.key) or facts.refused:
            return Batch(skipped=((export.key, refused),))
        document = self._maker.made(facts, export.units)
        if document is None:
            return Batch(unchanged=(export.key,))
        return Batch(documents=(document,), phase="exports")

    def _departures(self, exports: Exports) -> Iterator[Batch]:
        """Stored courses that are nowhere now; they leave when that is certain."""
        missing = [key for key in self._known if key not in self._met]
        excluded = [key for key in missing if self._refused(key)]
        yield Batch(skipped=tuple((key, self._refused(key)) for key in excluded))
        missing = [key for key in missing if key not in excluded]
        if exports.unread:
            reason = "may be in an export that cannot be read"
            yield Batch(set_aside=tuple((key, reason) for key in missing))
            return
        if not self._settings.catalogue:
            yield Batch(gone=tuple(missing))
            return
        gone: list[str] = []
        for key in missing:
            told = self._academy.detail(key)
            if told.reply.is_gone:
                gone.append(key)
            refused = "" if told.fields is None else refused_of(told.fields)
            kept = () if told.reply.is_gone or refused else ((key, _kept(told)),)
            yield Batch(
                fetched=(told.reply.fetch,),
                set_aside=kept,
                skipped=((key, refused),) if refused else (),
            )
        yield Batch(gone=tuple(gone), phase="departures")


def _kept(told: Told) -> str:
    return f"left the catalogue, but {said(told)}; it stays until that is certain"
