"""Documentation written in Markdown: a checkout on disk, or a file of its pages."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from indexer.fields import Fields
from indexer.mkdocs import read_nav
from indexer.source import Batch
from indexer.sources.lines import JsonLines
from indexer.sources.pages import PAGE_FORMAT, PageRules, markdown_page
from kb.errors import SourceError
from kb.store import SourceState
from kb.types import Document, StoredState, content_hash

_log = logging.getLogger(__name__)

MAX_PAGE_BYTES = 5 * 2**20
"""Larger pages are set aside: they are data, not something that people wrote."""

_BATCH_PAGES = 100
_BATCH_CHARS = 8_000_000


_NO_RULES = PageRules()


class MarkdownSource:
    """Reads the ``.md`` files below a folder, each as one page.

    A page's key is its path without suffix. Hidden folders are left out, and so are
    links that lead out of the folder.

    Args:
        name: In the config.
        folder: The checkout, or its part that holds the pages.
        base_url: What *folder* is on the web; with a nav, what its ``docs_dir`` is.
        nav: Path of an ``mkdocs.yml`` below *folder*: only pages that its nav names are
            read, under the names that stand there.
        url_suffix: What pages end in there: ``.html``; or ``/``, where ``index``
            and ``README`` stand for their folder; or nothing.
    """

    is_exhaustive = True
    requests = 0

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        base_url: str,
        url_suffix: str = ".html",
        nav: str | None = None,
        rules: PageRules = _NO_RULES,
    ) -> None:
        self._name = name
        self._nav = None if nav is None else folder / nav
        self._titles: dict[Path, str] = {}
        self._folder = self._root = folder
        self._base_url = base_url.rstrip("/")
        self._url_suffix = url_suffix
        self._rules = rules

    @property
    def name(self) -> str:
        return self._name

    def walk(
        self,
        state: SourceState,
        known: Mapping[str, StoredState],
        *,
        full: bool = False,
        again: Collection[str] = (),
    ) -> Iterator[Batch]:
        """See `indexer.source.Source.walk`; pages come by path.

        No cursor is needed: what an interrupted walk stored is known to the next.

        Raises:
            SourceError: The folder is missing, unreadable, or has no page at all.
        """
        documents: list[Document] = []
        unchanged: list[str] = []
        set_aside: list[tuple[str, str]] = []
        chars = 0
        for path in self._files() if self._nav is None else self._named_files():
            key = self._key(path)
            page = self._read(path, key)
            if isinstance(page, str):
                set_aside.append((key, page))
                continue
            stored = known.get(key)
            if stored and stored.revision == page.revision and not full:
                unchanged.append(key)
                continue
            documents.append(page)
            chars += len(page.parts[0].body)
            if len(documents) >= _BATCH_PAGES or chars >= _BATCH_CHARS:
                yield Batch(documents=tuple(documents))
                documents, chars = [], 0
        yield Batch(
            documents=tuple(documents),
            unchanged=tuple(unchanged),
            set_aside=tuple(set_aside),
        )

    def _files(self) -> list[Path]:
        if not self._root.is_dir():
            raise SourceError(self._name, f"{self._root}: no such folder")
        root = self._folder.resolve()
        files: list[Path] = []
        for folder, folders, names in os.walk(self._root, onerror=self._fail):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                path = Path(folder, name)
                if not name.endswith(".md") or name.startswith("."):
                    continue
                if path.is_symlink() and not path.resolve().is_relative_to(root):
                    _log.warning("source=%s %s leads out of it", self._name, path)
                    continue
                files.append(path)
        if not files:
            raise SourceError(self._name, f"{self._root}: no .md file below it")
        return sorted(files)

    def _named_files(self) -> list[Path]:
        """The pages that the nav names and that are there, by path."""
        if self._nav is None:
            return []
        nav = read_nav(self._name, self._nav)
        if not nav.folder.resolve().is_relative_to(self._folder.resolve()):
            raise SourceError(
                self._name, f"{self._nav}: docs_dir: leads out of {self._folder}"
            )
        self._root, self._titles = nav.folder, nav.names
        here = set(self._files())
        for path in sorted(self._titles.keys() - here):
            _log.warning("source=%s %s is in the nav and not there", self._name, path)
        named = sorted(self._titles.keys() & here)
        if not named:
            raise SourceError(self._name, f"{self._nav}: its nav names no page below")
        return named

    def _fail(self, error: OSError) -> None:
        # A folder that cannot be listed must not look like one that is empty.
        raise SourceError(
            self._name, f"{error.filename}: {error.strerror or error}"
        ) from error

    def _key(self, path: Path) -> str:
        relative = path.relative_to(self._root).with_suffix("").as_posix()
        # File names may be bytes of any encoding.
        return os.fsencode(relative).decode("utf-8", "replace")

    def _read(self, path: Path, key: str) -> Document | str:
        """The page, or why there is none."""
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                return "not a regular file"
            if status.st_size > MAX_PAGE_BYTES:
                return f"{status.st_size} bytes, more than {MAX_PAGE_BYTES}"
            data = path.read_bytes()
            text = data.decode("utf-8-sig")
        except OSError as exc:
            return f"cannot be read: {exc.strerror or exc}"
        except UnicodeDecodeError as exc:
            return f"not UTF-8 at byte {exc.start}"
        url = self._url(key)
        title = self._titles.get(path)
        named = () if title is None else (title,)
        revision = content_hash(data, url, PAGE_FORMAT, *self._rules.settings, *named)
        return markdown_page(
            self._name, key, url, text, self._rules, title=title, revision=revision
        )

    def _url(self, key: str) -> str:
        folder, _, name = key.rpartition("/")
        if self._url_suffix.endswith("/") and name in ("index", "README"):
            return (
                f"{self._base_url}/{quote(folder)}/" if folder else f"{self._base_url}/"
            )
        return f"{self._base_url}/{quote(key)}{self._url_suffix}"


class DocsArchive(JsonLines):
    """Reads pages from JSON Lines: objects with ``path``, ``url`` and ``markdown``.

    The key is the path or, without one, the url. ``title``, ``version`` and
    ``language`` (or ``lang``) come before what *rules* say.
    """

    def __init__(self, name: str, path: Path, *, rules: PageRules = _NO_RULES) -> None:
        self._rules = rules
        super().__init__(
            name,
            path,
            self._record,
            key_fields=("path", "url"),
            settings=(PAGE_FORMAT, *rules.settings),
        )

    def _record(self, fields: Fields) -> Document:
        url = fields.text("url")
        if not url.strip():
            raise fields.bad("url", "is empty")
        return markdown_page(
            self._name,
            fields.maybe_text("path") or url,
            url,
            fields.text("markdown"),
            self._rules,
            title=fields.maybe_text("title"),
            version=fields.maybe_text("version"),
            language=fields.maybe_text("language") or fields.maybe_text("lang"),
        )
