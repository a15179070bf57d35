"""Does the reply that looks like the solution have the mark?

    python benchmarks/solutions.py TOPICS.jsonl.gz

TOPICS: topics as a forum serves them (``/t/{id}.json``), one a line; those whose
solution is marked are looked at, with the mark hidden.

Prints precision (of the topics where a reply is named, how many are marked there) and
coverage (where one is named), with weights learned from the other topics only
(cross-validation) and with those that the program has, which saw the same topics; and
the weights, for `bot.report.solutions.WEIGHTS`. The lists of words in there, and how
sure is sure enough, were chosen with these topics at hand: only the weights are
cross-validated.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from bot.report.records import Post, Reply, Thread, Voice
from bot.report.solutions import (
    LEAST,
    WEIGHTS,
    Candidate,
    candidates,
    likely_solution,
)
from indexer.wire import read_topic
from kb.metrics import wilson_interval
from kb.types import DocumentId

FOLDS = 10
SEED = 0
# Strength of the pull to zero, of all weights but that of *none*.
RIDGE = 2.0
# A topic page brings so many posts; what lies beyond takes more requests.
FIRST_PAGE = 20
_NAMES = tuple(name for name in WEIGHTS if name != "none")
Weights = Mapping[str, float]
Outcome = tuple[float, bool]
"""How sure the best reply is, and whether it is the marked one."""
NOTHING: Outcome = (0.0, False)


@dataclass(frozen=True, slots=True)
class Solved:
    """A topic whose solution is known.

    Attributes:
        accepted: Number of the post that is marked; no record in here tells it.
    """

    thread: Thread
    posts: Mapping[int, Post]
    accepted: int


def read(path: Path) -> tuple[Solved, ...]:
    """The topics of a file that are marked as solved."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        found = [_solved(json.loads(line)) for line in lines]
    return tuple(each for each in found if each is not None)


def _solved(data: object) -> Solved | None:
    page = read_topic(data, "sample")
    opening, *replies = page.posts.kept
    marked = [post.number for post in replies if post.accepted]
    if not marked or opening.number != 1:
        return None

    def voice(user_id: int | None, name: str | None) -> Voice:
        if user_id is not None and user_id <= 0:
            return "bot"
        return "asker" if name == opening.username else "person"

    thread = Thread(
        id=DocumentId(page.id),
        source="sample",
        key=str(page.id),
        url="",
        title=page.title,
        created_at=opening.created_at,
        asker=opening.username or "",
        asker_name=opening.username or "",
        staff=opening.staff,
        replies=tuple(
            Reply(
                number=post.number,
                member=post.username or "",
                name=post.username or "",
                voice=voice(post.user_id, post.username),
                at=post.created_at,
                likes=post.likes,
                staff=post.staff,
                reply_to=post.reply_to,
            )
            for post in replies
        ),
    )
    posts = {p.number: Post(p.number, p.body, p.format) for p in page.posts.kept}
    return Solved(thread, posts, marked[0])


# -- learning ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Lesson:
    """Rows of features, one per reply; which of them is right, or after the last one:
    none."""

    rows: NDArray[np.float64]
    right: int


def learn(topics: Iterable[Solved]) -> dict[str, float]:
    """The weights of a regularised softmax over the replies of a topic and *none*."""
    return _fit([lesson for topic in topics for lesson in _lessons(topic)])


def cross_validated(topics: Sequence[Solved]) -> list[Outcome]:
    """What becomes of each topic by weights that others taught."""
    lessons = [_lessons(topic) for topic in topics]
    order = np.random.default_rng(SEED).permutation(len(topics))
    outcomes = [NOTHING] * len(topics)
    for fold in range(FOLDS):
        held_out = set(order[fold::FOLDS].tolist())
        weights = _fit(
            [
                each
                for i, some in enumerate(lessons)
                if i not in held_out
                for each in some
            ]
        )
        for i in held_out:
            outcomes[i] = outcome(topics[i], weights)
    return outcomes


def outcome(topic: Solved, weights: Weights = WEIGHTS) -> Outcome:
    guess = likely_solution(topic.thread, topic.posts, least=0, weights=weights)
    return (guess.sure, guess.number == topic.accepted) if guess else NOTHING


def tally(outcomes: Iterable[Outcome], least: float = LEAST) -> tuple[int, int]:
    """How many are right, of how many that are named."""
    named = [right for sure, right in outcomes if sure >= least]
    return sum(named), len(named)


