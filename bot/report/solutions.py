"""Section 3, answered but not marked solved: the reply that looks like the solution.

Pure. Who asks seldom marks, but often says so: "thanks, that was it", "found it: …".
That is looked for, and to whom it is said; likes, code and length count as well, by
weights learned from topics whose solution is marked (`WEIGHTS`). In English, French,
Spanish and Portuguese; words are compared without case and accents.
"""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from selectolax.lexbor import LexborHTMLParser

from bot.escape import shortened, visible
from bot.questions import not_a_question
from bot.report.health import topic_of
from bot.report.model import Unmarked
from bot.report.open_now import view_of
from bot.report.records import Past, Post, Reply, Texts, Thread
from indexer.blocks import join_blocks
from indexer.clean import clean_body, is_tangled
from indexer.render import render_markdown
from kb.types import DocumentId

# Learned by `benchmarks/solutions.py` from real topics whose solution is marked: a
# softmax over the replies of a topic, and over *none* of them, which is right where a
# topic is cut off before its solution. The first ones count for all replies, then those
# for replies of other people, then those for replies of who asked.
WEIGHTS = {
    "none": 2.25,
    "likes": 1.02,
    "most_liked": 0.65,
    "code": 0.66,
    "words": 0.21,
    "late": -0.34,
    "glad": 1.23,
    "thanked": 1.55,
    "own": -0.26,
    "own_found": 1.40,
    "own_works": 0.82,
    "own_asks": -0.84,
    "own_fails": -0.49,
    "own_last": 0.33,
}
# Below this nothing is named.
LEAST = 0.4
# Of a long period the newest threads: nobody marks what was solved years ago.
NEWEST = 2_000

# Half as telling, for who asked goes on asking.
_HALF = 0.5
_MANY_WORDS = 100
_DIGITS = 4
_MAX_CHARS = 4_000
_EXCERPT_CHARS = 400
_BATCH = 400


