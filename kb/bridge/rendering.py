"""A text in the words of another language, as far as the bridge knows them; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from kb.bridge.bridge import Bridge
from kb.bridge.table import Sense, Senses, WordTable
from kb.question import Question
from kb.tongues import primary
from kb.words import identifiers, words

MAX_RENDERED_CHARS = 8_000
# Paths, versions and names of code, which mean themselves though "api" or "2" be known.
_CODE = re.compile(r"[/_]|\d\.\d")


@dataclass(frozen=True, slots=True)
class Meant:
    """A word or a term of a text, with what it means.

    Attributes:
        said: Its words, as `kb.words.words` has them.
        senses: None where it means nothing by itself. What is not known means itself.
        known: The table has it.
        is_code: A code, a path or a name of code, which is the same in all languages.
    """

    said: tuple[str, ...]
    senses: Senses
    known: bool = True
    is_code: bool = False


@dataclass(frozen=True, eq=False)
class Rendering:
    """A question in another language. Two of them are never the same.

    Attributes:
        carried: How much of what the question says is said here too, see `carried`.
    """

    language: str
    title: tuple[Meant, ...]
    body: tuple[Meant, ...]
    carried: float = 1.0

    @cached_property
    def title_text(self) -> str:
        """The headline in its likeliest words."""
        return likeliest(self.title)

    @cached_property
    def text(self) -> str:
        """Headline and text in their likeliest words, for a model to read."""
        return f"{self.title_text}\n{likeliest(self.body)}".strip()


def renderings(
    question: Question, bridge: Bridge, spoken: Iterable[str]
) -> tuple[Rendering, ...]:
    """A question in each other language that is *spoken* and that the bridge leads to;
    none where its own is not known."""
    own = primary(question.language)
    if not own:
        return ()
    tables = (bridge.table(own, other) for other in sorted({*spoken} - {own}))
    return tuple(
        _rendering(question, table, bridge.table(table.target, own))
        for table in tables
        if table is not None
    )


def _rendering(
    question: Question, table: WordTable, back: WordTable | None
) -> Rendering:
    title = render(question.title, table)
    # Of what lies beyond, neither words nor models take notice.
    body = render(question.body[:MAX_RENDERED_CHARS], table)
    return Rendering(table.target, title, body, carried((*title, *body), table, back))


def carried(
    meant: Iterable[Meant], table: WordTable, back: WordTable | None = None
) -> float:
    """The share of a text, in [0, 1], that is said in the other language as well: of
    its words, each once and by its `WordTable.rarity`, those that *table* knows.

    A word of the other language needs no carrying: logs are often in English. Codes
    and paths tell nothing either way.

    Args:
        back: Knows the words of the other language.
    """
    known: dict[str, bool] = {}
    for each in meant:
        if not each.is_code:
            known |= {
                word: each.known or (back is not None and back.knows(word))
                for word in each.said
            }
    rarities = {word: table.rarity(word) for word in known}
    whole = sum(rarities.values())
    return sum(r for word, r in rarities.items() if known[word]) / whole if whole else 1


def render(text: str, table: WordTable) -> tuple[Meant, ...]:
    """What *text* means word by word, the longest term first.

    Unknown words stay as they are: names, typing errors, words of a third language;
    so do codes, paths and names of code.
    """
    said: list[str] = []
    meant: list[Meant] = []
    for run in text.split():
        some = words(run)
        # Whoever leaves out the space after a full stop ("…données.Comment…") has
        # not written the name of an attribute, if all of it is known.
        if identifiers(run) and (_CODE.search(run) or not all(map(table.knows, some))):
            meant += _meant(said, table)
            itself = (Sense(run, 1.0),)
            meant.append(Meant(tuple(some), itself, known=False, is_code=True))
            said = []
        else:
            said += some
    return (*meant, *_meant(said, table))


def _meant(said: Sequence[str], table: WordTable) -> Iterator[Meant]:
    start = 0
    while start < len(said):
        for end in range(min(start + table.longest, len(said)), start + 1, -1):
            senses = table.term(said[start:end])
            if senses is not None:
                break
        else:
            end = start + 1
            senses = table.senses(said[start])
        known = senses is not None
        itself = (Sense(said[start], 1.0),)
        yield Meant(tuple(said[start:end]), itself if senses is None else senses, known)
        start = end


def likeliest(meant: Sequence[Meant]) -> str:
    """A text of the likeliest sense of each."""
    return " ".join(each.senses[0].text for each in meant if each.senses)
