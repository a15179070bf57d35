"""Section 2, probably the same: new questions that repeat solved ones, and each other.

Pure. Two questions are taken for the same when they are much nearer than any two of
their forum, and share rare words, and enough of what else says something: what all
questions have, "thanks, how do I", makes none a repeat.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from bot.escape import shortened, visible
from bot.report.clusters import (
    Common,
    as_written,
    clusters,
    common_words,
    cosines,
    in_batches,
    labelled,
    near_enough,
    nearest,
    shown,
    whole,
    words_of,
)
from bot.report.health import topic_of
from bot.report.model import OpenCluster, Repeat, Repeats, Resource
from bot.report.records import Float32, Meanings, Past, Post, Texts, Thread
from indexer.blocks import Block, join_blocks
from indexer.clean import clean_body
from kb.types import DocumentId, Format, Kind

IsSolved = Callable[[Thread], int | None]
"""Tells the number of the post that solves a thread; ``None``: none does."""

# With the packaged model 0.73 on the Slicer forum, where of the 41 found in half a year
# 32 were repeats, as read by a person.
_DEVIATIONS = 4.5
_LEAST = 0.65
# Of the weight of the words of two questions, how much is of words that both have.
_OVERLAP = 0.23
_RARE_WORDS = 2
# Earlier questions that are looked at for one.
_EARLIER = 12
# The newest are compared with all before them; of a whole history not each one.
_NEW = 4_000
_WORDS = 6
_PASSAGE_CHARS = 280
# Of the answer, among which its passage is sought.
_BLOCKS = 50


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question by its words.

    Attributes:
        weights: How much each says.
        total: How much all of them say.
        title: Those of its title.
    """

    weights: Mapping[str, float]
    total: float
    title: frozenset[str]


def repeats(
    past: Past,
    texts: Texts,
    meanings: Meanings | None,
    *,
    is_solved: IsSolved,
    open_ids: Collection[DocumentId],
    common: Common | None = None,
    limit: int = 50,
) -> Repeats:
    """New questions that repeat a solved one, and open ones that ask the same.

    Args:
        meanings: ``None``, without an index, finds nothing.
        is_solved: Asked only of threads that may be told of, each once.
        open_ids: Of the questions that no person has answered.
        common: See `common_words`; made from all threads unless given.
        limit: Of each, at most so many: the most alike, and the largest clusters.
    """
    if meanings is None or not past.threads:
        return Repeats((), ())
    ids, vectors = meanings.of([thread.id for thread in past.threads])
    if not len(ids):
        return Repeats((), ())
    enough = near_enough(vectors, deviations=_DEVIATIONS, least=_LEAST)
    common = common or common_words(past.threads, texts)
    same = _Same(texts, common)
    # In the order of time, as the threads are.
    known = {DocumentId(int(i)): row for row, i in enumerate(ids)}
    threads = [thread for thread in past.threads if thread.id in known]
    ordered = whole(vectors[[known[thread.id] for thread in threads]])
    found = _repeats(past, texts, same, threads, ordered, enough, is_solved)
    chosen = frozenset(open_ids)
    is_open = [thread for thread in threads if thread.id in chosen]
    rows = [known[thread.id] for thread in is_open]
    return Repeats(
        tuple(sorted(found, key=_most_alike)[:limit]),
        tuple(_clusters(same, is_open, vectors[rows], enough)[:limit]),
    )


def _most_alike(repeat: Repeat) -> tuple[float, float, str, str]:
    topic = repeat.topic
    return -repeat.similarity, -topic.created_at.timestamp(), topic.source, topic.key


class _Same:
    """Tells whether two questions are the same by their words; reads each once."""

    def __init__(self, texts: Texts, common: Common) -> None:
        self._texts = texts
        self.common = common
        self.openings: dict[DocumentId, str] = {}
        self._asked: dict[DocumentId, _Asked] = {}

    def read(self, threads: Collection[Thread]) -> None:
        """Get ready to compare these."""
        new = {each.id: each for each in threads if each.id not in self._asked}
        for i, text in in_batches(self._texts, new):
            thread = new[i]
            self.openings[i] = text
            weights = {
                word: self.common.weight(word, thread.language)
                for word in sorted(words_of(text, thread.language))
            }
            self._asked[i] = _Asked(
                weights,
                sum(weights.values()),
                words_of(thread.title, thread.language),
            )

    def shared(self, one: Thread, other: Thread) -> tuple[str, ...]:
        """The rare words that make two questions the same, those of titles first, then
        the rarest; none: they are not."""
        a, b = self._asked.get(one.id), self._asked.get(other.id)
        if a is None or b is None:
            return ()
        both = [word for word in a.weights if word in b.weights]
        if sum(a.weights[word] for word in both) < _OVERLAP * math.sqrt(
            a.total * b.total
        ):
            return ()
        languages = (one.language, other.language)
        rare = [
            word
            for word in both
            if all(self.common.is_rare(word, language) for language in languages)
        ]
        if len(rare) < _RARE_WORDS:
            return ()
        titles = a.title | b.title
        return tuple(
            sorted(rare, key=lambda word: (word not in titles, -a.weights[word], word))
        )

    def written(
        self, stems: Sequence[str], threads: Sequence[Thread]
    ) -> tuple[str, ...]:
        """Stems as these threads write them."""
        return as_written(
            stems, [(self.openings[each.id], each.language) for each in threads]
        )

    def weights(self, thread: Thread) -> Mapping[str, float]:
        """How much each of a question's words says."""
        return self._asked[thread.id].weights


