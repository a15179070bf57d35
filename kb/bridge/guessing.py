"""The language of a few words, told by the words that the bridge knows; pure."""

from __future__ import annotations

from collections.abc import Collection

from kb.bridge.bridge import Bridge
from kb.bridge.table import WordTable
from kb.words import stem, words

# Of its words so many must be known, and so many more than in any other language.
_LEAST_KNOWN = 0.6
_LEAST_LEAD = 0.3
# Enough to tell by.
_MAX_WORDS = 40


def guess(text: str, bridge: Bridge, *, among: Collection[str]) -> str | None:
    """The language of *text*, too short for a model that goes by letters alone.

    A word counts for a language if parallel texts had it there: "tableau de bord" is
    French in a community that has translated it, however short.

    Returns:
        ``None``: no language stands out among those that the bridge knows words of.
    """
    said = list(dict.fromkeys(words(text)))[:_MAX_WORDS]
    if not said:
        return None
    known = {
        language: sum(_knows(bridge, language, word) for word in said) / len(said)
        for language in sorted(among)
    }
    best = max(known, key=lambda language: known[language], default=None)
    if best is None or known[best] < _LEAST_KNOWN:
        return None
    rival = max((share for name, share in known.items() if name != best), default=0.0)
    return best if known[best] >= rival + _LEAST_LEAD else None


def _knows(bridge: Bridge, language: str, word: str) -> bool:
    """Whether a language has a word, and not untranslated out of another, as some
    French texts have "dashboard"."""
    known = False
    for (source, target), table in bridge.tables.items():
        if source == language and table.knows(word):
            back = bridge.table(target, source)
            if back and _means_itself(table, word) and _means_another(back, word):
                return False
            known = True
    return known


def _means_itself(table: WordTable, word: str) -> bool:
    return any(sense.words == (word,) for sense in (table.senses(word) or ())[:1])


def _means_another(table: WordTable, word: str) -> bool:
    senses = table.senses(word) or ()
    # Of "indicador" the plural is no other word.
    root = stem(word, table.target)
    said = {stem(part, table.target) for sense in senses for part in sense.words}
    return bool(said) and root not in said