@dataclass(frozen=True, slots=True)
class Guess:
    """The reply that looks most like the solution.

    Attributes:
        number: Of the post.
        sure: In [0, 1]: how likely it is the one that would be accepted.
        why: What speaks for it, strongest first, for people.
    """

    number: int
    sure: float
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reply, by what speaks for it and against it: some names of `WEIGHTS`."""

    reply: Reply
    words: int
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Said:
    """What a reply says, as far as that is looked for.

    Attributes:
        words: In sentences that ask nothing.
        asks: Some sentence is a question.
        thanks, works, fails, found: See the words below; of who asked only.
        names, quotes: Members that it mentions, numbers of posts that it quotes.
    """

    reply: Reply
    words: int
    code: bool
    asks: bool
    thanks: bool = False
    works: bool = False
    fails: bool = False
    found: bool = False
    names: tuple[str, ...] = ()
    quotes: tuple[int, ...] = ()

    @property
    def doubts(self) -> bool:
        return self.asks or self.fails


def likely_solution(
    thread: Thread,
    posts: Mapping[int, Post],
    *,
    least: float = LEAST,
    weights: Mapping[str, float] = WEIGHTS,
) -> Guess | None:
    """The reply that looks like the solution; ``None`` where none is sure enough.

    No mark is looked at. A program's reply is never named, and one of who asked only
    where another person replied as well.

    Args:
        posts: Texts of the thread, by number; a reply without one is passed over.
        least: How sure it must be at least.
    """
    if not any(reply.number in posts for reply in thread.by_people):
        return None
    found = candidates(thread, posts)
    scores = [_score(each.features, weights) for each in found]
    top = max(scores)
    total = math.fsum(math.exp(score - top) for score in (*scores, weights["none"]))
    best = found[scores.index(top)]
    sure = round(1 / total, _DIGITS)
    return Guess(best.reply.number, sure, _why(best)) if sure >= least else None


def unmarked(
    past: Past,
    texts: Texts,
    *,
    least: float = LEAST,
    limit: int = 100,
    newest: int = NEWEST,
    left_out: Collection[DocumentId] = (),
    progress: Callable[[int], None] = lambda _count: None,
) -> tuple[Unmarked, ...]:
    """The questions of the period that are not marked solved and have a reply that
    looks like the solution; most certain first, then newest.

    Args:
        least: How sure it must be at least.
        limit: How many are told.
        newest: How many threads are looked at, which is what takes time.
        left_out: Threads that are told of elsewhere: what nobody answered, and what
            a moderator says is no question.
        progress: Called with the number of threads looked at since.
    """
    elsewhere = frozenset(left_out)
    may_be = [
        thread
        for thread in past.asked
        if not thread.solved and thread.by_people and thread.id not in elsewhere
    ]
    may_be.sort(key=lambda thread: (thread.created_at, thread.id), reverse=True)
    found: list[tuple[Thread, Guess, Post]] = []
    del may_be[newest:]
    for start in range(0, len(may_be), _BATCH):
        some = may_be[start : start + _BATCH]
        held = texts.posts([thread.id for thread in some])
        for thread in some:
            posts = held.get(thread.id, {})
            guess = likely_solution(thread, posts, least=least)
            if guess and _is_question(thread, posts):
                found.append((thread, guess, posts[guess.number]))
        progress(len(some))
    # They are newest first already, and sorting keeps that among equals.
    found.sort(key=lambda each: -each[1].sure)
    return tuple(_told(*each) for each in found[:limit])


def candidates(thread: Thread, posts: Mapping[int, Post]) -> tuple[Candidate, ...]:
    """The replies that may be the solution, in order, with their features."""
    replies = sorted(thread.replies, key=lambda reply: reply.number)
    said = [
        _read(reply, posts[reply.number], thread.key)
        for reply in replies
        if reply.number in posts
    ]
    glad, thanked = _credits(said)
    most = max((each.reply.likes for each in said), default=0)
    own = [each for each in said if each.reply.voice == "asker"]
    found = []
    for place, each in enumerate(said):
        if each.reply.voice == "bot":
            continue
        features = {
            "likes": math.log1p(each.reply.likes),
            "most_liked": float(0 < each.reply.likes == most),
            "code": float(each.code),
            "words": math.log1p(min(each.words, _MANY_WORDS)),
            "late": math.log1p(place),
        }
        if each.reply.voice == "asker":
            features |= {
                "own": 1.0,
                "own_found": float(each.found),
                "own_works": float(each.works),
                "own_asks": float(each.asks),
                "own_fails": float(each.fails),
                "own_last": float(each is own[-1]),
            }
        else:
            features |= {
                "glad": glad.get(each.reply.number, 0.0),
                "thanked": thanked.get(each.reply.number, 0.0),
            }
        found.append(Candidate(each.reply, each.words, features))
    return tuple(found)


def _score(features: Mapping[str, float], weights: Mapping[str, float]) -> float:
    return math.fsum(weights[name] * value for name, value in features.items())


# -- who is meant ------------------------------------------------------------------


def _credits(said: Sequence[_Said]) -> tuple[dict[int, float], dict[int, float]]:
    """By number of a post: whether who asked says that it works, or thanks for it."""
    glad: dict[int, float] = {}
    thanked: dict[int, float] = {}
    for place, each in enumerate(said):
        if each.reply.voice != "asker":
            continue
        meant = _meant(each, [s for s in said[:place] if s.reply.voice != "asker"])
        worth = _HALF if each.doubts else 1.0
        if meant is not None and each.works:
            glad[meant] = max(worth, glad.get(meant, 0.0))
        if meant is not None and each.thanks:
            thanked[meant] = max(worth, thanked.get(meant, 0.0))
    return glad, thanked


def _meant(said: _Said, before: Sequence[_Said]) -> int | None:
    """Which of the posts before it what who asked says is about."""
    numbers = {each.reply.number for each in before}
    for number in (said.reply.reply_to, *said.quotes):
        if number in numbers:
            return number
    for name in said.names:
        for each in reversed(before):
            if _plain(each.reply.name) == name:
                return each.reply.number
    return before[-1].reply.number if before else None


# -- what is said ------------------------------------------------------------------

_OTHERS = "aside.quote, blockquote, details.elided, script, style"
_QUOTED = re.compile(
    r'<aside class="quote[^<>]{0,200}? data-post="(\d{1,9})"'
    r'(?:[^<>]{0,200}? data-topic="(\d{1,18})")?'
)
_MENTION = re.compile(r"(?<!\w)@([\w.-]*\w)")
_URL = re.compile(r"https?://\S+")
_SENTENCE_END = re.compile(r"(?<=[.!?…]) ")
_ACCENTS = re.compile("[\u0300-\u036f]+")


def _read(reply: Reply, post: Post, topic: str) -> _Said:
    markup = _markup(post)
    # A tree of it would cost minutes.
    page = LexborHTMLParser("" if is_tangled(markup) else markup)
    if "<aside" in markup or "<blockquote" in markup or "<details" in markup:
        for node in page.css(_OTHERS):
            node.decompose()
    blocks = page.css("pre") if "<pre" in markup else []
    for node in blocks:
        node.decompose()
    text = _URL.sub(" ", " ".join(page.text(separator=" ")[:_MAX_CHARS].split()))
    sentences = _SENTENCE_END.split(text)
    telling = [each for each in sentences if not each.endswith("?")]
    said = _Said(
        reply,
        words=sum(len(each.split()) for each in telling),
        code=bool(blocks),
        asks=len(telling) < len(sentences),
    )
    if reply.voice != "asker":
        return said
    quotes = [int(n) for n, of in _QUOTED.findall(markup) if of in ("", topic)]
    return _heard(replace(said, quotes=tuple(quotes)), _plain(text))


def _heard(said: _Said, text: str) -> _Said:
    # What does not work is no praise.
    hopeful = _FAILS.sub(" ", text)
    return replace(
        said,
        thanks=bool(_THANKS.search(text)),
        works=bool(_WORKS.search(hopeful)),
        fails=hopeful != text,
        found=bool(_FOUND.search(text)),
        names=tuple(_MENTION.findall(text)),
    )


def _markup(post: Post) -> str:
    match post.format:
        case "html":
            return post.body
        case "markdown":
            return render_markdown(post.body)
        case _:
            return html.escape(post.body)


def _plain(text: str) -> str:
    text = text.casefold().replace("’", "'")
    if text.isascii():
        return text
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", text))


def _any(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{part})" for part in parts))


_THANKS = _any(
    r"\b(?:thanks?|thankyou|thanx|thx|tyvm)\b(?!(?: you)?(?: so much| very much| a "
    r"lot)? (?:in advance|for (?:any|reading)))",
    r"\b(?:cheers|appreciate[ds]?|grateful|brilliant|perfect|awesome|excellent|genius|"
    r"magician|(?:very|really|super) helpful|(?:really|that|this) help(?:s|ed)|good to "
    r"know|(?:nice|great|good) (?:explanation|answer|idea|help|tip|catch))\b",
    r"\b(?:merci|remercie)\b(?!(?: beaucoup)? (?:d'avance|par avance|de (?:m'aider|"
    r"preciser)))",
    r"\b(?:parfait|genial|impeccable|bonne idee|tres utile)\b",
    r"\b(?:gracias|agradezco|agradecid[oa])\b(?!(?: a todos)? (?:de antemano|por "
    r"adelantado))",
    r"\b(?:perfecto|excelente|estupendo|buenisimo|muy util)\b",
    r"\b(?:obrigad[oa]|valeu|agradeco)\b(?! (?:desde ja|antecipadamente))",
    r"\b(?:perfeito|otimo|muito util|boa ideia)\b",
)
_WORKS = _any(
    r"\b(?:works|worked|compiles|builds)\b",
    r"\b(?:is|are|'s|now|all|everything|got it|got this) (?:\w+ )?working\b",
    r"\b(?:solved|fixed|resolved|rectified)\b",
    r"\bthat(?: was|'s| is| did)(?: exactly| just)? (?:it|the (?:problem|issue|cause|"
    r"solution|trick|reason))\b|\bthat did\b|\bdid the (?:trick|job)\b",
    r"\bwas the (?:\w+ )?(?:problem|issue|cause|reason|culprit|trick)\b|"
    r"\bmissing (?:link|piece|part)\b|\b(?:error|problem|issue) (?:is |has )?gone\b",
    r"\byou(?:'re| are| were)(?: both)?(?: absolutely| totally| quite)? right\b",
    r"\b(?:makes sense|i confirm|i got it|got it now|i should have|exactly what|"
    r"just what)\b",
    r"\b(?:ca|cela|tout|elle|il) (?:re)?(?:marche|fonctionne)\b|\ba (?:marche|"
    r"fonctionne)\b|\b(?:resolu|regle)s?\b",
    r"\bc'etait (?:bien )?(?:ca|cela)\b|\b(?:vous aviez|tu avais) raison\b|"
    r"\bexactement ce\b|\bje confirme\b",
    r"\b(?:funciona|funciono|sirvio)\b|\b(?:solucionad|resuelt|arreglad)[oa]\b",
    r"\bera eso\b|\b(?:tenia|tenias|tienes|tiene) razon\b|\b(?:justo|exactamente) lo "
    r"que\b|\blo confirmo\b",
    r"\bfuncionou\b|\bdeu certo\b|\b(?:resolvid|solucionad)[oa]\b|\bera isso\b|"
    r"\b(?:tinha|tem|tens) razao\b|\bexatamente o que\b|\bconfirmo\b",
)
# With the words that they deny.
_FAILS = _any(
    r"(?:n't|\bnot|\bnever|\bno longer|\bcannot|\bunable to)(?: \w+){0,3}? (?:work|"
    r"works|worked|working|help|helped|change|solve|solved|fix|fixed|compile|build|"
    r"show)\b",
    r"\bstill\b(?! curious| wonder)|\b(?:no|without) (?:luck|difference|effect|success|"
    r"change)\b",
    r"\b(?:same|another|new|other|next) (?:error|result|problem|issue|thing)\b|"
    r"\b(?:unfortunately|partially|i tried)\b|\bbut (?:now|when|it)\b",
    r"\b(?:marche|fonctionne)(?: \w+)? (?:pas|plus)\b|\b(?:pas|non) (?:resolu|regle)\b|"
    r"\btoujours (?:pas|la|le)\b|\b(?:meme|autre) (?:erreur|probleme)\b|"
    r"\bmalheureusement\b",
    r"\bno (?:me |nos |lo )?(?:funciona|funciono|sirve|sirvio|he solucionado|esta "
    r"resuelto)\b|\b(?:sigue|todavia|aun no)\b|\b(?:mismo|otro) (?:error|problema)\b|"
    r"\b(?:desafortunada|lamentable)mente\b",
    r"\bnao (?:funciona|funcionou|deu certo|resolveu|foi resolvido|esta resolvido)\b|"
    r"\b(?:ainda|continua)\b|\b(?:mesmo|outro) (?:erro|problema)\b|\binfelizmente\b",
)
# Who asked tells how it was solved.
_FOUND = _any(
    r"\bi(?:'ve| have)?(?: just| finally| did| managed to| think i| believe i)* (?:"
    r"find|found|figured?|solved?|fixed|resolved|managed|got (?:it|this)|made it|was "
    r"able)\b",
    r"\b(?:just|finally) (?:found|figured|solved|fixed|got)\b|\b(?:found|figured|"
    r"solved|fixed) (?:it|out|the|a|an|my)\b|\bturn(?:s|ed) out\b|\bended up\b",
    r"\bmy (?:bad|mistake|fault)\b|\b(?:problem|issue|solution|cause|reason|fix|trick|"
    r"answer|error|bug) (?:was|were|is)\b|\b(?:solution|answer)s? ?:|\bsolved\b",
    r"\bgot (?:it|this) working\b|\bwhat i did\b|\bworkaround\b|\bnever ?mind\b|"
    r"\bfor (?:anyone|anybody|others|those|future)\b|\bstupid\b|"
    r"\bi was (?:being )?(?:dumb|wrong|missing)\b",
    r"\bj'ai (?:enfin |finalement |pu |bien )?(?:trouve|reussi|resolu|regle|corrige)\b|"
    r"\ble (?:probleme|souci) (?:etait|venait)\b|\bla solution (?:est|etait)\b|"
    r"\b(?:mon erreur|finalement|resolu)\b",
    r"\b(?:encontre|logre|solucione|resolvi|consegui|arregle)\b|\bel (?:problema|"
    r"error) (?:era|estaba)\b|\bla solucion (?:es|fue|era)\b|\b(?:resulta que|mi error|"
    r"solucionado|resuelto)\b",
    r"\b(?:encontrei|descobri|solucionei|corrigi)\b|\bo (?:problema|erro) (?:era|"
    r"estava)\b|\ba solucao (?:e|foi|era)\b|\b(?:acabei|erro meu|resolvido)\b",
)


# -- how it is told ----------------------------------------------------------------


def _is_question(thread: Thread, posts: Mapping[int, Post]) -> bool:
    return 1 not in posts or not not_a_question(view_of(thread, posts, ()))


def _why(best: Candidate) -> tuple[str, ...]:
    likes = best.reply.likes
    reasons = {
        "glad": "who asked says that it works",
        "thanked": "who asked thanks for it",
        "likes": f"{likes} like{'' if likes == 1 else 's'}",
        "code": "it shows code",
        "words": f"it says {best.words} words of its own",
        "own_found": "who asked tells how it was solved",
        "own_works": "who asked says that it works now",
        "own_last": "it is the last word of who asked",
    }
    speaks = {name: WEIGHTS[name] * best.features.get(name, 0.0) for name in reasons}
    told = (name for name in reasons if speaks[name] > 0)
    return tuple(reasons[name] for name in sorted(told, key=lambda n: -speaks[n]))


def _told(thread: Thread, guess: Guess, post: Post) -> Unmarked:
    author = next(r.name for r in thread.replies if r.number == guess.number)
    text = visible(join_blocks(clean_body(post.body, post.format)))
    return Unmarked(
        topic=topic_of(thread),
        number=guess.number,
        url=f"{thread.url}/{guess.number}",
        author=author,
        sure=guess.sure,
        excerpt=shortened(text, _EXCERPT_CHARS),
        why=guess.why,
    )
