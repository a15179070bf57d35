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

Verb = Literal[
    "opt_out",
    "opt_in",
    "pause",
    "resume",
    "status",
    "withdraw",
    "approve",
    "reject",
    "not_a_question",
]

# For these one must be staff.
OF_STAFF: frozenset[Verb] = frozenset(
    {"pause", "resume", "status", "withdraw", "approve", "reject", "not_a_question"}
)

_VERBS: dict[Verb, str] = {
    "pause": "pause|pausa",
    "resume": "resume|reprendre|reanudar|retomar",
    "status": "status|statut|estado",
    "withdraw": "withdraw|retirer|retirar",
    "approve": "approve|approuver|aprobar|aprovar",
    "reject": "reject|rejeter|rechazar|rejeitar",
    "not_a_question": "not[ -]an?[ -]question|no[ -]question"
    "|(?:ce n['’]est )?pas une question|no es (?:una )?pregunta"
    "|n[ãa]o [ée] (?:uma )?pergunta",
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
_POLITE_WORDS = (
    "please|thanks|now|svp|merci|maintenant|por favor|gracias|ahora|obrigad[oa]|agora"
)
_POLITE = re.compile(f"(?:{_POLITE_WORDS})?", re.IGNORECASE)
_POLITE_END = re.compile(rf"[\s,]+(?:{_POLITE_WORDS})\Z", re.IGNORECASE)
# What may stand between an order and what it is about.
_THE_DRAFT = re.compile(
    r"\A(?:(?:the|le|el|o)\s+)?(?:draft|brouillon|borrador|rascunho)\b", re.IGNORECASE
)
_ABOUT = re.compile(r"\A[\s:#<(\[]*(?P<topic>\d{1,12}(?!\w)|https?://\S+)")
_AND = frozenset({"and", "et", "y", "e"})
# An order about several topics has a longer line than any other; beyond it, a number
# might be half of one.
_MAX_LINE_CHARS, _MAX_REASON_CHARS = 2_000, 200
_MARKS = " \t:,.;-–—!"
# An order is copied with the marks that it was shown in.
_QUOTES = "`\"'”»"


@dataclass(frozen=True, slots=True)
class Command:
    """What is asked for.

    Attributes:
        reason: Why to pause, or to reject, in the words of who wrote it; of staff
            alone.
        topic_id: Of the answer or the draft; ``None`` when none is named.
        topic_ids: What is no question, in the order of the message.
    """

    verb: Verb
    reason: str = ""
    topic_id: TopicId | None = None
    topic_ids: tuple[TopicId, ...] = ()


def command_in(raw: str) -> Command | None:
    """What the first lines of a message ask for; ``None``: nothing known.

    >>> command_in("Pause: the forum is moving").reason
    'the forum is moving'
    >>> command_in("withdraw https://forum.example/t/some-title/812/3").topic_id
    812
    >>> command_in("not a question 812, 815").topic_ids
    (812, 815)
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
    rest = found["rest"].strip(_MARKS)
    match verb:
        case "pause":
            # The safe side: also where it is asked rather than ordered.
            return Command(verb, reason=rest.strip(" ?")[:_MAX_REASON_CHARS])
        case "status":
            return Command(verb) if len(rest.split()) <= 1 else None
        case "resume":
            # More words, or a question mark, make a sentence of it: no order.
            return Command(verb) if _POLITE.fullmatch(rest) else None
    rest = rest.strip(_QUOTES + _MARKS)
    if rest.endswith("?") or len(lines[0]) > _MAX_LINE_CHARS:
        return None
    rest = _POLITE_END.sub("", rest).rstrip(_MARKS)
    match verb:
        case "approve":
            topic_id, more = _draft_in(rest)
            return None if topic_id is None or more else Command(verb, "", topic_id)
        case "reject":
            topic_id, why = _draft_in(rest)
            # Several at once may be meant, or not: no order.
            if topic_id is None or _topics_in(why):
                return None
            return Command(verb, why[:_MAX_REASON_CHARS], topic_id)
        case "not_a_question":
            topics = _topics_in(rest)
            return Command(verb, topic_ids=topics) if topics else None
        case _:
            return Command(verb, topic_id=_topic_in(rest))


def _topic_in(text: str) -> TopicId | None:
    found = _TOPIC_URL.search(text) or _NUMBER.match(text)
    return None if found is None else TopicId(int(found[1]))


def _draft_in(text: str) -> tuple[TopicId | None, str]:
    """The topic that an order about a draft names, and what follows.

    >>> _draft_in("draft 812: another question")
    (812, 'another question')
    >>> _draft_in("it")
    (None, 'it')
    """
    named = _THE_DRAFT.sub("", text)
    found = _ABOUT.match(named)
    if found is None:
        return None, text
    # Marks behind a number or an address are none of it.
    topic = found["topic"].rstrip(".,:;!>)]")
    return _topic_in(topic), named[found.end() :].strip(f"{_MARKS}>)]")


def _topics_in(text: str) -> tuple[TopicId, ...]:
    """All topics that are named, each once; none where anything else is said.

    >>> _topics_in("812 and https://forum.example/t/a-title/813")
    (812, 813)
    >>> _topics_in("812, I think")
    ()
    """
    found: dict[TopicId, None] = {}
    for word in re.split(r"[\s,;]+", text):
        topic_id = _topic_in(word)
        if topic_id is not None:
            found[topic_id] = None
        elif word.strip(_MARKS) and word.casefold() not in _AND:
            return ()
    return tuple(found)
