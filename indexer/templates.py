"""Templates: the lines that many posts of a category share, learned from them. Pure.

A form's labels, a welcome, a footer say nothing about a post, yet they make all posts
of a category look alike. Nobody lists them: a line is learned when a large share of a
category's posts has it, or, since people use a forum's form for some of their posts
only, when it keeps company with other such lines. What one author alone writes again
and again is never learned.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, islice

from indexer.blocks import Block

LEARNER_VERSION = 1
"""Grows with every change of what is learned from the same posts."""

MIN_DOCUMENTS = 20
MIN_AUTHORS = 5
# Of the posts of a category that have a line which is learned by itself …
MOST = 0.3
# … and which is learned as part of a form; and of the posts with the more frequent of
# two lines of a form, those that have the other one, too.
FORM = 0.05
TOGETHER = 0.6
_FORM_LINES = 3
# Of the posts with a label, those with the same words behind it: then these are no
# answer, but as much of the template as the label.
ALWAYS = 0.9
# What is known already stays until it falls this far below; else it would come and go
# with single posts, and passages be cut anew each time.
_STAY = 0.7

# A post's lines that are looked at: a form stands at its top, a footer at its end.
_TOP_LINES = 100
_END_LINES = 50
_MAX_LINE_CHARS = 500
_MAX_LABEL_CHARS = 60

_KINDS = frozenset(["text", "list", "heading"])


# -- lines -----------------------------------------------------------------

_BEFORE = re.compile(r"^[\W\d_]+")
_AFTER = re.compile(r"[\W_]+$")
_LABEL = re.compile(rf"(.{{2,{_MAX_LABEL_CHARS}}}?)\s?[:?：？](?:\s+|$)")


def line_key(line: str) -> str:
    """What of a line is compared; empty where nothing is.

    >>> line_key("3. **Slicer version:**") == line_key("Slicer Version")
    True
    """
    if len(line) > _MAX_LINE_CHARS:
        return ""
    text = " ".join(line.casefold().split())
    text = _AFTER.sub("", _BEFORE.sub("", text))
    return text if len(text) > 1 else ""


def label_of(line: str) -> str:
    """The key of what stands before the colon or question mark; maybe empty.

    >>> label_of("- Version: 2.38"), label_of("See https://e.org")
    ('version', '')
    """
    match = _LABEL.match(line)
    return line_key(match[1]) if match else ""


def keys_of(blocks: Iterable[Block]) -> frozenset[str]:
    """All lines of a post as they are compared, and all labels."""
    lines = [line for b in blocks if b.kind in _KINDS for line in b.text.split("\n")]
    if len(lines) > _TOP_LINES + _END_LINES:
        lines[_TOP_LINES:-_END_LINES] = []
    keys = {key for line in lines for key in (line_key(line), label_of(line))}
    return frozenset(keys - {""})


def without_templates(
    blocks: Sequence[Block], templates: Collection[str]
) -> tuple[Block, ...]:
    """*blocks* without the lines that are templates; all of them if nothing is left.

    Of a label and what stands behind it, the latter stays. Code, tables and quotes
    stay as they are.

    Args:
        templates: As `learn` returns them.

    >>> form = Block("text", "Version: 2.38\\nSteps to reproduce:\\nOpen it.")
    >>> without_templates([form], {"version", "steps to reproduce"})[0].text
    '2.38\\nOpen it.'
    """
    if not templates:
        return tuple(blocks)
    kept: list[Block] = []
    for block in blocks:
        if block.kind not in _KINDS:
            kept.append(block)
            continue
        lines = block.text.split("\n")
        own = [_own_text(line, templates) for line in lines]
        if own == lines:
            kept.append(block)
        elif text := "\n".join(line for line in own if line):
            kept.append(replace(block, text=text))
    return tuple(kept or blocks)


def _own_text(line: str, templates: Collection[str]) -> str:
    while line and line_key(line) not in templates:
        match = _LABEL.match(line)
        if match is None or line_key(match[1]) not in templates:
            return line
        line = line[match.end() :]
    return ""


# -- learning --------------------------------------------------------------

# Of each kind of post. A line of a twentieth of all posts is met more often than a
# thousandth of all lines even where posts have fifty of them.
_SKETCH = 4_096
_CANDIDATES = 200


@dataclass(slots=True)
class Frequent:
    """A sketch of what is met often; it never holds more than *capacity* things.

    What is more than ``1 / (capacity + 1)`` of all that was added is in it for sure.

    Source:
        Misra and Gries, "Finding repeated elements", 1982.

    >>> often = Frequent(1)
    >>> often.add("abacada")
    >>> often.found()
    ['a']
    """

    capacity: int
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, things: Iterable[str]) -> None:
        """Take note of *things*."""
        for thing in things:
            if thing in self.counts or len(self.counts) < self.capacity:
                self.counts[thing] += 1
                continue
            self.counts = Counter(
                {each: count - 1 for each, count in self.counts.items() if count > 1}
            )

    def found(self) -> list[str]:
        """What may be frequent, the most frequent first."""
        return [each for each, _ in self.counts.most_common()]


@dataclass(frozen=True, slots=True)
class PostLines:
    """A post to learn from.

    Attributes:
        document: Tells documents apart; the posts of one follow each other.
        author: Tells authors apart.
    """

    document: int
    author: str
    keys: frozenset[str]


@dataclass(slots=True)
class _Seen:
    """How often one line was met, exactly."""

    posts: int = 0
    documents: int = 0
    latest: int | None = None
    authors: set[str] = field(default_factory=set)

    def add(self, post: PostLines) -> None:
        self.posts += 1
        if post.document != self.latest:
            self.documents += 1
            self.latest = post.document
        if len(self.authors) < MIN_AUTHORS:
            self.authors.add(post.author)


def learn(
    posts: Callable[[], Iterator[PostLines]], before: Collection[str] = ()
) -> frozenset[str]:
    """The lines that many of *posts* share.

    Memory does not grow with the number of posts: they are read twice, the first
    time to find what may be frequent, the second time to count just that.

    Args:
        posts: Gives the same ones each time.
        before: What was learned last time.
    """
    often = Frequent(_SKETCH)
    for post in posts():
        often.add(post.keys)
    candidates = frozenset(islice(often.found(), _CANDIDATES))
    seen: defaultdict[str, _Seen] = defaultdict(_Seen)
    pairs: Counter[tuple[str, str]] = Counter()
    total = 0
    for post in posts():
        total += 1
        present = sorted(post.keys & candidates)
        for key in present:
            seen[key].add(post)
        pairs.update(combinations(present, 2))
    shared = _Shared(seen, pairs, total, frozenset(before))
    return shared.without_answers(shared.by_themselves() | shared.in_forms())


@dataclass(frozen=True, slots=True)
class _Shared:
    seen: Mapping[str, _Seen]
    pairs: Mapping[tuple[str, str], int]
    total: int
    before: frozenset[str]

    def by_themselves(self) -> frozenset[str]:
        return frozenset(key for key in self.seen if self._is_shared(key, MOST))

    def in_forms(self) -> frozenset[str]:
        """Lines that stand together, three at least."""
        company: defaultdict[str, set[str]] = defaultdict(set)
        for (one, other), times in self.pairs.items():
            if self._are_together(one, other, times):
                company[one].add(other)
                company[other].add(one)
        return frozenset(
            key for key, others in company.items() if len(others) >= _FORM_LINES - 1
        )

    def without_answers(self, learned: frozenset[str]) -> frozenset[str]:
        """What people filled in stays theirs, if half of them the same."""
        return frozenset(
            key
            for key in learned
            if (label := label_of(key)) not in learned
            or self.seen[key].posts >= ALWAYS * self.seen[label].posts
        )

    def _are_together(self, one: str, other: str, times: int) -> bool:
        most = max(self.seen[one].posts, self.seen[other].posts)
        ease = _STAY if {one, other} <= self.before else 1.0
        return (
            times >= TOGETHER * ease * most
            and self._is_shared(one, FORM)
            and self._is_shared(other, FORM)
        )

    def _is_shared(self, key: str, share: float) -> bool:
        ease = _STAY if key in self.before else 1.0
        seen = self.seen[key]
        return (
            seen.documents >= MIN_DOCUMENTS * ease
            and seen.posts >= share * ease * self.total
            and len(seen.authors) >= MIN_AUTHORS
        )
