"""What was learned: how much each signal counts, and how sure to be. A small file.

Derived like an index: it may be deleted, and is learned again. Until a community has
a history of its own, the weights that come with Baraza stand in.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kb.calibrate import Calibration
from kb.errors import ModelError
from kb.rank import EVIDENCE, STANDING
from kb.signals import SIGNALS, Group
from kb.thresholds import Thresholds
from kb.types import Kind
from kb.whole import write_whole

MODEL_FORMAT = 1
"""Grows with every change of what a signal or a piece of evidence means."""


_OF_TEXTS = frozenset({Group.WORDS, Group.MEANING})
# Learned on 420 passages of French documentation and the English pages that they are
# translated from, and rounded: `benchmarks/languages.py`. Cross-validated there, R@5 of
# whole passages rises from 0.94 to 0.97 and of their first 8 words from 0.65 to 0.74.
_CARRIED: Mapping[str, float] = {
    "bm25_passage": 1.5,
    "bm25_whole": 0.2,
    "coverage": 0.7,
    "cosine_passage": 0.5,
    "cosine_opening": 0.5,
    "cosine_title": 0.1,
}

# Of one like the other: on the sample community with 1.0 a third of what only another
# language tells is found too late, with 1.6 what the asker's own tells comes second.
_CARRIED_SCALE = 1.3


@dataclass(frozen=True, slots=True)
class KindModel:
    """How documents of one kind are ranked.

    Attributes:
        weights: Of each standardised signal by its name; a negative one counts
            against. Signals without weight are not used.
        examples: Questions that the weights were learned from.
    """

    weights: Mapping[str, float]
    calibration: Calibration
    examples: int = 0

    def carried(self) -> KindModel:
        """The same for documents in another language than the question.

        What its words mean there is known by and large: what the best passage shares
        with it says more than what a second one or the whole text does, and a vector
        of words in a row less than that of a sentence. Words and meaning together
        count more, see `_CARRIED_SCALE`.
        """
        texts = {name for name in self.weights if SIGNALS[name].group in _OF_TEXTS}
        # Not of their sizes: what counts against a text makes up for what counts twice.
        own = sum(self.weights[name] for name in texts)
        other = sum(weight for name, weight in _CARRIED.items() if name in texts)
        if own <= 0 or not other:
            return self
        scale = _CARRIED_SCALE * own / other
        weights = {
            name: _CARRIED.get(name, 0.0) * scale if name in texts else weight
            for name, weight in self.weights.items()
        }
        return replace(self, weights=weights)

    def only(self, names: Collection[str]) -> KindModel:
        """The same without the signals that are not named."""
        return replace(
            self,
            weights={name: w for name, w in self.weights.items() if name in names},
            calibration=self.calibration.only({*STANDING, *names}),
        )


@dataclass(frozen=True, slots=True)
class RankingModel:
    """How all kinds are ranked, and where that was learned.

    Attributes:
        kinds: Courses and videos, of which communities link few, are ranked as
            documentation is until there is a model of their own.
        learned_on: Address of the forum; empty for weights set by hand.
        learned_until: No question or link from this moment on had a say.
        thresholds: For some stated precisions, see `kb.thresholds`.
    """

    kinds: Mapping[Kind, KindModel]
    learned_on: str = ""
    learned_until: datetime | None = None
    thresholds: tuple[Thresholds, ...] = ()
    format: int = MODEL_FORMAT

    def of(self, kind: Kind) -> KindModel:
        """The model of a kind."""
        return self.kinds.get(kind) or self.kinds[Kind.DOCS]

    def only(self, names: Collection[str]) -> RankingModel:
        """The same without the signals that are not named.

        Thresholds are those of a ranking by all of its signals: where one of them is
        left out, none are known.
        """
        kinds = {kind: model.only(names) for kind, model in self.kinds.items()}
        if kinds == self.kinds:
            return self
        return replace(self, kinds=kinds, thresholds=())

    def save(self, path: Path) -> None:
        """Write it to a file, whole or not at all.

        Raises:
            ModelError: The file cannot be written.
        """
        try:
            write_whole(path, _ADAPTER.dump_json(self, indent=1))
        except OSError as exc:
            raise ModelError(path, f"cannot be written: {exc}") from exc


_ADAPTER = TypeAdapter(RankingModel)


def load_model(path: Path) -> RankingModel:
    """Read what `RankingModel.save` wrote.

    Raises:
        ModelError: The file cannot be read, holds no model, or one of another format.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise ModelError(path, f"cannot be read: {exc}") from exc
    return _parsed(data, path)


@cache
def shipped_model() -> RankingModel:
    """The model that comes with Baraza, learned on another community."""
    return _packaged("shipped.json")


@cache
def plain_model() -> RankingModel:
    """Weights set by hand, round numbers that no history was needed for."""
    return _packaged("plain.json")


def starting_model(
    forums: Iterable[str],
    first: datetime | None,
    *,
    shipped: RankingModel | None = None,
) -> RankingModel:
    """The shipped model, or the plain one where the shipped one knows the answers.

    Args:
        forums: Addresses of those whose questions are to be ranked for.
        first: When the first of these was asked; ``None``: there is none.
        shipped: Another in its place.
    """
    shipped = shipped or shipped_model()
    # What is learned on several forums names them side by side.
    same = {*map(_host, forums)} & {*map(_host, shipped.learned_on.split())}
    until = shipped.learned_until
    knows = first is not None and (until is None or until > first)
    return plain_model() if same and knows else shipped


def _host(url: str) -> str:
    return url.rstrip("/").rpartition("//")[2].casefold()


def _packaged(name: str) -> RankingModel:
    file = resources.files("kb") / "models" / name
    return _parsed(file.read_bytes(), Path(name))


def _parsed(data: bytes, path: Path) -> RankingModel:
    try:
        model = _ADAPTER.validate_json(data)
    except ValidationError as exc:
        error = exc.errors()[0]
        where = ".".join(map(str, error["loc"]))
        raise ModelError(path, f"{where or 'it'}: {error['msg']}") from exc
    if model.format != MODEL_FORMAT:
        raise ModelError(path, f"has format {model.format}, not {MODEL_FORMAT}")
    for problem in _problems(model):
        raise ModelError(path, problem)
    return model


def _problems(model: RankingModel) -> Iterator[str]:
    """What the types do not tell of a model: the bad field, and what is wrong."""
    until = model.learned_until
    if until is not None and until.tzinfo is None:
        yield "learned_until: expected a time with its zone"
    for kind in (Kind.THREAD, Kind.DOCS):
        if kind not in model.kinds:
            yield f"kinds.{kind} is missing"
    for thresholds in model.thresholds:
        for group in thresholds.groups:
            least = group.threshold.confidence
            if least is not None and not 0 <= least <= 1:
                yield f"thresholds.{group.kind}: expected confidences in [0, 1]"
    for kind, each in model.kinds.items():
        sure = each.calibration
        for name in sorted(set(each.weights) - set(SIGNALS)):
            yield f"kinds.{kind}.weights: no signal {name!r}"
        for name in sorted(set(sure.names) - set(EVIDENCE)):
            yield f"kinds.{kind}.calibration.names: no evidence {name!r}"
        for field, numbers in (
            ("weights", each.weights.values()),
            ("calibration.means", sure.means),
            ("calibration.deviations", sure.deviations),
            ("calibration.weights", sure.weights),
            ("calibration.intercept", [sure.intercept]),
        ):
            if not all(map(math.isfinite, numbers)):
                yield f"kinds.{kind}.{field}: expected finite numbers"
