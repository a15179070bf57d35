"""Section 4, who could help: members who answered questions like an open one, and are
still about. Pure.

How a member ranks is a log-linear model of who answers a question first. Its weights
were learned from the earlier half of one forum's history with its three most active
members left out: these answer most questions anyway, and the others are hard to find.
``benchmarks/who_helps.py`` measures it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bot.report.clusters import cosines, whole
from bot.report.model import Helper, Load
from bot.report.records import Float32, Int64, Past, Thread
from kb.store.members import folded
from kb.types import DocumentId

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
Vectors = tuple[Int64, Float32]
"""As `bot.report.records.Meanings.of` gives them."""

RegionsOf = Callable[[Mapping[str, str]], Mapping[str, str]]
"""Given members, their names by key, of which somebody may have several, tells regions
by key."""

# An answer counts by how like its question is, exp(20 (cosine - 1)), and half as much
# with each 180 days of its age. That somebody is busy fades within weeks.
_SHARPNESS = 20.0
_DAY_S = 86_400.0
_HALF_LIFE_S, _BUSY_HALF_LIFE_S = 180 * _DAY_S, 30 * _DAY_S
# What each part weighs. Near and busy are logarithms of shares among those who may be
# suggested; away, of the days since somebody last answered; profile is the cosine to
# all that a member ever answered, so that a specialist may come before who answers
# everything; known, that it was this asker whom somebody answered.
_NEAR, _BUSY, _AWAY, _PROFILE, _KNOWN = 0.3, 0.65, -0.25, 6.0, 0.5
# Without a vector likeness is in category and tags, and stands for the profile too.
_NEAR_BY_CATEGORY = 0.8
_NO_SHARE = 1e-3
# An answer that is marked as the solution counts twice.
_ACCEPTED = 1.0

# Cosines in memory at once, 4 bytes each.
_BLOCK = 8_000_000
_ROWS = 1_024
# Equal scores stay equal; further digits are no knowledge.
_DIGITS = 9
_NOBODY = -1


@dataclass(frozen=True, slots=True)
class HelperSettings:
    """Attributes:
    per_question: Members who are suggested for one question, at most.
    load: Questions of one report for which a member is suggested, at most.
    recent: Who answered nobody for so long is not suggested.
    neighbours: So many most similar questions are looked at; who answered none of
        them is not suggested.
    """

    per_question: int = 3
    load: int = 3
    recent: timedelta = timedelta(days=90)
    neighbours: int = 100


DEFAULTS = HelperSettings()


@dataclass(frozen=True, slots=True)
class Suggested:
    """Attributes:
    by_question: Best first; empty where there is nobody.
    load: Everybody who is suggested, those for most questions first.
    """

    by_question: Mapping[DocumentId, tuple[Helper, ...]]
    load: tuple[Load, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Who could answer one question, best first; arrays of the same length.

    Attributes:
        people: As `Record.person` numbers them.
        scores: How likely each is to be the first of them who answers; all together 1.
        solved: How many neighbours they were first to answer, or solved.
        helped: How many neighbours they answered at all.
        neighbours: How many were looked at.
        by_meaning: They are the most similar ones; else the latest that share category
            or tags.
    """

    people: Int64
    scores: Float64
    solved: Int64
    helped: Int64
    neighbours: int
    by_meaning: bool


