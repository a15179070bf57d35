"""Learn what words of one language mean in another: what ``baraza learn bridge`` does.

From all that the store holds in several languages: texts of files of translations,
and public pages with their translations.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bot.config_sources import MarkdownSource, TermsSource, WebsiteSource
from bot.on_disk import OnDisk
from kb.store import Store
from kb.types import content_hash

if TYPE_CHECKING:
    from bot.app import App
    from bot.config_sources import Source
    from bot.timeline import Progress
    from kb.bridge import Bridge, Senses, WordTable

log = logging.getLogger(__name__)

BridgeUse = Literal["shipped", "own", "off"]
# Grows with every change of which texts are paired, so that all is learned anew.
_PAIRING = 1
_SAMPLES = 5

Languages = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Meaning:
    """A word or a term, with what it may mean.

    Attributes:
        senses: ``(text, probability)``, the likeliest first; empty for a word that
            means nothing by itself, as an article does.
    """

    text: str
    senses: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class TableReport:
    """What was learned from one language to another.

    Attributes:
        texts: Parallel texts that it was learned from.
        terms: Of several words.
        samples: Those met most often, or what was looked up.
    """

    source: str
    target: str
    texts: int
    words: int
    terms: int
    samples: tuple[Meaning, ...] = ()


@dataclass(frozen=True, slots=True)
class BridgeReport:
    """What `learn_bridge` did.

    Attributes:
        saved: Where; ``None`` when there is nothing to learn from.
        forgotten: There was a bridge, learned from what is not there any more, and
            it is gone as well.
        texts: Pairs of texts, by where they come from: ``terms`` or ``pages``. Pages
            are counted themselves.
    """

    saved: Path | None
    terms: dict[str, int]
    pages: dict[str, int]
    tables: tuple[TableReport, ...] = ()
    seconds: float = 0.0
    forgotten: bool = False


@dataclass(frozen=True, slots=True)
class BridgeFacts:
    """Which bridge is in use.

    Attributes:
        use: As the config has it, see `BridgeOnDisk`.
        learned_at: ``None`` where none was learned here.
        is_due: What it was learned from has changed since.
        problem: Why it cannot be used.
    """

    use: BridgeUse = "shipped"
    learned_at: datetime | None = None
    age_s: float | None = None
    is_due: bool = False
    tables: tuple[TableReport, ...] = ()
    problem: str | None = None


class BridgeOnDisk:
    """The bridge that carries questions, read again whenever its file changed.

    It is derived: a file that does not read costs nothing but what was learned here,
    and a warning tells of it, once. May be shared between threads.

    Args:
        use: ``shipped``: what was learned here, with what comes with Baraza; ``own``:
            what was learned here alone; ``off``: nothing.
    """

    def __init__(self, path: Path, use: BridgeUse) -> None:
        self._use = use
        self._file = OnDisk(path, self._learned)

    def current(self) -> Bridge | None:
        """``None``: a question is asked as it is."""
        if self._use == "off":
            return None
        return self._file.content() or self._otherwise()

    def _learned(self, path: Path) -> Bridge | None:
        from kb.errors import BridgeError

        try:
            own = _read(path)
        except BridgeError as exc:
            log.warning("%s", exc)
            return None
        shipped = self._otherwise()
        return own if shipped is None else own.over(shipped)

    def _otherwise(self) -> Bridge | None:
        from kb.bridge import shipped_bridge

        return shipped_bridge() if self._use == "shipped" else None


def learn_bridge(
    app: App,
    *,
    output: Path | None = None,
    languages: Collection[str] = (),
    progress: Progress = lambda _step, _done, _todo: None,
) -> BridgeReport:
    """Learn from all that is stored in several languages, and save it.

    The bridge is replaced as a whole, at the end; killed before, the one in use stays.
    Where there is nothing to learn from any more, it is removed: its words are those of
    texts that have left.

    Args:
        output: Save it there; the one in use stays.
        languages: Only between these, for an *output*; none: between all that there
            are.

    Raises:
        StoreError: There is no knowledge base yet, or it cannot be read.
        BridgeError: What was learned cannot be written, or removed.
    """
    from kb.bridge.learning import learn_bridge as learn
    from kb.bridge.pages import page_pairs

    began = time.monotonic()
    with app.open_store(readonly=True) as store:
        # Before anything is read: what changes meanwhile is learned the next time.
        mark = mark_of(store)
        terms, pages = store.parallel.languages(), store.works.languages()
        texts: dict[Languages, Iterable[Languages]] = {
            pair: chain(store.parallel.pairs(*pair), page_pairs(store, *pair))
            for pair in sorted({*terms, *pages})
            if not languages or {*pair} <= {*languages}
        }
        bridge = learn(
            texts,
            progress=lambda pair, done, todo: progress(" and ".join(pair), done, todo),
        )
    path = output or app.bridge_path
    saved = path if bridge.tables else None
    if saved:
        replace(bridge, mark=mark, learned_at=app.clock()).save(saved)
    return BridgeReport(
        saved=saved,
        forgotten=saved is None and output is None and _forgotten(path),
        terms=_named(terms),
        pages=_named(pages),
        tables=tuple(_tables(bridge, None, _SAMPLES)),
        seconds=round(time.monotonic() - began, 1),
    )


def look_up(app: App, sample: str) -> tuple[TableReport, ...]:
    """What a word or term means to the bridge in use; nothing is learned.

    Raises:
        BridgeError: The shipped one cannot be read.
    """
    bridge = app.bridge_on_disk.current()
    return () if bridge is None else tuple(_tables(bridge, sample, 0))


def bridge_is_due(app: App) -> bool:
    """Whether what there is to learn from differs from what was learned from last."""
    with app.open_store(readonly=True) as store:
        if not (store.parallel.languages() or store.works.languages()):
            # What it was learned from has left, and so must it.
            return app.bridge_path.exists()
        mark = mark_of(store)
    learned = _on_disk(app.bridge_path)
    return learned is None or learned.mark != mark


def bridge_facts(app: App, store: Store) -> BridgeFacts:
    """Which bridge is in use, its age and its size."""
    from kb.errors import BridgeError

    use = app.config.search.bridge
    if use == "off" or not app.bridge_path.exists():
        return BridgeFacts(use)
    try:
        learned = _read(app.bridge_path)
    except BridgeError as exc:
        return BridgeFacts(use, problem=str(exc))
    at = learned.learned_at
    return BridgeFacts(
        use,
        learned_at=at,
        age_s=None if at is None else (app.clock() - at).total_seconds(),
        is_due=learned.mark != mark_of(store),
        tables=tuple(_tables(learned, None, 0)),
    )


def has_translations(source: Source) -> bool:
    """Whether a source may bring texts in several languages."""
    match source:
        case TermsSource():
            return True
        case MarkdownSource() | WebsiteSource():
            return any("(?P<language>" in rule.pattern for rule in source.rules)
        case _:
            return False


def mark_of(store: Store) -> str:
    """Changes whenever anything that the bridge is learned from does."""
    return content_hash(_PAIRING, store.parallel.mark(), store.works.mark())


def _read(path: Path) -> Bridge:
    from kb.bridge import load_bridge

    return load_bridge(path)


def _on_disk(path: Path) -> Bridge | None:
    """What was learned here; ``None`` before that, or when it cannot be read: it is
    derived, and learned again."""
    from kb.errors import BridgeError

    try:
        return _read(path)
    except BridgeError:
        return None


def _forgotten(path: Path) -> bool:
    """Remove a bridge; whether there was one."""
    from kb.errors import BridgeError

    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as exc:
        raise BridgeError(path, f"cannot be removed: {exc}") from exc
    return True


def _named(counts: dict[Languages, int]) -> dict[str, int]:
    return {"-".join(pair): count for pair, count in counts.items()}


def _tables(bridge: Bridge, sample: str | None, count: int) -> Iterator[TableReport]:
    for (source, target), table in sorted(bridge.tables.items()):
        samples = table.samples(count) if sample is None else _looked_up(table, sample)
        yield TableReport(
            source=source,
            target=target,
            texts=table.texts,
            words=len(table.words),
            terms=len(table.terms),
            samples=tuple(
                Meaning(text, tuple((s.text, round(s.probability, 4)) for s in senses))
                for text, senses in samples
            ),
        )


def _looked_up(table: WordTable, text: str) -> Iterator[tuple[str, Senses]]:
    """What a table has for a word, or for several together and for each."""
    from kb.words import words

    parts = words(text)
    if len(parts) > 1 and (senses := table.term(parts)) is not None:
        yield text, senses
    for part in parts:
        if (senses := table.senses(part)) is not None:
            yield part, senses
