"""What a private message asks the bot for, by its first line. Pure.

The text is read and never repeated. Whether its author may ask for it is not decided
here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from bot.wishes import OPT_IN, OPT_OUT, wish_in
from kb.types import TopicId

Verb = Literal["opt_out", "opt_in", "pause", "resume", "status", "withdraw"]

# For these one must be staff.
OF_STAFF: frozenset[Verb] = frozenset({"pause", "resume", "status", "withdraw"})

_VERBS: dict[Verb, str] = {
    "pause": "pause|pausa",
    "resume": "resume|reprendre|reanudar|retomar",
    "status": "status|statut|estado",
    "withdraw": "withdraw|retirer|retirar",
}
_LINE = re.compile(
    r"\A[`\"'“«\s]*(?:"
    + "|".join(f"(?P<{verb}>{words})" for verb, words in _VERBS.items())
    + r")\b[`\"'”»]*(?P<rest>.*)\Z",
    re.IGNORECASE,
)
_TOPIC_URL = re.compile(r"/t/(?:[^/\s]+/)?(\d{1,12})(?=[/?#\s)>\]]|\Z)")
_NUMBER = re.compile(r"\A\W*(\d{1,12})\W*\Z")
# What is quoted was said by somebody else.
_QUOTED = re.compile(r"\[quote\b[^\]]*\].*?\[/quote\]", re.DOTALL | re.IGNORECASE)
_MAX_LINE_CHARS, _MAX_REASON_CHARS = 300, 200


@dataclass(frozen=True, slots=True)
class Command:
    """What is asked for.

    Attributes:
        reason: Why to pause, in the words of who wrote it; of staff alone.
        topic_id: Where to withdraw; ``None`` when none is named.
    """

    verb: Verb
    reason: str = ""
    topic_id: TopicId | None = None


def command_in(raw: str) -> Command | None:
    """What the first lines of a message ask for; ``None``: nothing known.

    >>> command_in("Pause: the forum is moving")
    Command(verb='pause', reason='the forum is moving', topic_id=None)
    >>> command_in("withdraw https://forum.example/t/some-title/812/3").topic_id
    812
    >>> command_in("Ne plus répondre, merci").verb
    'opt_out'
    >>> command_in("What is your status page?") is None
    True
    """
    own = _QUOTED.sub("\n", raw)
    found = _LINE.match(_first_line(own))
    if found is None or found.lastgroup is None:
        wish = wish_in(own)
        return None if wish is None else Command(wish)
    verb = next(verb for verb in _VERBS if found[verb])
    rest = found["rest"].strip(" \t:,.;-–—!")
    if verb == "pause":
        return Command(verb, reason=rest[:_MAX_REASON_CHARS])
    if verb == "withdraw":
        return Command(verb, topic_id=_topic_in(rest))
    # More words make a sentence of it, which asks for something else.
    return Command(verb) if len(rest.split()) <= 1 else None


def _first_line(raw: str) -> str:
    for line in raw.splitlines():
        if line.strip() and not line.lstrip().startswith(">"):
            return line.strip()[:_MAX_LINE_CHARS]
    return ""


def _topic_in(text: str) -> TopicId | None:
    found = _TOPIC_URL.search(text) or _NUMBER.match(text)
    return None if found is None else TopicId(int(found[1]))


def language_of_wish(raw: str) -> str | None:
    """The language whose words of a wish a message holds; ``None``: none of them.

    >>> language_of_wish("No responder más"), language_of_wish("hello")
    ('es', None)
    """
    folded = raw.casefold()
    for phrases in (OPT_OUT, OPT_IN):
        for language, phrase in phrases.items():
            if phrase in folded:
                return language
    return None
