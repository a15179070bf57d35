"""Versions: which a question names, and which of a page's is searched; pure.

Documentation comes in versions that say nearly the same. One is searched, the current
one; the others are known, so that who names a version is led there.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from kb.types import DocumentId

Editions = Sequence[tuple[DocumentId, str | None]]
"""``(id, version)`` of each version of a page."""

_DOTTED = re.compile(r"[0-9]+(?:\.[0-9]+)+")
_SHORT = re.compile(r"v[0-9]+")
# Some products leave out what stands before the first dot: v41 is 2.41. With one digit
# it may be anything, and v2 is no 1.2.
_WITHOUT_FIRST = re.compile(r"v[0-9]{2,}")
_NUMBER = re.compile(r"[0-9]+")


# Ranking, folding and showing ask for those of one question: of a long one it takes
# 15 ms to find them.
@lru_cache(maxsize=16)
def versions_in(text: str) -> frozenset[str]:
    """The versions that *text* names; 2.40.1 also stands for 2.40.

    >>> sorted(versions_in("Since v2.40.1 it fails 12 times, on V41 as well"))
    ['2.40', '2.40.1', 'v41']
    """
    # The store knows versions, and must open without Tantivy.
    from kb.words import identifiers

    return frozenset(
        found
        for found in identifiers(text, prefixes=True)
        if _DOTTED.fullmatch(found) or _SHORT.fullmatch(found)
    )


def is_named(version: str | None, named: Collection[str]) -> bool:
    """Whether a document's version is one of those *named* in a question.

    A version without dots, as addresses write it, is compared without them.

    >>> is_named("2.40", {"2.40"}), is_named("24.0", {"2.40"})
    (True, False)
    >>> is_named("dhis-core-version-240", {"2.40"}), is_named("2.41", {"v41"})
    (True, True)
    >>> is_named("1.2", {"v2"}), is_named("v2", {"v2"})
    (False, True)
    """
    own = numbers(version or "")
    if not own:
        return False
    if len(own) == 1:
        digits = {name.replace(".", "").removeprefix("v") for name in named}
        return str(own[0]) in digits
    return any(
        numbers(name) == (own[1:] if _WITHOUT_FIRST.fullmatch(name) else own)
        for name in named
    )


def current_of(editions: Editions, preferred: str | None) -> DocumentId:
    """The one of the versions of a page that is searched.

    That is the *preferred* version; where the page has none of it the newest before
    it, else the oldest after it. Without a preference it is the newest. A version
    without a number (``master``, ``latest``) is nobody's installed one: it is searched
    only when there is no other, or it is *preferred*. On a tie the first to be known.

    Args:
        editions: At least one.

    >>> pages = [(DocumentId(i), v) for i, v in enumerate(["2.40", "2.42", None], 1)]
    >>> current_of(pages, None), current_of(pages, "2.41"), current_of(pages, "2.9")
    (2, 1, 1)
    """
    chosen = [i for i, version in editions if version and version == preferred]
    if chosen:
        return min(chosen)
    wanted = numbers(preferred or "")
    numbered = [(numbers(version or ""), i) for i, version in editions]
    known = [each for each in numbered if each[0]]
    if not known:
        return min(i for _, i in numbered)
    before = [number for number, _ in known if not wanted or number <= wanted]
    best = max(before) if before else min(number for number, _ in known)
    return min(i for number, i in known if number == best)


def outdated_among(
    pages: Mapping[str, Editions], preferred: str | None
) -> frozenset[DocumentId]:
    """Editions of pages that the current version of what they belong to has no more.

    Pages belong together when their addresses are the same up to their version.

    Args:
        pages: By what their versions share, a ``*`` where the version stands.
        preferred: As for `current_of`.

    >>> pages = {"v*/a": [(DocumentId(1), "2.40"), (DocumentId(2), "2.41")],
    ...          "v*/b": [(DocumentId(3), "2.40")], "v*/c": [(DocumentId(4), "master")]}
    >>> sorted(outdated_among(pages, None))
    [1, 3]
    """
    families: defaultdict[str, list[tuple[DocumentId, str | None]]] = defaultdict(list)
    for page, editions in pages.items():
        families[page.partition("*")[0]].extend(editions)
    outdated: set[DocumentId] = set()
    for editions in families.values():
        versions = dict(editions)
        current = numbers(versions[current_of(editions, preferred)] or "")
        outdated.update(
            i for i, version in editions if () < numbers(version or "") < current
        )
    return frozenset(outdated)


def named_among(editions: Editions, named: Collection[str]) -> DocumentId | None:
    """The newest edition of a version that is *named*, if there is one.

    >>> pages = [(DocumentId(1), "2.40"), (DocumentId(2), "2.41")]
    >>> named_among(pages, versions_in("Since 2.40.3")), named_among(pages, ["24.0"])
    (1, None)
    """
    found = [
        (numbers(version or ""), -i)
        for i, version in editions
        if is_named(version, named)
    ]
    return DocumentId(-max(found)[1]) if found else None


def compact(version: str) -> str:
    """Digits alone: addresses often leave out the dots.

    >>> compact("dhis-core-version-2.40"), compact("master")
    ('240', '')
    """
    return "".join(_NUMBER.findall(version))


def numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, in which versions are ordered.

    >>> numbers("2.41.3"), numbers("master")
    ((2, 41, 3), ())
    """
    # Nobody has a version of more digits, and Python refuses to read very many.
    return tuple(int(number[:18]) for number in _NUMBER.findall(version))
