"""The reply: links with the passage that answers, in the asker's language. Pure.

All that it quotes goes through `bot.escape`: the reply pings nobody, shows no card
or picture, and holds no link but those it was given. Who wrote what is linked hears
nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.because import reasons_of, told
from bot.catalogue import SOURCE_LANGUAGE, Catalogue, Catalogues, shipped
from bot.escape import code_span, inline, label, link_target, prose, shortened, visible
from bot.facts import facts_of, is_foreign
from bot.missing import Wanted, asked_for
from bot.topic import marker
from bot.wishes import opt_out_words
from kb.tongues import primary
from kb.types import Kind, SearchHit, TopicId
from kb.versions import versions_in

MAX_LINKS = 5
MAX_EXCERPT_CHARS = 240
_MAX_CODE_CHARS = 120
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")
_WORD = re.compile(r"\w{3,}")
# Passages are plain text; a paragraph with so many of these is code.
_SYMBOLS = re.compile(r"[{}\[\];=<>$|&\\_*]")
_SYMBOL_SHARE = 0.04


def compose(
    picks: Sequence[SearchHit],
    *,
    topic_id: TopicId,
    question: str,
    language: str | None,
    community: str,
    at: datetime,
    catalogues: Catalogues | None = None,
    lacks: Sequence[Wanted] = (),
) -> str:
    """The Markdown of a reply.

    Args:
        picks: One to five hits, best first, with web addresses.
        topic_id: Named in the invisible marker at the end.
        question: Title and text of the topic; decides which sentences are quoted.
        language: Of the asker; English where we have no words for it.
        community: Name of the community, for the line that says what this is.
        at: Now; decides whether a course is said to start, or to have started.
        catalogues: Our words; unset, those that are shipped.
        lacks: What is missing in the question, see `bot.missing.lacking`.

    Raises:
        ValueError: There are no picks, or too many.
    """
    if not 1 <= len(picks) <= MAX_LINKS:
        raise ValueError(f"expected 1 to {MAX_LINKS} links, got {len(picks)}")
    reader = language or SOURCE_LANGUAGE
    words = (shipped() if catalogues is None else catalogues).of(reader)
    named = versions_in(question)
    items = []
    for hit in picks:
        facts = facts_of(hit, reader=reader, at=at, foreign=inline, words=words)
        reasons = [told(r, words) for r in reasons_of(hit, named=named, reader=reader)]
        facts = [*facts, *_post(hit, words), *reasons]
        items.append(_item(hit, question, facts, words))
    wish = asked_for(lacks, words)
    parts = (
        words.line_start + _intro(picks, reader, words),
        # The forum notes no links within a quote of nobody: who wrote what is linked
        # is not notified, and no link back appears there.
        "[quote]",
        *items,
        "[/quote]",
        words.line_start + wish if wish else "",
        _footer(community, words),
        marker(topic_id),
    )
    return "\n\n".join(part for part in parts if part)


def _post(hit: SearchHit, words: Catalogue) -> list[str]:
    """Where a link leads to a reply, its number."""
    number = hit.passage.part_number
    if hit.document.kind is not Kind.THREAD or number <= 1:
        return []
    # Translators: of a thread: the reply that the link leads to.
    return [words.gettext("post {number}", number=str(number))]


def _footer(community: str, words: Catalogue) -> str:
    """What this is, how to say whether it helped, how to be left alone; a line each."""
    lines = (
        # Translators: ends every answer of the bot.
        words.gettext(
            "I am a bot of {community}. I only point to what is already written;"
            " members may know better.",
            community=inline(community),
        ),
        # Translators: ends every answer; the sign is what the bot looks for.
        words.gettext(
            "Did this help? Like this post. If not, reply with 👎 and tell why."
        ),
        # Translators: ends every answer; {words} are what to write, such as: opt out.
        words.gettext(
            "No more answers from me? Send me the private message {words}."
            " Out of place? Flag this post.",
            words=lambda spoken: code_span(opt_out_words(spoken.language)),
        ),
    )
    return "\n".join(f"{words.line_start}*{line}*" for line in lines)


def _intro(picks: Sequence[SearchHit], reader: str, words: Catalogue) -> str:
    """The first sentence, which says so when nothing is in the reader's language."""
    codes = [hit.document.language for hit in picks]
    named = words.language_name(reader)
    if not named or not all(is_foreign(code, reader) for code in codes):
        # Translators: begins an answer; links follow.
        return words.ngettext(
            "This may already answer your question:",
            "These may already answer your question:",
            len(picks),
        )
    if len({primary(code) for code in codes}) == 1:
        # Translators: begins an answer; links follow, all in another language.
        return words.ngettext(
            "This may already answer your question, though it is in {language}:",
            "These may already answer your question, though they are all in"
            " {language}:",
            len(picks),
            language=lambda spoken: spoken.language_name(codes[0]),
        )
    # Translators: begins an answer; links follow, none in the asker's language.
    return words.gettext(
        "These may already answer your question, though none of them is in {language}:",
        language=lambda spoken: spoken.language_name(reader),
    )


