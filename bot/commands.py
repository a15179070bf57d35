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
from kb.links import LinkRules, normalize
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
# No topic has a number below zero: what says so names none.
_SIGNS = r"\-+\u00b1\u2010-\u2015\u2212\uff0b\uff0d"
_NUMBER = re.compile(rf"\A[^\w{_SIGNS}]*(\d{{1,12}})\W*\Z")
# Discourse's ids of topics end here.
_MAX_ID = 2**31 - 1
# An address, without the brackets and quotation marks that it stands in.
_AROUND = r"<>()\[\]\"'`“”«»"
_ADDRESS = re.compile(rf"(?:[^/]*[{_AROUND}])?([^/{_AROUND}]*/[^{_AROUND}]*)")
_NO_FORUM = "https://forum.invalid"
_RULES = LinkRules()
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
_ABOUT = re.compile(
    r"\A[\s:#<(\[]*(?P<topic>\d{1,12}(?!\w)|(?:https?:/)?/\S+)", re.IGNORECASE
)
_AND = frozenset({"and", "et", "y", "e"})
# An order about several topics has a longer line than any other; beyond it, a number
# might be half of one.
_MAX_LINE_CHARS, _MAX_REASON_CHARS = 2_000, 200
_MARKS = " \t:,.;-–—!"
# An order is copied with the marks that it was shown in.
_QUOTES = "`\"'”»"
# What stands between an order and what it names; the sign of a number is none of it.
_LEAD = re.compile(rf"\A(?:[{_QUOTES} \t:,.;!]|[-–—](?!\d))+")
# A reason has letters: without them it may be more of what is named.
_NUMBERS = re.compile(r"[\W\d_]*\d[\W\d_]*")


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


def command_in(raw: str, home: str = "") -> Command | None:
    """What the first lines of a message ask for; ``None``: nothing known.

    Args:
        home: Address of the forum that the message stands on. An address elsewhere
            names no topic of it; without *home*, only one like ``/t/812`` does.

    >>> command_in("Pause: the forum is moving").reason
    'the forum is moving'
    >>> forum = "https://forum.example"
    >>> command_in(f"withdraw {forum}/t/some-title/812/3", forum).topic_id
    812
    >>> command_in("approve https://other.example/t/812", forum) is None
    True
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
    rest = _LEAD.sub("", found["rest"]).rstrip(_QUOTES + _MARKS)
    if rest.endswith("?") or len(lines[0]) > _MAX_LINE_CHARS:
        return None
    rest = _POLITE_END.sub("", rest).rstrip(_MARKS)
    match verb:
        case "approve":
            topic_id, more = _draft_in(rest, home)
            return None if topic_id is None or more else Command(verb, "", topic_id)
        case "reject":
            topic_id, why = _draft_in(rest, home)
            # Several at once may be meant, or not: no order.
            if topic_id is None or _NUMBERS.fullmatch(why) or _topics_in(why, home):
                return None
            return Command(verb, why[:_MAX_REASON_CHARS], topic_id)
        case "not_a_question":
            topics = _topics_in(rest, home)
            return Command(verb, topic_ids=topics) if topics else None
        case _:
            return Command(verb, topic_id=_topic_in(rest, home))


def _topic_in(text: str, home: str) -> TopicId | None:
    """The topic that a number is of, or else the first address of one."""
    if found := _NUMBER.match(text):
        return _topic_of(found[1])
    for word in text.split():
        if "/t/" in word and (address := _ADDRESS.match(word)):
            return _topic_at(address[1].rstrip(_MARKS), home)
    return None


def _topic_of(digits: str) -> TopicId | None:
    is_id = digits.isdecimal() and 0 < int(digits) <= _MAX_ID
    return TopicId(int(digits)) if is_id else None


def _topic_at(address: str, home: str) -> TopicId | None:
    """The topic of the forum at *home* that an address leads to.

    People write it as their browser shows it, without a scheme.

    >>> [_topic_at(f"{site}/t/812/3", "https://f.org/talk") for site in
    ...  ("http://F.org/talk", "f.org/talk", "/talk", "", "f.org", "//g.org/talk")]
    [812, 812, 812, 812, None, None]
    """
    forum = (normalize(home) or _NO_FORUM).rstrip("/")
    scheme, _, rest = forum.partition("//")
    _, slash, folder = rest.partition("/")
    if address.startswith("//"):
        address = scheme + address
    elif address.startswith("/"):
        address = forum + address.removeprefix(slash + folder)
    elif "://" not in address.partition("/t/")[0]:
        address = f"{scheme}//{address}"
    place = _RULES.place(address, home=forum)
    return None if place is None else _topic_of(place.url.removeprefix(f"{forum}/t/"))


def _draft_in(text: str, home: str) -> tuple[TopicId | None, str]:
    """The topic that an order about a draft names, and what follows.

    >>> _draft_in("draft 812: another question", "")
    (812, 'another question')
    >>> _draft_in("it", "")
    (None, 'it')
    """
    named = _THE_DRAFT.sub("", text)
    found = _ABOUT.match(named)
    if found is None:
        return None, text
    # Marks behind a number or an address are none of it.
    topic = found["topic"].rstrip(".,:;!>)]")
    return _topic_in(topic, home), named[found.end() :].strip(f"{_MARKS}>)]")


def _topics_in(text: str, home: str) -> tuple[TopicId, ...]:
    """All topics that are named, each once; none where anything else is said.

    >>> _topics_in("812 and https://f.org/t/a-title/813", "https://f.org")
    (812, 813)
    >>> _topics_in("812, I think", "")
    ()
    """
    found: dict[TopicId, None] = {}
    for word in re.split(r"[\s,;]+", text):
        topic_id = _topic_in(word, home)
        if topic_id is not None:
            found[topic_id] = None
        elif word.strip(_MARKS) and word.casefold() not in _AND:
            return ()
    return tuple(found)