def suggest(
    past: Past,
    asked: Sequence[DocumentId],
    vectors: Vectors | None,
    *,
    at: datetime,
    profile_url: Callable[[str, str], str],
    settings: HelperSettings = DEFAULTS,
    regions: RegionsOf = lambda _members: {},
    left_out: Collection[str] = (),
) -> Suggested:
    """Up to three members for each question, nobody for too many of them.

    Who is full makes room for the next best, see `assign`.

    Args:
        asked: Open questions; what is not in *past* is passed over.
        vectors: Of all threads of *past* that are indexed; ``None``: there is no index.
            A question without one is compared by category and tags.
        at: What was written then or later does not count.
        profile_url: Tells by source and name where the forum shows a member.
        regions: Tells where those are from who are suggested; asked once, if anybody
            is.
        left_out: Keys of members who are not suggested, beside those who opted out.
    """
    record = Record(past.threads, vectors)
    threads = [record.threads[i] for i in dict.fromkeys(asked) if i in record.threads]
    unwilling = {record.person(member) for member in {*past.opted_out, *left_out}}
    standing = Standing(record, at, settings.recent, left_out=unwilling)
    rankings = list(standing.rankings(threads, settings.neighbours))
    assigned = assign(rankings, settings)
    load = Counter(
        int(ranking.people[place])
        for ranking, places in zip(rankings, assigned, strict=True)
        for place in places
    )
    busiest = sorted(load, key=lambda person: (-load[person], person))
    members = {
        key: record.people.names[person]
        for person in busiest
        for key in sorted(record.people.keys[person])
    }
    known = regions(members) if members else {}
    by_question: dict[DocumentId, tuple[Helper, ...]] = {}
    first: dict[int, Helper] = {}
    for thread, ranking, places in zip(threads, rankings, assigned, strict=True):
        helpers = []
        for place in places:
            person = int(ranking.people[place])
            name = record.people.names[person]
            helper = Helper(
                name=name,
                url=profile_url(thread.source, name),
                score=round(float(ranking.scores[place]), 4),
                solved=int(ranking.solved[place]),
                last_at=standing.last_at(person),
                region=_region(record.people.keys[person], known),
                why=_why(standing, ranking, place, settings),
            )
            helpers.append(helper)
            first.setdefault(person, helper)
        by_question[thread.id] = tuple(helpers)
    return Suggested(
        by_question,
        tuple(
            Load(first[each].name, first[each].url, load[each], first[each].region)
            for each in busiest
        ),
    )


def assign(
    rankings: Sequence[Ranking], settings: HelperSettings = DEFAULTS
) -> list[list[int]]:
    """Of each ranking the places of those who are suggested, best first; nobody more
    often than `HelperSettings.load`.

    Every question gets a first member before any gets a second. The likeliest pairs of
    question and member are made first, of equals that of the first question: so a
    member is named for what this member knows best, and who is full makes room for the
    next best.
    """
    pairs = sorted(
        (-score, question, place)
        for question, ranking in enumerate(rankings)
        for place, score in enumerate(ranking.scores.tolist())
    )
    load: Counter[int] = Counter()
    places: list[list[int]] = [[] for _ in rankings]
    for already in range(settings.per_question):
        for _, question, place in pairs:
            person = int(rankings[question].people[place])
            chosen = places[question]
            if (
                len(chosen) == already
                and place not in chosen
                and load[person] < settings.load
            ):
                chosen.append(place)
                load[person] += 1
    return [sorted(chosen) for chosen in places]


def _region(keys: Sequence[str], regions: Mapping[str, str]) -> str:
    return next((regions[key] for key in keys if regions.get(key)), "")


def _why(
    standing: Standing, ranking: Ranking, place: int, settings: HelperSettings
) -> str:
    person = int(ranking.people[place])
    solved, helped = int(ranking.solved[place]), int(ranking.helped[place])
    of = f"{ranking.neighbours} most similar questions"
    if not ranking.by_meaning:
        of = f"{ranking.neighbours} latest questions of its category or tags"
    told = []
    if solved:
        first = "first to answer or solved" if standing.marks else "first to answer"
        told.append(f"{first} {solved} of the {of}")
    elif helped:
        told.append(f"answered in {helped} of the {of}")
    recent = standing.recently(person)
    if recent:
        topics = "1 topic" if recent == 1 else f"{recent} topics"
        told.append(f"helped in {topics} within {settings.recent.days} days")
    told.append(f"last on {standing.last_at(person):%Y-%m-%d}")
    return ", ".join(told)


# -- what is known -----------------------------------------------------------------