def _lessons(topic: Solved) -> list[_Lesson]:
    """A topic as it is, and as it was before its solution was written: where other
    people had replied by then, none of these is it."""
    if not topic.thread.by_people:
        return []
    whole = candidates(topic.thread, topic.posts)
    right = [each.reply.number for each in whole].index(topic.accepted)
    lessons = [_Lesson(_rows(whole), right)]
    before = tuple(r for r in topic.thread.replies if r.number < topic.accepted)
    earlier = replace(topic.thread, replies=before)
    if earlier.by_people:
        rows = _rows(candidates(earlier, topic.posts))
        lessons.append(_Lesson(rows, len(rows)))
    return lessons


def _rows(found: Sequence[Candidate]) -> NDArray[np.float64]:
    return np.array([[each.features.get(n, 0.0) for n in _NAMES] for each in found])


def _fit(lessons: Sequence[_Lesson]) -> dict[str, float]:
    count, width = len(lessons), len(_NAMES)
    longest = max(len(lesson.rows) for lesson in lessons)
    # The last place is none; its only feature is a one of its own.
    rows = np.zeros((count, longest + 1, width + 1))
    absent = np.ones((count, longest + 1), dtype=bool)
    right = np.zeros((count, longest + 1))
    for i, lesson in enumerate(lessons):
        n = len(lesson.rows)
        rows[i, :n, :width] = lesson.rows
        rows[i, longest, width] = 1
        absent[i, :n] = absent[i, longest] = False
        right[i, lesson.right if lesson.right < n else longest] = 1
    pull = np.append(np.full(width, RIDGE), 0)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = np.where(absent, -np.inf, rows @ weights)
        scores -= scores.max(axis=1, keepdims=True)
        shares = np.exp(scores)
        shares /= shares.sum(axis=1, keepdims=True)
        told = -np.log(shares[right == 1]).sum() + (pull * weights**2).sum() / 2
        slope = np.einsum("tc,tcf->f", shares - right, rows) + pull * weights
        return float(told), slope

    found = minimize(loss, np.zeros(width + 1), jac=True, method="L-BFGS-B").x
    return dict(zip((*_NAMES, "none"), map(float, found), strict=True))


# -- measuring ---------------------------------------------------------------------

Baseline = Callable[[Thread], int]
BASELINES: Mapping[str, Baseline] = {
    "first reply by another": lambda thread: thread.by_people[0].number,
    "last reply by another": lambda thread: thread.by_people[-1].number,
    "most liked by another": lambda thread: (
        max(thread.by_people, key=lambda reply: (reply.likes, -reply.number)).number
    ),
}


def groups(topics: Sequence[Solved]) -> dict[str, list[int]]:
    """Places of topics, by what is told of them."""
    others = [i for i, each in enumerate(topics) if each.thread.by_people]
    return {
        "marked, and others replied, on the first page": [
            i for i in others if topics[i].accepted <= FIRST_PAGE
        ],
        "marked, and others replied": others,
        "two or more replies by others": [
            i for i in others if len(topics[i].thread.by_people) > 1
        ],
        "all that are marked": list(range(len(topics))),
    }


def _line(name: str, outcomes: Sequence[Outcome], least: float = LEAST) -> str:
    right, named = tally(outcomes, least)
    low, high = wilson_interval(right, named) if named else (0.0, 1.0)
    return (
        f"    {name:28}{right / max(1, named):.3f} ({low:.3f} to {high:.3f})"
        f"{right:6} of {named:3}{named / len(outcomes):10.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("topics", type=Path)
    topics = read(parser.parse_args().topics)
    if not topics:
        raise SystemExit("no topic in there is marked as solved")
    told = {
        "cross-validated": cross_validated(topics),
        "as shipped": [outcome(topic) for topic in topics],
    }
    for name, choose in BASELINES.items():
        told[name] = [
            (1.0, choose(each.thread) == each.accepted)
            if each.thread.by_people
            else NOTHING
            for each in topics
        ]
    places = groups(topics)
    print("precision with its 95 % interval, right of named, coverage")
    for group, some in places.items():
        print(f"{group}: {len(some)}")
        for name, outcomes in told.items():
            print(_line(name, [outcomes[i] for i in some]))
    first, *_ = places
    print(f"{first}, cross-validated, by how sure it must be:")
    for least in (0.0, 0.3, 0.35, 0.4, 0.45, 0.5):
        outcomes = [told["cross-validated"][i] for i in places[first]]
        print(_line(f"{least:.2f}", outcomes, least))
    print("weights, learned from all of them:")
    weights = learn(topics)
    for name in WEIGHTS:
        print(f'    "{name}": {weights[name]:.2f},')


if __name__ == "__main__":
    main()
