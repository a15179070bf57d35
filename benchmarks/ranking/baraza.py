"""Baraza's own rows: with all signals, and with each group of them switched off.

One walk for all of them: finding the candidates is what takes the time, and every
row ranks the same ones. What is switched off is neither ranked by nor learned from.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import closing
from typing import Any

from benchmarks.ranking.task import Task
from bot.past import open_past
from bot.replay import questions_of, row_of
from bot.study import meet, walk
from kb.learner import Learner
from kb.model import starting_model
from kb.signals import Group, without

ALL = "baraza"
PREFIX = "without-"

TITLES: Mapping[str, str] = {ALL: "Baraza"} | {
    f"{PREFIX}{group}": f"Baraza without {group}" for group in Group
}


def rank_all(
    task: Task, names: Collection[str], forum_url: str
) -> dict[str, list[dict[str, Any]]]:
    """The runs of the rows named, as `baraza replay` makes them."""
    questions = questions_of(task.history, task.labels)
    model = starting_model([forum_url], min(asked.at for asked in questions))
    learners = {
        name: Learner(
            model, without([name.removeprefix(PREFIX)] if name != ALL else [])
        )
        for name in names
    }
    labels = {
        thread.id: label
        for label in task.asked
        if (thread := task.history.thread(label.topic_id)) is not None
    }
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    with closing(open_past(task.history, task.vectors, task.embedder)) as past:
        for found in walk(
            task.history,
            past,
            questions,
            task.embedder,
            depth=task.depth,
            progress=task.progress,
        ):
            for name, learner in learners.items():
                met = meet(found, learner)
                label = labels.get(found.asked.document_id)
                if label is not None:
                    runs[name].append(row_of(label, met.ranked, task.history))
    return runs