class People:
    """Everybody who wrote under a name, numbered in the order of names.

    Accounts of one name on one forum are one person: an archive knows by name whom the
    forum that it was taken from knows by id.

    Attributes:
        names: The latest of each.
        keys: Theirs, as `bot.report.records.Reply.member`, sorted.
        forums: As `forum_of` numbers them.
    """

    def __init__(self, threads: Sequence[Thread]) -> None:
        self._sites: dict[str, int] = {}
        latest: dict[str, tuple[datetime, str, int]] = {}
        for thread in threads:
            forum = self.forum_of(thread)
            wrote = [(thread.asker, thread.asker_name, thread.created_at)]
            wrote += [(reply.member, reply.name, reply.at) for reply in thread.replies]
            for member, name, at in wrote:
                if member and name.strip():
                    now = at, name, forum
                    latest[member] = max(latest.get(member, now), now)
        accounts: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
        for member, (_, name, forum) in sorted(latest.items()):
            accounts[folded(name), forum].append(member)
        ordered = sorted(accounts)
        self.keys = [accounts[each] for each in ordered]
        self.names = [max(latest[key] for key in keys)[1] for keys in self.keys]
        self.forums = np.array([forum for _, forum in ordered], np.int64)
        self.numbers = {key: n for n, keys in enumerate(self.keys) for key in keys}

    def forum_of(self, thread: Thread) -> int:
        """The number of the site that a thread is on, whatever source holds it."""
        site = thread.url.partition("://")[2].partition("/")[0]
        return self._sites.setdefault(site or thread.source, len(self._sites))


class Record:
    """Who answered which questions, as arrays: made once, asked as of any moment.

    An answer is all that one member wrote in another's thread, and as old as its first
    post there.

    Args:
        vectors: See `suggest`.
    """

    def __init__(self, threads: Sequence[Thread], vectors: Vectors | None) -> None:
        ordered = sorted(threads, key=lambda thread: (thread.created_at, thread.id))
        self.people = People(ordered)
        self.threads = {thread.id: thread for thread in ordered}
        self.rows = {thread.id: row for row, thread in enumerate(ordered)}
        self.begun = np.array([t.created_at.timestamp() for t in ordered], np.float64)
        self.forums = np.array([self.people.forum_of(t) for t in ordered], np.int64)
        self.askers = np.array([self.person(t.asker) for t in ordered], np.int64)
        self.points, self.indexed = _points(ordered, vectors)
        self.kinds = _Kinds(ordered)
        self._read(ordered)
        self.lengths = self._lengths()

    def person(self, member: str) -> int:
        """The number of the person with a key; -1 if nobody is known by it."""
        return self.people.numbers.get(member, _NOBODY)

    def _read(self, ordered: Sequence[Thread]) -> None:
        posts: list[tuple[float, int]] = []
        answers: list[tuple[float, int, int, bool, bool]] = []
        for row, thread in enumerate(ordered):
            begun, asker = float(self.begun[row]), int(self.askers[row])
            by_time = sorted(thread.by_people, key=lambda post: (post.at, post.number))
            told: dict[int, tuple[float, bool, bool]] = {}
            for place, reply in enumerate(by_time):
                who = self.person(reply.member)
                if who in (_NOBODY, asker):
                    continue
                # A post that was moved may be older than its topic.
                at = max(reply.at.timestamp(), begun)
                posts.append((at, who))
                since, first, accepted = told.get(who, (at, place == 0, False))
                told[who] = since, first, accepted or reply.accepted
            answers += [
                (at, row, who, first, accepted)
                for who, (at, first, accepted) in told.items()
            ]
        posts.sort()
        answers.sort()
        self.post_at = np.array([at for at, _ in posts], np.float64)
        self.post_by = np.array([who for _, who in posts], np.int64)
        self.at = np.array([answer[0] for answer in answers], np.float64)
        self.row = np.array([answer[1] for answer in answers], np.int64)
        self.who = np.array([answer[2] for answer in answers], np.int64)
        self.first = np.array([answer[3] for answer in answers], np.bool_)
        self.accepted = np.array([answer[4] for answer in answers], np.bool_)

    def _lengths(self) -> Float64:
        """Of each answer: the length of the sum of the vectors of all questions that
        its author had answered by then. A sum of cosines divided by it is the cosine
        to that sum."""
        lengths = np.zeros(len(self.at))
        order = np.argsort(self.who, kind="stable")
        for own in np.split(order, np.flatnonzero(np.diff(self.who[order])) + 1):
            total = np.zeros(self.points.shape[1])
            for start in range(0, len(own), _ROWS):
                some = own[start : start + _ROWS]
                points = self.points[self.row[some]].astype(np.float64)
                sums = total + np.cumsum(points, axis=0)
                lengths[some] = np.sqrt(np.sum(sums * sums, axis=1))
                total = sums[-1]
        return lengths / _unit()


