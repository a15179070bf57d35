"""Section 1, open now: questions that no person answered, those in need first.

What a bot wrote answers nothing here, and neither do replies that tell nothing. How
much a question needs somebody is a weighted sum of a few things that anybody can
check, and the strongest of them are told beside it. Pure, but for the texts that are
asked for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.helped import FEW_WORDS, has_answer
from bot.questions import not_a_question
from bot.report.clusters import in_batches
from bot.report.health import newest_of, topic_of
from bot.report.model import Action, Helper, OpenNow, OpenQuestion, Resource, Rows
from bot.report.records import Past, Post, Reply, Texts, Thread
from bot.report.trends import messages_in, numbers_in
from bot.topic import ReplyView, TopicView
from indexer.clean import is_tangled
from kb.accents import unaccented
from kb.types import DocumentId, TopicId

_BATCH = 400
_ROWS = 100
_HOUR = timedelta(hours=1)
# A question is most in need after some days; one of last winter is another matter: who
# asked has mostly gone.
_RIPE, _STALE, _HALF_LIFE = timedelta(days=3), timedelta(days=21), timedelta(days=30)
# So many views are as many as count.
_MANY_VIEWS = 500
_ENOUGH_WORDS = 40
_MAX_CHARS = 6_000

# Each part lies in [0, 1], and so does their weighted sum.
_WEIGHTS = {
    "waits": 0.30,
    "urgent": 0.20,
    "newcomer": 0.15,
    "read": 0.10,
    "answerable": 0.25,
}
# A link that is so sure to help is worth a word.
LIKELY = 0.3
# Of being answerable: somebody wrote down what is needed, and something is known.
_TOLD, _KNOWN = 0.4, 0.6


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found in the texts of the period's topics.

    Attributes:
        questions: Topics that ask something, of those that were looked at.
        no_questions: Topics that do not, likewise.
        unanswered: Questions that no person answered, oldest first.
    """

    questions: frozenset[DocumentId]
    no_questions: frozenset[DocumentId]
    unanswered: tuple[Thread, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """What was held back for a question.

    Attributes:
        suggestion: The best there is; ``None``: there is none.
        silence: Why it is not on the forum.
        draft: A reply waits for a moderator's word.
    """

    suggestion: Resource | None
    silence: str
    draft: bool = False


def look(
    past: Past,
    texts: Texts,
    *,
    marked: Collection[tuple[str, str]] = (),
    progress: Callable[[int], None] = lambda _count: None,
) -> Looked:
    """Read what was asked and replied, and tell which questions are open.

    Only topics that may be open are looked at: not those that are closed or solved, or
    in which a person's reply is enough.

    Args:
        marked: ``(source, key)`` of topics that a moderator marked as no question.
    """
    may_be = [t for t in past.asked if not (t.solved or t.closed)]
    questions: set[DocumentId] = set()
    others: set[DocumentId] = set()
    unanswered: list[Thread] = []
    for start in range(0, len(may_be), _BATCH):
        some = may_be[start : start + _BATCH]
        posts = texts.posts([thread.id for thread in some])
        for thread in some:
            written = posts.get(thread.id, {})
            if (thread.source, thread.key) in marked:
                others.add(thread.id)
            elif not _is_answered(thread, written):
                view = view_of(thread, written, ())
                if 1 not in written or not not_a_question(view):
                    questions.add(thread.id)
                    unanswered.append(thread)
                else:
                    others.add(thread.id)
        progress(len(some))
    return Looked(frozenset(questions), frozenset(others), tuple(unanswered))


def _is_answered(thread: Thread, posts: Mapping[int, Post]) -> bool:
    replies = [reply for reply in thread.by_people if reply.number in posts]
    if not replies:
        return False
    return bool(has_answer(view_of(thread, posts, replies), bot="", enough=FEW_WORDS))


def view_of(
    thread: Thread, posts: Mapping[int, Post], replies: Sequence[Reply]
) -> TopicView:
    """A thread as the bot's own eyes see it. Who is who was told already; of markup
    whose tree would cost minutes nothing is seen."""
    opening = posts.get(1)
    return TopicView(
        id=TopicId(0),
        title=thread.title,
        url=thread.url,
        opening="" if opening is None else _markup(opening),
        author="",
        author_id=1,
        created_at=thread.created_at,
        author_staff=thread.staff,
        pinned=thread.pinned,
        replies=tuple(
            ReplyView(
                number=reply.number,
                author=reply.name or "somebody",
                author_id=2,
                staff=reply.staff,
                cooked=_markup(posts[reply.number]),
                created_at=reply.at,
                likes=reply.likes,
                accepted=reply.accepted,
            )
            for reply in replies
        ),
    )


def _markup(post: Post) -> str:
    return "" if is_tangled(post.body) else post.body


def open_now(
    looked: Looked,
    texts: Texts,
    *,
    at: datetime,
    limit: int,
    hold: Callable[[Sequence[Thread]], Mapping[DocumentId, Held]],
    helpers: Callable[[Sequence[Thread]], Mapping[DocumentId, tuple[Helper, ...]]],
    actions: Callable[[Thread, Held | None], tuple[Action, ...]],
) -> OpenNow:
    """The questions that need somebody most.

    Half as many again as are told are looked at once more, with what is known that may
    answer them: that costs a search each.

    Args:
        at: Now, for ages.
        hold: What was held back, or would be found now; of those that it knows nothing
            of it tells nothing.
        helpers: Who could help, asked for those that are told, in their order.
    """
    openings = dict(in_batches(texts, (thread.id for thread in looked.unanswered)))
    first = sorted(
        looked.unanswered,
        key=lambda t: (-_need(_parts(t, openings.get(t.id, ""), at, None)), t.id),
    )[: limit + max(limit // 2, 5)]
    held = hold(first)
    weighed = []
    for thread in first:
        parts = _parts(thread, openings.get(thread.id, ""), at, held.get(thread.id))
        weighed.append((_need(parts), parts, thread))
    weighed.sort(key=lambda each: (-each[0], each[2].id))
    told = weighed[:limit]
    could_help = helpers([thread for _, _, thread in told])
    newest = newest_of(looked.unanswered, _ROWS)
    return OpenNow(
        Rows(len(looked.unanswered), "open = yes", tuple(map(topic_of, newest))),
        tuple(
            _question(
                thread,
                need,
                parts,
                at,
                held.get(thread.id),
                could_help.get(thread.id, ()),
                actions(thread, held.get(thread.id)),
            )
            for need, parts, thread in told
        ),
    )


def _question(
    thread: Thread,
    need: float,
    parts: Mapping[str, tuple[float, str]],
    at: datetime,
    held: Held | None,
    helpers: tuple[Helper, ...],
    actions: tuple[Action, ...],
) -> OpenQuestion:
    strongest = sorted(parts, key=lambda name: (-_WEIGHTS[name] * parts[name][0], name))
    return OpenQuestion(
        topic=topic_of(thread),
        age_hours=round((at - thread.created_at) / _HOUR, 2),
        newcomer=thread.newcomer,
        views=thread.views,
        replies=len(thread.by_people),
        need=round(need, 4),
        why=tuple(
            why for name in strongest for why in parts[name][1].split("; ") if why
        ),
        suggestion=None if held is None else held.suggestion,
        silence="" if held is None else held.silence,
        helpers=helpers,
        actions=actions,
    )


# -- how much it needs somebody ------------------------------------------------------


def _need(parts: Mapping[str, tuple[float, str]]) -> float:
    return sum(_WEIGHTS[name] * value for name, (value, _) in parts.items())


def _parts(
    thread: Thread, opening: str, at: datetime, held: Held | None
) -> dict[str, tuple[float, str]]:
    """What need is made of: each in [0, 1], with its reason for people."""
    age = max(at - thread.created_at, timedelta(0))
    urgent = urgency_words(f"{thread.title}\n{opening}")
    told = list(_told(opening))
    confidence = _confidence(held)
    known = "what may answer it is known" if confidence >= LIKELY else ""
    has_told = f"it tells {', '.join(told)}" if told else ""
    return {
        "waits": (_wait(age), f"waits for {_span(age)}"),
        "urgent": (
            min(len(urgent), 2) / 2,
            f"says {', '.join(f'“{word}”' for word in urgent[:3])}" if urgent else "",
        ),
        "newcomer": (
            float(thread.newcomer),
            "first post of a newcomer" if thread.newcomer else "",
        ),
        "read": (
            min(math.log1p(max(thread.views, 0)) / math.log1p(_MANY_VIEWS), 1.0),
            f"read {thread.views} times" if thread.views else "",
        ),
        "answerable": (
            _TOLD * min(len(told), 2) / 2 + _KNOWN * confidence,
            "; ".join(filter(None, (known, has_told))),
        ),
    }


def _confidence(held: Held | None) -> float:
    if held is None or held.suggestion is None:
        return 0.0
    return held.suggestion.confidence or 0.0


def _wait(age: timedelta) -> float:
    """Grows over the first days, and fades after some weeks.

    >>> [round(_wait(timedelta(days=days)), 2) for days in (0, 1, 3, 21, 51, 81)]
    [0.0, 0.33, 1.0, 1.0, 0.5, 0.25]
    """
    faded = max(age - _STALE, timedelta(0)) / _HALF_LIFE
    return float(min(age / _RIPE, 1.0) * 0.5**faded)


def _span(age: timedelta) -> str:
    """An age as people say it.

    >>> [_span(timedelta(hours=hours)) for hours in (0.1, 30, 230)]
    ['less than an hour', '30 hours', '9 days']
    """
    hours = int(age / _HOUR)
    if hours < 1:
        return "less than an hour"
    if hours < 48:
        return f"{hours} hours" if hours > 1 else "an hour"
    return f"{hours // 24} days"


def _told(opening: str) -> Iterator[str]:
    """What a question holds that helpers ask for."""
    text = opening[:_MAX_CHARS]
    if any(is_version for _, is_version in numbers_in(text)) or _SHORT.search(text):
        yield "a version"
    if messages_in(text):
        yield "an error or a log"
    if len(text.split()) >= _ENOUGH_WORDS:
        yield "what was done"


def urgency_words(text: str) -> tuple[str, ...]:
    """The words of *text* that tell of urgency or of harm, in English, French, Spanish
    and Portuguese; each once, in their order.

    >>> urgency_words("URGENT: production server down, données perdues")
    ('urgent', 'production server down', 'donnees perdues')
    >>> urgency_words("How do I add an urgent care ward?")
    ()
    """
    bare = unaccented(text[:_MAX_CHARS])
    return tuple(dict.fromkeys(found[0] for found in _URGENT.finditer(bare)))


_SHORT = re.compile(r"\bv\d{2,3}\b", re.IGNORECASE)
# "Urgent care" and "emergency room" are what such systems are about.
_URGENT = re.compile(
    r"\b(?:urgent(?:ly)?(?! care| ward)|asap|as soon as possible|immediately|"
    r"emergency(?! (?:room|ward|care|department|unit|obstetric))|critical(?= issue|ly)|"
    r"deadline|production (?:server|system|instance|site)?\s?(?:is )?(?:down|broken)|"
    r"(?:server|system|instance) (?:is )?down|data loss|los(?:t|ing) (?:all |our |my )?"
    r"data|cannot (?:log ?in|sign in)|can't (?:log ?in|sign in)|locked out|blocked|"
    r"blocker|"
    r"urgence(?!s)|des que possible|au plus vite|en panne|bloque[es]?|"
    r"donnees (?:sont )?perdues|perte de donnees|"
    r"urgente(?:mente)?|urgencia(?!s)|lo antes posible|cuanto antes|bloquead[oa]s?|"
    r"perdida de datos|"
    r"o mais rapido possivel|quanto antes|perda de dados|fora do ar)\b"
)
