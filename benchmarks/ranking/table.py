"""The figures of all rows, for machines and as a table in Markdown; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from benchmarks.ranking.scoring import (
    KIND_NAMES,
    METRICS,
    SUREST_NAME,
    Interval,
    KindScores,
    difference,
)

# What the difference to the reference is one of.
MAIN = "nDCG@10"

Runs = Mapping[str, Mapping[str, KindScores]]
"""Scores by kind, by the name of the row."""


def figures(runs: Runs, reference: str | None) -> dict[str, Any]:
    """Per kind the number of questions, and per row its figures.

    Args:
        reference: Row that the others are compared with; left out where *runs*
            lacks it.
    """
    told: dict[str, Any] = {}
    for kind in KIND_NAMES:
        scores = {
            name: by_kind[kind] for name, by_kind in runs.items() if kind in by_kind
        }
        if not scores:
            continue
        base = scores.get(reference) if reference is not None else None
        rows: dict[str, Any] = {}
        for name, of_row in scores.items():
            rows[name] = of_row.summary()
            if base is not None and name != reference:
                apart = difference(of_row.metrics[MAIN], base.metrics[MAIN])
                rows[name]["difference"] = asdict(apart)
        told[kind] = {
            "questions": next(iter(scores.values())).questions,
            "reference": reference if base is not None else None,
            "rows": rows,
        }
    return told


def shown(told: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """What `figures` made, as a table per kind."""
    return "\n\n".join(_table(kind, of_kind, titles) for kind, of_kind in told.items())


def _table(kind: str, of_kind: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    names = [*METRICS, SUREST_NAME]
    head = [f"{kind}, n = {of_kind['questions']:,}", *METRICS]
    head.append("P@1 of the surest 10 %")
    reference = of_kind["reference"]
    if reference is not None:
        head.append(f"{MAIN} against {titles.get(reference, reference)} (95 %)")
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for name, values in of_kind["rows"].items():
        cells = [titles.get(name, name), *(f"{values[each]:.3f}" for each in names)]
        if reference is not None:
            apart = values.get("difference")
            cells.append(_interval(Interval(**apart)) if apart else "")
        lines.append(cells)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _interval(apart: Interval) -> str:
    """
    >>> _interval(Interval(-0.0514, -0.06, -0.04))
    '-0.051 (-0.060 to -0.040)'
    """
    return f"{apart.mean:+.3f} ({apart.low:+.3f} to {apart.high:+.3f})"
