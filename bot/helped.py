"""Has a member answered already? Pure, and explained.

The bot steps back for people. What counts is what a reply tells: sentences that ask,
thank, wait or say "the same here" tell nothing, whoever wrote them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from bot.topic import ReplyView, TopicView
from kb.accents import unaccented

# Of first replies without a link in a real community, three of four that were thanked
# for tell so many words; of the others, which may be answers as well, half do.
ENOUGH_WORDS = 20
# Fewer from the staff ("it is a bug, and fixed in 2.41.2"), or around a block of code.
FEW_WORDS = 8
# Less than this is no answer, though somebody liked it.
_LEAST_WORDS = 4
_MAX_CHARS = 20_000
# Cards stay: somebody led there. Quotes repeat what was said before.
_OTHERS = "aside.quote, blockquote, details.elided, .lightbox-wrapper, script, style"
_NO_PAGE = frozenset(
    {"mention", "mention-group", "hashtag", "hashtag-cooked", "anchor", "lightbox"}
)
# The dot of 2.41.2 and of a file's name ends none.
_SENTENCE = re.compile(r"(?:[^.!?…]|\.(?=\w))+[.!?…]*")
_WORD = re.compile(r"[^\W_]+(?:[.'-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Told:
    """What a reply brings.

    Attributes:
        words: In sentences that tell something.
        links: It leads to a page.
        code: It holds a block of code.
    """

    words: int
    links: bool
    code: bool


def has_answer(topic: TopicView, *, bot: str, enough: int = ENOUGH_WORDS) -> str:
    """Why a topic counts as answered by people; empty when it does not.

    Args:
        bot: The account of ours, whose replies are no people's.
        enough: A reply that tells something in so many words is an answer whoever
            wrote it. Who asks whether a bot may still speak wants to be surer than who
            asks whether somebody should look.
    """
    for reply in topic.replies:
        if _is_of_others(reply, topic, bot):
            why = _why(reply, topic.opening, enough=enough)
            if why:
                return f"a member has answered (post {reply.number}: {why})"
    return ""


def _is_of_others(reply: ReplyView, topic: TopicView, bot: str) -> bool:
    return (
        bool(reply.cooked)
        and reply.author_id > 0
        and reply.author_id != topic.author_id
        and reply.author.casefold() not in (topic.author.casefold(), bot.casefold())
    )


def _why(reply: ReplyView, opening: str, *, enough: int) -> str:
    if reply.accepted:
        return "it is accepted"
    told = told_by(reply.cooked)
    # Few have any, and only for these it matters what was linked above.
    if told.links and told_by(reply.cooked, known=_targets(opening)).links:
        return "it has a link"
    if told.words < _LEAST_WORDS and not told.code:
        return ""
    if reply.likes > 0:
        return "it is liked"
    if reply.staff and (told.code or told.words >= FEW_WORDS):
        return "it is from the staff"
    if told.code and told.words >= FEW_WORDS:
        return "it shows code"
    if told.words >= enough:
        return f"it tells something in {told.words} words"
    return ""


def told_by(cooked: str, *, known: frozenset[str] = frozenset()) -> Told:
    """What the HTML of a reply brings.

    Args:
        known: Addresses that are no news, such as those in the question.

    >>> told_by("<p>Same problem here. Any news?</p>")
    Told(words=0, links=False, code=False)
    >>> told_by("<p>Restart Tomcat, then clear the cache. Which version?</p>").words
    6
    """
    page = LexborHTMLParser(cooked or "<p></p>")
    for node in page.css(_OTHERS):
        node.decompose()
    links = any(href not in known for href in _pages(page))
    blocks = page.css("pre")
    code = bool(blocks)
    for node in blocks:
        node.decompose()
    text = _plain(page.text(separator="\n")[:_MAX_CHARS])
    telling = [s for s in _sentences(text) if not _asks(s) and not _idle(s)]
    words = sum(len(_WORD.findall(sentence)) for sentence in telling)
    return Told(words, links, code)


def _targets(cooked: str) -> frozenset[str]:
    return frozenset(_pages(LexborHTMLParser(cooked or "<p></p>")))


def _pages(page: LexborHTMLParser) -> Iterator[str]:
    """Where a post leads to: pages, no members, pictures or files."""
    for link in page.css("a[href]"):
        href = (link.attributes.get("href") or "").strip()
        marks = (link.attributes.get("class") or "").split()
        is_page = href.startswith(("https://", "http://", "/"))
        if is_page and _NO_PAGE.isdisjoint(marks) and not _is_file(link, href):
            yield href


def _is_file(link: LexborNode, href: str) -> bool:
    marks = (link.attributes.get("class") or "").split()
    return "attachment" in marks or "/uploads/" in href or href.startswith("/u/")


def _sentences(text: str) -> Iterator[str]:
    for found in _SENTENCE.finditer(text):
        if _WORD.search(found[0]):
            yield found[0].strip()


def _asks(sentence: str) -> bool:
    return sentence.endswith("?") or bool(_REQUEST.search(sentence))


def _idle(sentence: str) -> bool:
    return bool(_IDLE.search(sentence))


def _plain(text: str) -> str:
    bare = unaccented(text.replace("’", "'"))
    # Lines of HTML's own making end no sentence; a full stop may lie beyond them.
    return re.sub(r"\s*\n\s*", " ", bare)


# Asks for details without a question mark.
_REQUEST = re.compile(
    r"\b(?:(?:please|kindly|could you|can you|would you)\b.{0,40}\b(?:share|post|send|"
    r"provide|tell|attach|upload|paste|give|describe|explain|add|specify|clarify|"
    r"let us know)|(?:what|which) (?:version|browser|error)|let us know (?:which|what|"
    r"if|how)|we (?:would )?need (?:more|your|the (?:log|version))|more (?:details|"
    r"information|info) (?:would|is|are)|"
    r"(?:pouvez|pourriez|peux|pourrais)[- ](?:vous|tu)\b.{0,40}\b(?:partager|envoyer|"
    r"preciser|donner|indiquer|joindre|decrire|dire)|merci de (?:preciser|partager|"
    r"donner|joindre)|quelle version|"
    r"(?:puede|podria|puedes|podrias)\b.{0,40}\b(?:compartir|enviar|indicar|decir|"
    r"adjuntar|describir|dar|explicar)|por favor.{0,20}\b(?:comparta|comparte|envie|"
    r"indique|adjunte)|que version|"
    r"(?:pode|poderia|podes)\b.{0,40}\b(?:compartilhar|partilhar|enviar|indicar|dizer|"
    r"anexar|descrever|explicar|dar)|por favor.{0,20}\b(?:compartilhe|partilhe|envie|"
    r"indique|anexe)|qual (?:a )?versao)\b"
)
# Company, thanks and waiting.
_IDLE = re.compile(
    r"^\W*(?:\+1|up|bump|hi|hello|hey|dear|thanks?|thank you|welcome|good (?:morning|"
    r"day|question|luck)|bonjour|salut|merci|hola|gracias|ola|obrigad[oa])\b.{0,40}$|"
    r"\b(?:(?:have|having|got|get|had|see|seeing|experienc\w+|face|"
    r"facing) (?:exactly )?"
    r"(?:the |a )?(?:very )?(?:same|similar)|same (?:problem|issue|error|question|here|"
    r"thing|situation)|me too|any (?:news|update|solution|progress|luck)|"
    r"(?:also|too) (?:interested|waiting|looking)|(?:following|subscribed|interested|"
    r"waiting) (?:this|here|too|as well|for)|did you (?:find|solve)|"
    r"meme (?:probleme|souci|erreur|question|cas|chose)|moi aussi|pareil|du nouveau|"
    r"mism[oa] (?:problema|error|duda|caso|pregunta)|yo tambien|a mi tambien|"
    r"alguna (?:novedad|solucion)|"
    r"mesm[oa] (?:problema|erro|duvida|caso|questao)|eu tambem|alguma (?:novidade|"
    r"solucao))\b"
)
