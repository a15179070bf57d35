"""What a private message asks the bot for, by its first line. Pure.

The text is read and never repeated. Whether its author may ask for it is not decided
here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from bot.quoted import own_lines, without_quotes
from bot.wishes import wish_in
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
# What may stand beside an order without making a sentence of it.
_POLITE = re.compile(
    r"(?:please|thanks|now|svp|merci|maintenant|por favor|gracias|ahora|obrigad[oa]"
    r"|agora)?",
    re.IGNORECASE,
)
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
    lines = own_lines(raw)
    found = _LINE.match(lines[0][:_MAX_LINE_CHARS]) if lines else None
    if found is None or found.lastgroup is None:
        wish = wish_in(without_quotes(raw))
        return None if wish is None else Command(wish)
    verb = next(verb for verb in _VERBS if found[verb])
    rest = found["rest"].strip(" \t:,.;-–—!")
    if verb == "pause":
        # The safe side: also where it is asked rather than ordered.
        return Command(verb, reason=rest.strip(" ?")[:_MAX_REASON_CHARS])
    if verb == "withdraw":
        is_asked = rest.endswith("?")
        return None if is_asked else Command(verb, topic_id=_topic_in(rest))
    if verb == "status":
        return Command(verb) if len(rest.split()) <= 1 else None
    # More words, or a question mark, make a sentence of it: no order.
    return Command(verb) if _POLITE.fullmatch(rest) else None


def _topic_in(text: str) -> TopicId | None:
    found = _TOPIC_URL.search(text) or _NUMBER.match(text)
    return None if found is None else TopicId(int(found[1]))