def _unit() -> float:
    """How long a vector is that `whole` made of one of length 1."""
    return float(whole(np.ones((1, 1), np.float32))[0, 0])


def _points(ordered: Sequence[Thread], vectors: Vectors | None) -> tuple[Float32, Bool]:
    """A vector for each thread, as `whole` makes them, and which are not missing."""
    ids, found = vectors or (np.empty(0, np.int64), np.empty((0, 1), np.float32))
    points = np.zeros((len(ordered), found.shape[1]), np.float32)
    places = {i: place for place, i in enumerate(ids.tolist())}
    own = np.array([places.get(thread.id, -1) for thread in ordered], np.int64)
    indexed = own >= 0
    points[indexed] = whole(found[own[indexed]])
    return points, indexed


class _Kinds:
    """Which threads share a category or tags."""

    def __init__(self, ordered: Sequence[Thread]) -> None:
        self._count = len(ordered)
        rows: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for row, thread in enumerate(ordered):
            for kind in self._of(thread):
                rows[kind].append(row)
        self._rows = {kind: np.array(found, np.int64) for kind, found in rows.items()}

    def alike(self, thread: Thread) -> Float64:
        """How many of these each thread shares with one."""
        shared = np.zeros(self._count)
        for kind in self._of(thread):
            shared[self._rows[kind]] += 1
        return shared

    @staticmethod
    def _of(thread: Thread) -> set[tuple[str, str]]:
        category = {("category", thread.category)} if thread.category else set()
        return category | {("tag", tag) for tag in thread.tags}


# -- as of a moment ----------------------------------------------------------------


