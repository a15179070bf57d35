"""Files of translations, in a folder or on the web, as texts in several languages."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from indexer.http import Transport
from indexer.reader import Reader, Reply
from indexer.source import Batch, ParallelFile
from indexer.sources.failures import MAX_FAILURES_IN_A_ROW, WHOLE_FORUM
from indexer.terms import (
    MAX_FILE_BYTES,
    SUFFIXES,
    TERMS_FORMAT,
    File,
    TermsError,
    read_terms,
)
from indexer.terms.naming import known_tag, named
from kb.errors import (
    DisallowedError,
    ForumProtocolError,
    ForumUnavailableError,
    SourceError,
)
from kb.store import Holdings, SourceState
from kb.types import Clock, content_hash

_log = logging.getLogger(__name__)

MAX_FILES = 10_000
"""Of a folder: with more it is the wrong one."""


@dataclass(frozen=True, slots=True)
class TermsSettings:
    """What is read, and what files do not tell of themselves.

    Attributes:
        include: Patterns of paths below the folder; empty for all of known formats.
        rules: Searched in a file's name: their group ``language`` tells that.
        language: Of files that tell none.
        source_language: Of the texts that gettext translates from.
        columns: See `indexer.terms.File`.
    """

    include: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    rules: tuple[re.Pattern[str], ...] = ()
    language: str | None = None
    source_language: str = "en"
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def stamp(self) -> str:
        """Names all that the meaning of a file depends on."""
        rules = [rule.pattern for rule in self.rules]
        columns = sorted(self.columns.items())
        return content_hash(
            TERMS_FORMAT, rules, self.language, self.source_language, columns
        )[:12]

    def file(self, name: str) -> File:
        """What is known of the file called *name*, before it is read."""
        ruled = None
        for rule in self.rules:
            if (found := rule.search(name)) and found["language"]:
                ruled = known_tag(found["language"])
                break
        return File(
            name=name,
            language=ruled or named(name).language or self.language,
            is_ruled=ruled is not None,
            source_language=self.source_language,
            columns=self.columns,
        )


class TermsSource:
    """Reads files of translations. It has no documents.

    A file that cannot be read is set aside, and what it said before stays; so is one
    of which a part could not be read, with that. One that is gone is forgotten; on the
    web, when that is certain.

    Args:
        name: In the config.
        path: A file or a folder, if any.
        sites: Clients of all sites that the settings' addresses are on.
    """

    is_exhaustive = True

    def __init__(
        self,
        name: str,
        path: Path | None,
        sites: Sequence[Transport],
        settings: TermsSettings,
        *,
        clock: Clock,
    ) -> None:
        self._name = name
        self._path = path
        self._sites = sites
        self._settings = settings
        self._clock = clock

    @property
    def name(self) -> str:
        return self._name

    @property
    def requests(self) -> int:
        return sum(site.requests for site in self._sites)

    def walk(
        self,
        state: SourceState,
        known: Holdings,
        *,
        full: bool = False,
        again: Collection[str] = (),
    ) -> Iterator[Batch]:
        """See `indexer.source.Source.walk`; each file is a batch.

        Raises:
            SourceError: The folder is missing, unreadable, or has no such file.
            ForumError: Sites fail one after the other.
        """
        here: list[str] = []
        for name, path in self._files():
            here.append(name)
            yield self._read(path, name)
        readers = [Reader(each, known.fetch, clock=self._clock) for each in self._sites]
        failures = 0
        for url in self._settings.urls:
            try:
                reply = self._ask(url, readers, fresh=full or url in again)
                failures = 0
            except WHOLE_FORUM:
                raise
            except (ForumUnavailableError, ForumProtocolError, DisallowedError) as exc:
                failures += 1
                if failures >= MAX_FAILURES_IN_A_ROW:
                    raise
                here.append(url)
                yield Batch(set_aside=((url, str(exc)),))
                continue
            if not reply.is_gone:
                here.append(url)
            yield self._heard(url, reply)
        yield Batch(
            parallel_files=tuple(here),
            forgotten=tuple(
                fetch.url
                for fetch in known.fetches()
                if fetch.url not in self._settings.urls
            ),
        )

    # -- a folder ------------------------------------------------------------

    def _files(self) -> list[tuple[str, Path]]:
        """``(name, path)`` of the files that are wanted, by name."""
        if self._path is None:
            return []
        if self._path.is_file():
            return [(self._path.name, self._path)]
        if not self._path.is_dir():
            raise SourceError(self._name, f"{self._path}: no such file or folder")
        found = sorted(self._below(self._path))
        if not found:
            raise SourceError(
                self._name, f"{self._path}: no file of translations below it"
            )
        if len(found) > MAX_FILES:
            raise SourceError(
                self._name,
                f"{self._path}: {len(found)} files, more than {MAX_FILES}; choose some "
                "with include",
            )
        return found

    def _below(self, root: Path) -> Iterator[tuple[str, Path]]:
        resolved = root.resolve()
        for folder, folders, names in os.walk(root, onerror=self._fail):
            folders[:] = [each for each in folders if not each.startswith(".")]
            for each in names:
                path = Path(folder, each)
                # File names may be bytes of any encoding.
                raw = os.fsencode(path.relative_to(root).as_posix())
                name = raw.decode("utf-8", "replace")
                if each.startswith(".") or not self._wants(name):
                    continue
                if path.is_symlink() and not path.resolve().is_relative_to(resolved):
                    _log.warning("source=%s %s leads out of it", self._name, path)
                    continue
                yield name, path

    def _wants(self, name: str) -> bool:
        if not name.lower().endswith(SUFFIXES):
            return False
        if self._settings.include:
            return any(fnmatchcase(name, each) for each in self._settings.include)
        # Any other XML is something else than strings.
        folder = name.rpartition("/")[0].rpartition("/")[2]
        return not name.lower().endswith(".xml") or folder.startswith("values")

    def _fail(self, error: OSError) -> None:
        # A folder that cannot be listed must not look like one that is empty.
        raise SourceError(
            self._name, f"{error.filename}: {error.strerror or error}"
        ) from error

    def _read(self, path: Path, name: str) -> Batch:
        try:
            if not path.is_file():
                return Batch(set_aside=((name, "not a regular file"),))
            if (size := path.stat().st_size) > MAX_FILE_BYTES:
                reason = f"{size} bytes, more than {MAX_FILE_BYTES}"
                return Batch(set_aside=((name, reason),))
            data = path.read_bytes()
        except OSError as exc:
            reason = f"cannot be read: {exc.strerror or exc}"
            return Batch(set_aside=((name, reason),))
        return self._said(name, data, self._settings.file(name))

    def _said(self, name: str, data: bytes, file: File) -> Batch:
        try:
            texts, faults = read_terms(data, file)
        except TermsError as exc:
            return Batch(set_aside=((name, str(exc)),))
        return Batch(
            parallel=(ParallelFile(name, texts),),
            set_aside=((name, _in_short(faults)),) if faults else (),
            phase="files",
        )

    # -- the web -------------------------------------------------------------

    def _ask(self, url: str, readers: Sequence[Reader], *, fresh: bool) -> Reply:
        reader = next(each for each in readers if each.is_own(url))
        return reader.get(url, stamp=self._settings.stamp, fresh=fresh)

    def _heard(self, url: str, reply: Reply) -> Batch:
        if reply.is_unchanged:
            return Batch(fetched=(reply.fetch,), phase="files")
        if not reply.is_whole:
            aside = () if reply.is_gone else ((url, f"{reply.status} {reply.problem}"),)
            return Batch(fetched=(reply.fetch,), set_aside=aside, phase="files")
        parts = urlsplit(url)
        batch = self._said(
            url, reply.body, self._settings.file(f"{parts.netloc}{parts.path}")
        )
        if batch.set_aside:
            # Not remembered: it is asked for as a whole the next time, and told again.
            return batch
        return Batch(parallel=batch.parallel, fetched=(reply.fetch,), phase="files")


def _in_short(faults: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
    return "; ".join(faults[:3]) + more