def _item(hit: SearchHit, question: str, facts: Sequence[str], words: Catalogue) -> str:
    shown = words.isolated(label(title_of(hit)))
    link = f"[{shown}]({link_target(hit.url)})"
    item = f"- {words.line_start}{link} · {' · '.join(facts)}"
    quoted = excerpt(hit.passage.text, question)
    return f"{item}\n  > {quoted}" if quoted else item


def title_of(hit: SearchHit) -> str:
    """The document's title, and the section when the link leads to one."""
    title = hit.document.title.strip() or hit.document.url
    section = hit.passage.heading.rsplit(" › ", 1)[-1].strip()
    if not section or section.casefold() == title.casefold():
        return title
    return f"{title} › {section}"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence, a line, or a whole block of code."""

    text: str
    code: bool = False

    @property
    def markdown(self) -> str:
        if self.code:
            return code_span(self.text, max_chars=_MAX_CODE_CHARS)
        return prose(self.text)


def excerpt(text: str, question: str, *, max_chars: int = MAX_EXCERPT_CHARS) -> str:
    """The run of sentences that shares most words with *question*, as Markdown.

    Of equal runs the earliest is taken. *max_chars* counts what is read, not the
    escapes. Ellipses show where the passage goes on.

    >>> excerpt("Hello. The backup runs at night. Have a nice day.", "my backup",
    ...     max_chars=30)
    '… The backup runs at night. …'
    >>> excerpt("Run this:\\n```sql\\nselect 1;\\n```", "run")
    'Run this: `select 1;`'
    """
    pieces = list(_pieces(text, max_chars))
    wanted = _words(question)
    best: tuple[int, int, int] | None = None
    for start in range(len(pieces)):
        end = _run_end(pieces, start, max_chars)
        found = _words(" ".join(piece.text for piece in pieces[start:end])) & wanted
        if best is None or len(found) > best[0]:
            best = (len(found), start, end)
    if best is None:
        return ""
    _, start, end = best
    shown = [piece.markdown for piece in pieces[start:end]]
    if start > 0:
        shown.insert(0, "…")
    if end < len(pieces) and not shown[-1].endswith("…"):
        shown.append("…")
    return " ".join(shown)


def _run_end(pieces: Sequence[_Piece], start: int, max_chars: int) -> int:
    length, end = len(pieces[start].text), start + 1
    while end < len(pieces) and length + 1 + len(pieces[end].text) <= max_chars:
        length += 1 + len(pieces[end].text)
        end += 1
    return end


def _pieces(text: str, max_chars: int) -> Iterator[_Piece]:
    for block, is_code in _blocks(text):
        if is_code:
            line = shortened(visible(block), _MAX_CODE_CHARS)
            if line:
                yield _Piece(line, code=True)
            continue
        for line in block.splitlines():
            for sentence in _SENTENCE_END.split(visible(line)):
                if sentence:
                    yield _Piece(shortened(sentence, max_chars))


def _blocks(text: str) -> Iterator[tuple[str, bool]]:
    """``(text, is_code)``: fences are taken at their word, paragraphs by their look.

    A fence that never closes holds the rest.
    """
    lines: list[str] = []
    fence = ""
    for line in text.splitlines():
        found = _FENCE.match(line)
        if found and (not fence or found[1].startswith(fence)):
            yield "\n".join(lines), bool(fence) or _looks_like_code(lines)
            lines, fence = [], "" if fence else found[1]
        elif line.strip() or fence:
            lines.append(line)
        else:
            yield "\n".join(lines), _looks_like_code(lines)
            lines = []
    yield "\n".join(lines), bool(fence) or _looks_like_code(lines)


def _looks_like_code(lines: Sequence[str]) -> bool:
    """Whether a paragraph is code.

    >>> _looks_like_code(["SELECT * FROM orgunit WHERE level = 3;"])
    True
    >>> _looks_like_code(["Open the app (as an admin), then press Save."])
    False
    """
    text = "".join("".join(lines).split())
    symbols = len(_SYMBOLS.findall(text))
    return symbols > 1 and symbols / len(text) > _SYMBOL_SHARE


def _words(text: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in _WORD.findall(text))
