"""What people make of a reply of the bot: likes, reactions, flags and words become
marks. Pure.

A mark says whether the reply helped. The bot's own account has no say, and neither
have the forum's own bots and those of the community; of one person there is one mark
for each way of saying it, which `kb.store.Feedback.ratings` counts as one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Literal

from bot.care import Letter, OwnPost, Person, Reaction
from bot.quoted import own_lines
from kb.store import Mark
from kb.store.feedback import FeedbackKind

Opinion = Literal["helped", "did_not_help", "withdraw"]

# Replies are looked after for so long.
LOOKED_AFTER = timedelta(days=30)
# A young reply is looked at often, an old one seldom: after a quarter of its age.
_SOONEST, _LATEST = timedelta(minutes=10), timedelta(days=1)
_SHARE_OF_AGE = 1 / 4

# Emoji of the reactions plug-in, and what they say.
GOOD = frozenset(
    {
        "heart",
        "+1",
        "thumbsup",
        "clap",
        "tada",
        "white_check_mark",
        "heavy_check_mark",
        "raised_hands",
    }
)
BAD = frozenset({"-1", "thumbsdown", "x", "no_entry_sign"})
_THUMB_DOWN = re.compile(r"\A(?:👎|:(?:-1|thumbsdown)(?::t\d)?:)")
_THUMB_UP = re.compile(r"\A(?:👍|:(?:\+1|thumbsup)(?::t\d)?:)")
_MENTION = re.compile(r"\A@[\w.-]+[,:]?\s*")
_WITHDRAW = re.compile(
    r"\A(?:please\s+|merci de\s+|por favor,?\s+)?"
    r"(?:withdraw|retire[rz]|retirar|retira|retire)"
    r"(?:[\s,]+(?:this|that|it|please|ça|ceci|cela|esto|eso|isto|isso|por favor))*"
    r"[\s.!]*\Z",
    re.IGNORECASE,
)
_MAX_LINE_CHARS = 160
# Of the reply as a whole, and first of all: further on, and with more around it, the
# same words may be said of anything.
_DID_NOT_HELP = re.compile(
    r"\A(?:(?:hi|hello|thanks|thank you|sorry|merci|bonjour|désolée?|gracias|hola|"
    r"obrigad[oa]|olá|desculpe)\b[\s,.!–—-]*)*"
    r"(?:(?:but|mais|pero|mas|unfortunately|malheureusement|infelizmente|"
    r"lamentablemente|desafortunadamente)\b[\s,]*)*"
    r"(?:(?:this|that|it|these|they|cela|ça|ceci|ce|c|il|eso|esto|isto|isso|"
    r"(?:the|your|this|that) (?:answer|reply)|(?:la|ta|votre|cette) réponse|"
    r"(?:la|tu|su|esta|esa) respuesta|(?:a|essa|esta) resposta)\b['’\s]*"
    r"(?:is |was |are |were |est |n['’]est |n['’]était )?)?"
    r"(?:"
    r"(?:did|does|do)(?: not|n['’]t) help|not helpful|unhelpful|(?:a )?wrong answer|"
    r"n['’](?:a|ont) pas aidée?|n['’]aide(?:nt)? pas|ne m['’]aide(?:nt)? pas|"
    r"pas utiles?|"
    r"no (?:me )?(?:ayuda|ayudó|ayudan|ayudaron|sirve|sirvió)|no es útil|no fue útil|"
    r"não (?:me )?(?:ajuda|ajudou|ajudam|ajudaram)|não (?:é|foi) útil"
    r")\b(?!\s+(?:that|if|when|que|si|se)\b)(?!.*\b(?:but|until|unless|although|mais|pero|mas|aunque)\b)",
    re.IGNORECASE,
)


def opinion_of(raw: str, *, staff: bool = False) -> Opinion | None:
    """What a reply to the bot says of it, by its first line; ``None``: nothing.

    Args:
        staff: Its author is staff, whose word makes the reply go: it must be a sign
            or an order, and no sentence that may mean something else.

    >>> opinion_of("👎 not at all"), opinion_of(":+1: thanks")
    ('did_not_help', 'helped')
    >>> opinion_of("Merci, mais cela ne m'aide pas.")
    'did_not_help'
    >>> opinion_of("Withdraw this, please"), opinion_of("Should I withdraw it?")
    ('withdraw', None)
    >>> opinion_of("Here is what I tried:\\n1. it did not help") is None
    True
    """
    line = _first_line(raw)
    if _THUMB_DOWN.match(line):
        return "did_not_help"
    if _THUMB_UP.match(line):
        return "helped"
    if len(line) > _MAX_LINE_CHARS:
        return None
    if _WITHDRAW.match(line):
        return "withdraw"
    return "did_not_help" if not staff and _DID_NOT_HELP.match(line) else None


def _first_line(raw: str) -> str:
    lines = own_lines(raw)
    return _MENTION.sub("", lines[0]) if lines else ""


def value_of(reaction: str) -> int:
    """1: it helped, -1: it did not, 0: that says neither.

    >>> value_of("+1:t3"), value_of("-1"), value_of("thinking")
    (1, -1, 0)
    """
    name = reaction.split(":", 1)[0]
    return 1 if name in GOOD else -1 if name in BAD else 0


def marks_of(
    post: OwnPost,
    *,
    likers: Iterable[Person],
    reactions: Iterable[Reaction],
    letters: Iterable[Letter],
    at: datetime,
    ignored: Collection[str] = (),
) -> list[Mark]:
    """The marks on a reply as it stands now, in order of kind and person.

    Args:
        letters: What others wrote below it.
        at: Now; a mark that is known keeps the time when it was first seen.
        ignored: Names of members who have no say, such as bots of the community.
    """
    unheard = {name.casefold() for name in ignored}
    found: dict[tuple[str, int], Mark] = {}

    def add(
        kind: FeedbackKind, user_id: int, value: int, *, staff: bool = False
    ) -> None:
        if value and user_id != post.author_id and user_id >= 0:
            mark = Mark(post.topic_id, kind, user_id, value, staff, at)
            found[kind, user_id] = mark

    reacted = list(reactions)
    for each in reacted:
        if _has_say(each.person.id, each.person.username, unheard):
            kind: FeedbackKind = "like" if each.name == "heart" else "reaction"
            value = value_of(each.name)
            add(kind, each.person.id, value, staff=each.person.staff)
    # With the plug-in, a reaction is a like as well.
    spoken = {each.person.id for each in reacted}
    known = {fan.id: fan for fan in likers}
    for fan in known.values():
        has_say = _has_say(fan.id, fan.username, unheard)
        if has_say and fan.id not in spoken:
            add("like", fan.id, 1, staff=fan.staff)
    if post.likes and not known and not spoken:
        add("like", 0, 1)
    if post.accepted:
        add("solution", 0, 1)
    if post.hidden:
        add("flag", 0, -1)
    for letter in _answers(post, letters):
        if not _has_say(letter.author_id, letter.author, unheard):
            continue
        opinion = opinion_of(letter.raw, staff=letter.staff)
        if opinion is not None:
            value = 1 if opinion == "helped" else -1
            add("word", letter.author_id, value, staff=letter.staff)
    return sorted(found.values(), key=lambda mark: (mark.kind, mark.user_id))


def withdrawn_by_staff(marks: Iterable[Mark]) -> bool:
    """Whether a moderator's mark says that the reply should go."""
    return any(mark.staff and mark.value < 0 for mark in marks)


def _answers(post: OwnPost, letters: Iterable[Letter]) -> list[Letter]:
    return [
        letter
        for letter in letters
        if letter.reply_to == post.number and not letter.automatic
    ]


def _has_say(user_id: int, username: str, unheard: Collection[str]) -> bool:
    return user_id > 0 and username.casefold() not in unheard


def is_due(sent_at: datetime, looked_at: datetime | None, now: datetime) -> bool:
    """Whether a reply is to be looked after again.

    >>> from datetime import UTC
    >>> sent = datetime(2026, 6, 1, tzinfo=UTC)
    >>> looked = sent + timedelta(hours=8)
    >>> is_due(sent, looked, looked + timedelta(hours=1))
    False
    >>> is_due(sent, looked, looked + timedelta(hours=3))
    True
    """
    if looked_at is None:
        return True
    wait = (now - sent_at) * _SHARE_OF_AGE
    return now - looked_at >= min(max(wait, _SOONEST), _LATEST)
