"""What a replay found, in a file that `baraza readiness` reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kb.errors import SourceError
from kb.metrics import wilson_interval
from kb.types import Kind
from kb.whole import write_whole

if TYPE_CHECKING:
    from bot.replay_report import KindFigures

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Measured:
    """How often suggestions of a kind were right on questions nobody had seen.

    Attributes:
        asked: The precision that thresholds were chosen for.
        questions: That people answered with links of that kind.
        shown: Of these, those with a suggestion that was sure enough.
        right: Of these, those whose first suggestion people linked.
        confidence: From which on a suggestion is sure enough in the end; ``None``:
            no confidence is.
    """

    kind: Kind
    asked: float
    questions: int
    shown: int
    right: int
    confidence: float | None

    @classmethod
    def of_shares(
        cls,
        kind: Kind,
        *,
        asked: float,
        questions: int,
        coverage: float,
        precision: float | None,
        confidence: float | None,
    ) -> Measured:
        """The counts behind shares.

        Args:
            coverage: Share of *questions* with a suggestion that was sure enough.
            precision: Share of those that was right; ``None`` if there were none.
        """
        shown = round(coverage * questions)
        right = round((precision or 0.0) * shown)
        return cls(kind, asked, questions, shown, right, confidence)

    @property
    def precision(self) -> float | None:
        """The share that was right of what was shown; ``None`` if nothing was."""
        return self.right / self.shown if self.shown else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Its 95 % interval (Wilson)."""
        return wilson_interval(self.right, self.shown) if self.shown else None


def measured(figures: Sequence[KindFigures]) -> tuple[Measured, ...]:
    """What a replay's figures say, for all languages together."""
    return tuple(
        Measured.of_shares(
            kind.kind,
            asked=each.asked,
            questions=each.n,
            coverage=each.coverage,
            precision=each.precision,
            confidence=None if each.chosen is None else each.chosen.confidence,
        )
        for kind in figures
        for each in kind.thresholds
        if each.language is None
    )


def save_figures(path: Path, found: Sequence[Measured]) -> None:
    """Write them, whole or not at all.

    Raises:
        SourceError: The file cannot be written.
    """
    content = {"format": _FORMAT, "measured": [asdict(each) for each in found]}
    try:
        write_whole(path, (json.dumps(content, indent=1) + "\n").encode())
    except OSError as exc:
        raise SourceError(str(path), f"cannot be written: {exc}") from exc


def load_figures(path: Path) -> tuple[Measured, ...]:
    """Read what `save_figures` wrote.

    Raises:
        SourceError: It cannot be read, or is something else.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["format"] != _FORMAT:
            raise ValueError(f"format {content['format']} is not known")
        return tuple(_measured(each) for each in content["measured"])
    except OSError as exc:
        raise SourceError(str(path), f"cannot be read: {exc.strerror}") from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise SourceError(
            str(path), f"expected what baraza replay --figures wrote ({exc})"
        ) from exc


def _measured(values: dict[str, Any]) -> Measured:
    found = Measured(**{**values, "kind": Kind(values["kind"])})
    counts = (found.right, found.shown, found.questions)
    if not all(type(count) is int for count in counts) or not (
        0 <= found.right <= found.shown <= found.questions and 0 < found.asked < 1
    ):
        raise ValueError("counts that cannot be")
    return found