class Standing:
    """Who may be suggested at a moment, and what was known of them then.

    Attributes:
        marks: Some answers are marked as solutions.

    Args:
        at: What was written then or later does not count.
        recent: See `HelperSettings`.
        left_out: People who may not be suggested.
    """

    def __init__(
        self,
        record: Record,
        at: datetime,
        recent: timedelta,
        *,
        left_out: Collection[int] = (),
    ) -> None:
        now = at.timestamp()
        since = now - recent.total_seconds()
        posts = slice(0, np.searchsorted(record.post_at, now))
        last_at = np.full(len(record.people.names), -np.inf)
        # Of several the last is kept: they are in the order of time.
        last_at[record.post_by[posts]] = record.post_at[posts]
        unwilling = np.array(sorted(left_out), np.int64)
        members = np.flatnonzero(last_at >= since)
        members = members[~np.isin(members, unwilling)]
        self._record, self._members = record, members
        self.marks = bool(record.accepted.any())
        self._last_at = last_at
        self._threads = int(np.searchsorted(record.begun, now))
        column = np.full(len(last_at), _NOBODY)
        column[members] = np.arange(len(members))
        known = column[record.who[: np.searchsorted(record.at, now)]]
        # Answers of members, those of one member in a row.
        order = np.argsort(known, kind="stable")
        self._answers = order[np.searchsorted(known[order], 0) :]
        self._column = known[self._answers]
        self._row = record.row[self._answers]
        self._first = record.first[self._answers] | record.accepted[self._answers]
        age = now - record.at[self._answers]
        self._fade = 0.5 ** (age / _HALF_LIFE_S)
        self._worth = self._fade * (1 + _ACCEPTED * record.accepted[self._answers])
        self._away = (now - last_at[members]) / _DAY_S
        self._busy = self._sum(0.5 ** (age / _BUSY_HALF_LIFE_S))
        self._recent = self._count(age <= recent.total_seconds())
        ends = np.searchsorted(self._column, np.arange(len(members)), side="right")
        self._lengths = record.lengths[self._answers[ends - 1]]

    def last_at(self, person: int) -> datetime:
        """When somebody last answered anybody."""
        return datetime.fromtimestamp(float(self._last_at[person]), UTC)

    def recently(self, person: int) -> int:
        """How many questions a member answered in the time that counts as recent."""
        return int(self._recent[np.searchsorted(self._members, person)])

    def rankings(self, threads: Sequence[Thread], neighbours: int) -> Iterator[Ranking]:
        """Who could answer each of *threads*, which the record holds."""
        record = self._record
        known = record.points[: self._threads]
        step = max(1, _BLOCK // max(len(known), 1))
        for start in range(0, len(threads), step):
            some = threads[start : start + step]
            rows = [record.rows[thread.id] for thread in some]
            near = cosines(record.points[rows], known)
            for thread, row, line in zip(some, rows, near, strict=True):
                yield self._ranking(thread, row, line, neighbours)

    def _ranking(
        self, thread: Thread, row: int, cosine: Float32, neighbours: int
    ) -> Ranking:
        record, by_meaning = self._record, bool(self._record.indexed[row])
        others = record.forums[: self._threads] == record.forums[row]
        others[row : row + 1] = False
        if by_meaning:
            alike = np.where(others & record.indexed[: self._threads], cosine, -np.inf)
            nearest = np.argsort(-alike, kind="stable")[:neighbours]
            nearest = nearest[np.isfinite(alike[nearest])]
        else:
            alike = np.where(others, record.kinds.alike(thread)[: self._threads], 0)
            # The latest of equals.
            nearest = np.lexsort((-np.arange(len(alike)), -alike))[:neighbours]
            nearest = nearest[alike[nearest] > 0]
        chosen = np.zeros(self._threads, np.bool_)
        chosen[nearest] = True
        helped = self._count(chosen[self._row])
        solved = self._count(chosen[self._row] & self._first)
        may = self._may(row)
        if len(nearest):
            may &= helped > 0
        scores = self._scores(row, may, cosine if by_meaning else alike, by_meaning)
        best = np.argsort(-np.round(scores, _DIGITS), kind="stable")
        members = np.flatnonzero(may)[best]
        return Ranking(
            self._members[members],
            _likelihood(scores[best]),
            solved[members],
            helped[members],
            len(nearest),
            by_meaning,
        )

    def _may(self, row: int) -> Bool:
        """Members of the same forum who neither asked this nor said something to it."""
        record = self._record
        may: Bool = record.people.forums[self._members] == record.forums[row]
        may &= self._members != record.askers[row]
        may[self._column[self._row == row]] = False
        return may

    def _scores(
        self, row: int, may: Bool, alike: Float32 | Float64, by_meaning: bool
    ) -> Float64:
        """Of those who *may* be suggested; only their differences mean something."""
        like = alike[self._row].astype(np.float64)
        asker = self._record.askers[row]
        same = (self._record.askers[self._row] == asker) & (asker != _NOBODY)
        base = _BUSY * _log_share(self._busy[may])
        base += _AWAY * np.log1p(self._away[may])
        base += _KNOWN * np.log1p(self._sum(self._fade * same)[may])
        if not by_meaning:
            near = _log_share(self._sum(like * self._worth)[may])
            return base + _NEAR_BY_CATEGORY * near
        kernel = np.exp(_SHARPNESS * (like - 1))
        near = _log_share(self._sum(kernel * self._worth)[may])
        profile = self._sum(like)[may] / np.maximum(self._lengths[may], 1e-9)
        return base + _NEAR * near + _PROFILE * profile

    def _sum(self, values: Float64) -> Float64:
        """By member."""
        size = len(self._members)
        return np.bincount(self._column, values, size).astype(np.float64)

    def _count(self, which: Bool) -> Int64:
        """By member."""
        return np.bincount(self._column[which], minlength=len(self._members))


def _log_share(values: Float64) -> Float64:
    shares: Float64 = np.log(values / max(values.sum(), 1e-300) + _NO_SHARE)
    return shares


def _likelihood(scores: Float64) -> Float64:
    """As a model of choice tells it from scores, best first."""
    odds = np.exp(scores - scores[:1])
    likely: Float64 = np.round(odds / odds.sum(), _DIGITS)
    return likely
