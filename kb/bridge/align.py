"""Which words of parallel texts stand for each other: alignment by EM; pure.

Each word of a translation is taken to come from one word of its text, or from none;
which one is told by how often the two meet in all texts. Done both ways: what both
ways agree on is left, and a word that stands in nearly every text, such as an article,
does not pass for the translation of whatever stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

ITERATIONS = 8
# The share of words that come from none, and how few translations a word is expected
# to have. Places have no say: "unité d'organisation" is an "organisation unit", and on
# short strings an alignment that expects words to keep their order did worse.
_NONE = 0.08
_SPARSITY = 0.01

Sentence = Sequence[int]
"""Words by their numbers, 0 and up; at least one."""


@dataclass(frozen=True, slots=True)
class Links:
    """How surely words of texts and of their translations stand for each other.

    All four of one shape; a row for each two places of a text and its translation.

    Attributes:
        text: Which of the texts.
        source: Place of the word in the text, from 0.
        target: Place of the word in the translation.
        probability: That both ways, taken by themselves, lead to the other word.
    """

    text: Int32
    source: Int32
    target: Int32
    probability: Float64


def align(
    sources: Sequence[Sentence],
    targets: Sequence[Sentence],
    *,
    iterations: int = ITERATIONS,
) -> Links:
    """Align texts with their translations, which stand in the same order.

    Memory grows with the product of the lengths of a text and its translation: some
    120 bytes for each two places.

    Source:
        Brown et al., The Mathematics of Statistical Machine Translation, Computational
        Linguistics 19(2), 1993, https://aclanthology.org/J93-2003 (model 1); Riley and
        Gildea, Improving the IBM Alignment Models Using Variational Bayes, ACL 2012,
        https://aclanthology.org/P12-2060; Liang, Taskar and Klein, Alignment by
        Agreement, NAACL 2006, https://aclanthology.org/N06-1014 (the product).
    """
    if not sources:
        nothing = np.empty(0, dtype=np.int32)
        return Links(nothing, nothing, nothing, np.empty(0))
    rows = np.array([len(s) for s in sources], dtype=np.int32)
    columns = np.array([len(t) for t in targets], dtype=np.int32)
    sizes = rows * columns
    text = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    starts = _starts(sizes)
    place = np.arange(len(text), dtype=np.int32) - np.repeat(starts, sizes)
    source, target = place // columns[text], place % columns[text]
    del place
    own = _starts(rows)[text] + source
    other = _starts(columns)[text] + target
    words = np.concatenate([np.asarray(s, dtype=np.int32) for s in sources])
    translated = np.concatenate([np.asarray(t, dtype=np.int32) for t in targets])
    forth = _one_way(words[own], translated[other], other, rows[text], iterations)
    back = _one_way(translated[other], words[own], own, columns[text], iterations)
    return Links(text, source, target, forth * back)


def _starts(lengths: Int32) -> Int32:
    return np.cumsum(lengths, dtype=np.int32) - lengths


def _one_way(
    own: Int32, other: Int32, slot: Int32, length: Int32, iterations: int
) -> Float64:
    """For each two places, how likely the one's word comes from the other's.

    Args:
        own: The word that may stand behind it.
        other: The word that is explained.
        slot: Its place in all texts together.
        length: Of the text whose words may stand behind it.
    """
    width = int(other.max()) + 1
    met_words = own.astype(np.int64) * width + other
    entries, entry = np.unique(met_words, return_inverse=True)
    del met_words
    owner = entries // width
    entry = entry.astype(np.int32)
    slots = int(slot.max()) + 1
    # Of none: each word by how often it is explained by nothing, in all texts.
    explained = np.zeros(slots, dtype=np.int32)
    explained[slot] = other
    prior = (1 - _NONE) / length
    weight = np.ones(len(entries))
    nothing = np.ones(width)
    posterior = prior
    for _ in range(iterations):
        posterior = prior * weight[entry]
        by_none = _NONE * nothing[explained]
        total = np.bincount(slot, posterior, slots) + by_none
        posterior /= total[slot]
        met = np.bincount(entry, posterior, len(entries)).astype(np.float64)
        weight = _weights(met, owner)
        unexplained = np.bincount(explained, by_none / total, width).astype(np.float64)
        nothing = _weights(unexplained, np.zeros(width, dtype=np.int64))
    return posterior


def _weights(counts: Float64, owner: Int64) -> Float64:
    """How strongly each word leads to another, from how often it did.

    The mean of the logarithm under a Dirichlet prior, not of the probability: else a
    rare word explains whatever stands beside it.
    """
    smooth = counts + _SPARSITY
    totals = np.bincount(owner, smooth)
    return np.asarray(np.exp(digamma(smooth) - digamma(totals)[owner]))
