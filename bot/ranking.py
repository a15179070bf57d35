"""Which model ranks: the one that was learned here, else the one that is shipped."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.on_disk import OnDisk
from kb.errors import ModelError
from kb.model import RankingModel, load_model, shipped_model
from kb.signals import without as all_but
from kb.thresholds import Thresholds

log = logging.getLogger(__name__)

# Precisions are written with two digits; they pass through JSON.
_SAME = 1e-6


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Which model ranks.

    Attributes:
        learned: Here; else the shipped one ranks.
        learned_on: Addresses of the forums that it was learned on; empty for weights
            set by hand.
        examples: Questions that it was learned from, by kind.
    """

    learned: bool
    learned_on: str
    learned_until: datetime | None
    examples: Mapping[str, int]


class ModelOnDisk:
    """The learned model of an installation, read again whenever its file changed.

    A model is derived: a file that does not read costs nothing but what was learned,
    so that searches go on with the shipped one, and a warning tells of it, once.
    May be shared between threads.

    Args:
        without: Signals and groups that are not to be used, see `kb.signals`.
    """

    def __init__(self, path: Path, *, without: Collection[str] = ()) -> None:
        self._names = all_but(without)
        self._file = OnDisk(path, _read)
        # The newest, beside what it was made of: each search asks for it.
        self._current: tuple[RankingModel, RankingModel] | None = None

    def learned(self) -> RankingModel | None:
        """What was learned here; ``None`` before that, or when it cannot be read."""
        return self._file.content()

    def current(self) -> RankingModel:
        """The model that ranks, without the signals that are switched off."""
        whole = self.learned() or shipped_model()
        known = self._current
        if known is None or known[0] is not whole:
            known = self._current = (whole, whole.only(self._names))
        return known[1]

    def facts(self) -> ModelFacts:
        """Which model `current` is."""
        learned = self.learned()
        model = learned or shipped_model()
        return ModelFacts(
            learned=learned is not None,
            learned_on=model.learned_on,
            learned_until=model.learned_until,
            examples={kind.value: m.examples for kind, m in model.kinds.items()},
        )


def _read(path: Path) -> RankingModel | None:
    try:
        return load_model(path)
    except ModelError as exc:
        log.warning("%s; ranking by the shipped weights: run baraza learn", exc)
        return None


def thresholds_for(model: RankingModel, precision: float) -> Thresholds:
    """The thresholds that a model has for a stated precision; none if it was not
    asked for that one when it learned."""
    for known in model.thresholds:
        if abs(known.asked - precision) < _SAME:
            return known
    return Thresholds(precision)