def _repeats(
    past: Past,
    texts: Texts,
    same: _Same,
    threads: Sequence[Thread],
    vectors: Float32,
    enough: float,
    is_solved: IsSolved,
) -> Iterator[Repeat]:
    asked = {thread.id for thread in past.asked}
    new = [row for row, thread in enumerate(threads) if thread.id in asked][-_NEW:]
    rows = np.array(new, dtype=np.int64)
    pairs: list[tuple[Thread, list[tuple[Thread, float]]]] = []
    near = nearest(vectors[rows], vectors, threshold=enough, most=_EARLIER, before=rows)
    for row, (columns, likeness) in zip(new, near, strict=True):
        earlier = [
            (threads[int(columns[place])], float(likeness[place]))
            for place in np.lexsort((columns, -likeness))
        ]
        if earlier:
            pairs.append(
                (threads[row], [each for each in earlier if not each[0].by_bot])
            )
    same.read([each for new, old in pairs for each in (new, *(t for t, _ in old))])
    solution = _once(is_solved)
    for thread, earlier in pairs:
        for before, cosine in earlier:
            shared = same.shared(thread, before)
            if not shared or solution(thread) is not None:
                continue
            answer = _answer(before, solution(before), texts, same.weights(thread))
            if answer is not None:
                yield Repeat(
                    topic_of(thread),
                    topic_of(before),
                    shown(cosine),
                    answer,
                    same.written(shared[:_WORDS], [thread, before]),
                    marked=before.solved,
                )
                break


def _once(is_solved: IsSolved) -> IsSolved:
    known: dict[DocumentId, int | None] = {}

    def solution(thread: Thread) -> int | None:
        if thread.id not in known:
            known[thread.id] = is_solved(thread)
        return known[thread.id]

    return solution


def _answer(
    thread: Thread, number: int | None, texts: Texts, weights: Mapping[str, float]
) -> Resource | None:
    """The post that solves a thread, with its passage that has most of the words of
    another question; ``None`` where nothing of it may be told."""
    if number is None:
        return None
    post = texts.posts([thread.id]).get(thread.id, {}).get(number)
    passage = "" if post is None else _passage(post, thread.language, weights)
    if not passage:
        return None
    return Resource(
        kind=Kind.THREAD,
        title=thread.title,
        url=f"{thread.url}/{number}",
        passage=passage,
    )


def _passage(post: Post, language: str | None, weights: Mapping[str, float]) -> str:
    # The store keeps no other format.
    blocks = clean_body(post.body, cast(Format, post.format))[:_BLOCKS]
    texts = [_from(blocks, start) for start in range(len(blocks))]

    def said(start: int) -> float:
        found = words_of(texts[start][:_PASSAGE_CHARS], language)
        return sum(weights.get(word, 0.0) for word in sorted(found))

    # A short post is told from its beginning; of a long one, from where it says most.
    starts = range(len(texts) if texts and len(texts[0]) > _PASSAGE_CHARS else 0)
    best = max(starts, key=lambda start: (round(said(start), 6), -start), default=0)
    return shortened(texts[best], _PASSAGE_CHARS) if texts else ""


def _from(blocks: Sequence[Block], start: int) -> str:
    """What follows from a block on, on one line; a bit more than is told."""
    following: list[Block] = []
    length = 0
    for block in blocks[start:]:
        text = block.text[: 4 * _PASSAGE_CHARS]
        following.append(replace(block, text=text))
        length += len(text)
        if length > 2 * _PASSAGE_CHARS:
            break
    return visible(join_blocks(following))


def _clusters(
    same: _Same, threads: Sequence[Thread], vectors: Float32, enough: float
) -> list[OpenCluster]:
    """Open questions around one that they repeat, largest cluster first."""
    around = clusters(vectors, threshold=enough, size=2)
    same.read([threads[int(row)] for rows in around for row in rows])
    found: list[tuple[list[Thread], float]] = []
    for rows in around:
        first = threads[int(rows[0])]
        kept = [row for row in rows[1:] if same.shared(first, threads[int(row)])]
        if kept:
            points = whole(vectors[[rows[0], *kept]])
            least = float(cosines(points[:1], points[1:]).min())
            found.append(([first, *(threads[int(row)] for row in kept)], least))
    found.sort(key=lambda each: (-len(each[0]), each[0][0].id))
    return [
        OpenCluster(
            # Where all of a forum ask the same, no word tells them from others.
            labelled(members, same.openings, same.common, limit=_WORDS)
            or same.written(same.shared(*members[:2])[:_WORDS], members[:2]),
            shown(least),
            tuple(map(topic_of, members)),
        )
        for members, least in found
    ]
