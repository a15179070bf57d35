"""Section 5, gaps: what people ask and no page, course or video answers. Pure.

What the community's own helpers did weighs more than what a model finds near: a page
that they linked answers, whatever its cosine. And how near is near enough is learned
from the questions that they answered with a page, where there are enough of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bot.report.clusters import (
    Common,
    clusters,
    common_words,
    in_batches,
    labelled,
    shown,
    subject_near,
)
from bot.report.health import topic_of
from bot.report.model import Gap, Gaps, Resource
from bot.report.records import Float32, Meanings, Past, Texts, Thread
from kb.types import DocumentId, Kind, PassageId

Describe = Callable[[Sequence[PassageId]], Mapping[PassageId, Resource]]
"""Names passages to a reader; those that nobody may be shown are absent."""

Linked = Mapping[DocumentId, Sequence[Resource]]
"""The pages, courses and videos that helpers linked in threads, each once a thread."""

MISSING, NOT_FOUND = "missing", "not_found"

_KINDS = (Kind.DOCS, Kind.COURSE, Kind.VIDEO)
SIZE = 3
# A passage is near when it is nearer than the nearest one of a quarter of the questions
# that helpers answered with a page.
_QUANTILE = 0.25
_ANSWERED, _ANSWERED_MOST = 30, 1_000
# Without enough of these; with the packaged model 0.54 on the Slicer forum.
_NEAR = 0.55
# Of a cluster; one that somebody linked a page in once in ten times has none.
_LINKED = 0.1
_HALF = 0.5
# How many of the largest clusters are looked at, and how many questions of each.
_CLUSTERS, _MEMBERS = 300, 20
_PASSAGES, _NEAREST, _LINKS, _TOPICS, _WORDS = 5, 3, 5, 25, 6


def gaps(
    past: Past,
    texts: Texts,
    meanings: Meanings | None,
    *,
    linked: Linked,
    describe: Describe,
    common: Common | None = None,
    limit: int = 30,
) -> Gaps:
    """Clusters of questions that nothing answers, or nothing that people find.

    A cluster is *missing* where most of its questions have nothing near, and hardly
    anybody linked anything in them (one in ten at most). All others are *not found*:
    there is something, and so many ask all the same.

    Args:
        meanings: ``None``, without an index, finds nothing.
        linked: In threads of any time, from which it is learned what is near.
        common: See `common_words`; made from all threads unless given.
        limit: At most so many, largest first; of each verdict half, or more where there
            are fewer of the other.
    """
    looked_at = past.asked
    if meanings is None or not looked_at:
        return Gaps(len(looked_at), ())
    ids, vectors = meanings.of([thread.id for thread in looked_at])
    enough = subject_near(past, meanings)
    around = clusters(vectors, threshold=enough, size=SIZE)[:_CLUSTERS]
    if not around:
        return Gaps(len(looked_at), ())
    near = _near(meanings, linked)
    by_id = {thread.id: thread for thread in looked_at}
    looked = _looked(meanings, [vectors[rows[:_MEMBERS]] for rows in around])
    found = [
        _cluster(
            [by_id[DocumentId(int(ids[row]))] for row in rows], passages, near, linked
        )
        for rows, passages in zip(around, looked, strict=True)
    ]
    chosen = _chosen(found, limit)
    wanted = {thread.id for each in chosen for thread in each.threads}
    openings = dict(in_batches(texts, wanted))
    common = common or common_words(past.threads, texts)
    return Gaps(
        len(looked_at),
        tuple(_gap(each, openings, common, linked, describe) for each in chosen),
    )


@dataclass(frozen=True, slots=True)
class _Cluster:
    """Attributes:
    threads: The middle one first.
    verdict: See `gaps`.
    passages: Nearest to most of them first, with the highest cosine to any.
    """

    threads: tuple[Thread, ...]
    verdict: str
    passages: tuple[tuple[PassageId, float], ...]


_Nearest = list[tuple[PassageId, float]]


def _near(meanings: Meanings, linked: Linked) -> float:
    """From which cosine on a passage is near a question, learned from those that
    helpers answered with a page."""
    ids, vectors = meanings.of([i for i, resources in linked.items() if resources])
    if len(ids) < _ANSWERED:
        return _NEAR
    # Rounded up: at most so many of them, evenly spread over all.
    step = -(-len(ids) // _ANSWERED_MOST)
    best = [_best(each) for each in _nearest(meanings, vectors[::step])]
    return float(np.quantile(best, _QUANTILE))


def _nearest(meanings: Meanings, vectors: Float32) -> list[_Nearest]:
    """For each of *vectors* the nearest passages of each kind."""
    by_kind = [meanings.nearest_pages(vectors, kind, _PASSAGES) for kind in _KINDS]
    return [
        [pair for near in each for pair in near] for each in zip(*by_kind, strict=True)
    ]


def _best(near: _Nearest) -> float:
    return max((cosine for _, cosine in near), default=-1.0)


def _looked(meanings: Meanings, around: Sequence[Float32]) -> list[list[_Nearest]]:
    """The nearest passages of the questions of each cluster, asked for at once."""
    found = iter(_nearest(meanings, np.concatenate(around)))
    return [[next(found) for _ in vectors] for vectors in around]


def _cluster(
    threads: Sequence[Thread], looked: list[_Nearest], near: float, linked: Linked
) -> _Cluster:
    is_near = sum(_best(each) >= near for each in looked)
    with_links = sum(bool(linked.get(thread.id)) for thread in threads)
    missing = is_near < _HALF * len(looked) and with_links <= _LINKED * len(threads)
    cosines: defaultdict[PassageId, list[float]] = defaultdict(list)
    for each in looked:
        for passage, cosine in each:
            cosines[passage].append(cosine)
    ranked = sorted(cosines, key=lambda i: (-round(sum(cosines[i]), 4), i))
    return _Cluster(
        tuple(threads),
        MISSING if missing else NOT_FOUND,
        tuple((i, max(cosines[i])) for i in ranked),
    )


def _chosen(found: Sequence[_Cluster], limit: int) -> list[_Cluster]:
    """The largest, half of them of each verdict where there are as many."""
    missing = [each for each in found if each.verdict == MISSING]
    others = [each for each in found if each.verdict != MISSING]
    few = min(len(missing), max(limit // 2, limit - len(others)))
    kept = {id(each) for each in (*missing[:few], *others[: limit - few])}
    return [each for each in found if id(each) in kept]


def _gap(
    cluster: _Cluster,
    openings: Mapping[DocumentId, str],
    common: Common,
    linked: Linked,
    describe: Describe,
) -> Gap:
    threads = cluster.threads
    return Gap(
        verdict=cluster.verdict,
        # Where no word tells them from others, what one of them is called.
        words=labelled(threads, openings, common, limit=_WORDS) or _title(threads[0]),
        size=len(threads),
        unanswered=sum(not thread.by_people for thread in threads),
        topics=tuple(map(topic_of, threads[:_TOPICS])),
        nearest=_resources(cluster.passages, describe),
        linked=_links(threads, linked),
    )


def _title(thread: Thread) -> tuple[str, ...]:
    return (thread.title,) if thread.title.strip() else ()


def _resources(
    passages: Sequence[tuple[PassageId, float]], describe: Describe
) -> tuple[Resource, ...]:
    """The first documents of *passages* that may be shown, each once."""
    # Several may be of one page, and some of what nobody may be led to.
    some = passages[: _NEAREST * _PASSAGES]
    described = describe([i for i, _ in some])
    found: dict[str, Resource] = {}
    for i, cosine in some:
        if i in described:
            page = described[i].url.partition("#")[0]
            found.setdefault(page, replace(described[i], similarity=shown(cosine)))
    return tuple(found.values())[:_NEAREST]


def _links(
    threads: Sequence[Thread], linked: Linked
) -> tuple[tuple[Resource, int], ...]:
    counts: Counter[str] = Counter()
    resources: dict[str, Resource] = {}
    for thread in threads:
        own = {resource.url: resource for resource in linked.get(thread.id, ())}
        counts.update(own.keys())
        resources = own | resources
    urls = sorted(counts, key=lambda url: (-counts[url], url))
    return tuple((resources[url], counts[url]) for url in urls[:_LINKS])
