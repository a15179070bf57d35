"""What comes along when people answer by mail: quoted mail, signatures, disclaimers.

Pure. Nothing goes without a sign that it is mail: a blockquote in which an author
cites a document stays, one below "On … wrote:" does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from indexer.blocks import Block

# A signature or a list's footer is short. What follows a dash or a rule and is
# longer than this is content.
_MAX_TAIL_CHARS = 800

# Lines that mail programs put above what they quote, joined where they were wrapped.
_ATTRIBUTION = re.compile(
    r"[>\s]*(?:"
    r"On\b.{4,300}\bwrote\s?:"
    r"|Le\b.{4,300}\ba écrit\s?:"
    r"|El\b.{4,300}\bescribió\s?:"
    r"|(?:Em|No dia|A)\b.{4,300}\bescreveu\s?:"
    r"|Am\b.{4,300}\bschrieb\b.{0,100}:"
    r"|Il\b.{4,300}\bha scritto\s?:"
    r"|[^<>]{0,100}<[^<>\s]+@[^<>\s]+>\s?(?:wrote|a écrit|escribió|escreveu)\s?:"
    r")"
)
_ATTRIBUTION_END = re.compile(
    r"(?:wrote|a écrit|escribió|escreveu|ha scritto|schrieb\b.{0,100})\s?:$"
)
# What sets them apart from "On page 3 the author wrote:".
_DATE_OR_ADDRESS = re.compile(r"\b\d{4}\b|\d{1,2}[:.h]\d{2}|@")
_ATTRIBUTION_LINES = 4
_MAX_ATTRIBUTION_CHARS = 500
# "Jane Doe wrote:" says it is mail only right above a blockquote.
_NAME_WROTE = re.compile(
    r"(?!(?:As|He|I|She|They|We|You)\b)[A-Z][\w.'-]+(?: [A-Z][\w.'-]*){1,3} wrote:"
)

_ORIGINAL_MESSAGE = re.compile(
    r"[>\s]*(?:[-_–—]{2,}\s?"
    r"(?:Original Message|Forwarded message|Message d'origine|Message d’origine|"
    r"Message original|Message transféré|Mensaje original|Mensaje reenviado|"
    r"Mensagem original|Mensagem encaminhada)\s?[-_–—]{2,}"
    r"|Begin forwarded message:"
    # What Discourse appends to the mails that people then reply to.
    r"|Previous Replies)\s*",
    re.IGNORECASE,
)
# The head of an Outlook quotation, in some languages.
_HEADER_LINE = re.compile(
    r"[*_]*(From|De|Sent|Date|Envoyé|Enviado(?: el| em)?|Fecha|Data|To|À|Para|Cc|"
    r"Subject|Objet|Asunto|Assunto)\s?[*_]*:[*_]*\s",
)
_HEADER_LINES = 8
_HEADER_FIRST = frozenset(["From", "De"])
_HEADER_LAST = frozenset(["Subject", "Objet", "Asunto", "Assunto"])

_SIGNATURE_MARKS = frozenset(["--", "–", "—"])
_FOOTER = re.compile(r"_{20,}|Mailing list: ?https?://|-{3,} ?You received this")
_SENT_FROM = re.compile(
    r"(?:Sent from (?:my|Yahoo|Mail for|Outlook)|Get Outlook for|"
    r"Envoyé (?:de mon|depuis mon|à partir de)|Enviado (?:desde mi|do meu|desde el)|"
    r"Obtenir Outlook pour|Obtener Outlook para|Von meinem)\b.{0,80}",
    re.IGNORECASE,
)

_ABOUT_A_MAIL = re.compile(
    r"\b(?:this|the) (?:e-?mail|message|communication|transmission)\b"
    r"|\b(?:ce|cet|le présent) (?:e-?mail|message|courriel)\b"
    r"|\b(?:este|esta) (?:e-?mail|mensaje|correo|mensagem)\b"
    r"|\bquesto (?:e-?mail|messaggio)\b|\bemail disclaimer\b",
    re.IGNORECASE,
)
_LEGAL = re.compile(
    r"\bintended (?:only |solely |recipient|for)|\bconfidential\b|\bprivileged\b"
    r"|\bin error\b|\bconfidentiel|\bdestinataire|\bpar erreur\b"
    r"|\briservat[aeio]\b|\bconfidencial|\bdestinatari|\bpor error\b|\bpor engano\b",
    re.IGNORECASE,
)
_LEGAL_SIGNS = 2
_LIST_TAIL = re.compile(
    r"You received this (?:message|email) because|To unsubscribe from this"
    r"|Visit Topic or reply to this email|To stop receiving emails"
)


def without_mail(
    blocks: Sequence[Block], quotes: Sequence[tuple[int, int]] = ()
) -> tuple[Block, ...]:
    """What the author of a post wrote, of a post that may have come by mail.

    Args:
        blocks: All of the post.
        quotes: Spans of *blocks*, as ``(start, stop)``, that are blockquotes.

    >>> reply = Block("text", "Yes.\\nOn 3 May 2021 at 10:12, Jane Doe wrote:")
    >>> without_mail([reply, Block("quote", "Does it work?")], [(1, 2)])
    (Block(kind='text', text='Yes.', level=0, anchor=''),)
    """
    spans = dict(quotes)
    kept: list[Block] = []
    in_mail = False
    index = 0
    while index < len(blocks):
        if in_mail and index in spans:
            index = max(spans[index], index + 1)
            continue
        block = blocks[index]
        if block.kind not in ("text", "quote"):
            kept.append(block)
            index += 1
            continue
        own = _own_lines(block.text, in_mail=in_mail, before_quote=index + 1 in spans)
        in_mail = own.in_mail
        stop = own.ends or (own.may_end and _is_short(own.tail, blocks, index + 1))
        text = own.text if stop or not own.may_end else own.whole
        if text:
            kept.append(replace(block, text=text))
        if stop:
            break
        index += 1
    while kept and kept[-1].kind == "text" and _is_disclaimer(kept[-1].text):
        kept.pop()
    return tuple(kept)


@dataclass(frozen=True, slots=True)
class _Own:
    """What of a paragraph is its author's.

    Attributes:
        text: Up to a signature, if there is one.
        whole: All of it, with what looks like a signature.
        ends: Nothing after it is the author's.
        may_end: `tail` and the rest are a signature if they are short.
    """

    text: str
    whole: str
    in_mail: bool
    ends: bool = False
    may_end: bool = False
    tail: str = ""


def _own_lines(text: str, *, in_mail: bool, before_quote: bool) -> _Own:
    lines = _without_attributions(text.split("\n"), before_quote=before_quote)
    in_mail = in_mail or len(lines) < text.count("\n") + 1
    lines = _without_quoted(lines, in_mail=in_mail)
    lines = [line for line in lines if not _SENT_FROM.fullmatch(line.strip())]
    for number, line in enumerate(lines):
        if _ORIGINAL_MESSAGE.fullmatch(line) or _is_mail_header(
            lines[number : number + 8]
        ):
            above = lines[:number]
            while above and above[-1].strip() in _SIGNATURE_MARKS:
                above.pop()
            own = _join(above)
            return _Own(own, own, True, ends=True)
    for number, line in enumerate(lines):
        if line.strip() in _SIGNATURE_MARKS or _FOOTER.match(line):
            own, tail = _join(lines[:number]), _join(lines[number:])
            return _Own(own, _join(lines), in_mail, may_end=True, tail=tail)
    own = _join(lines)
    return _Own(own, own, in_mail)


def _without_attributions(lines: list[str], *, before_quote: bool) -> list[str]:
    kept: list[str] = []
    for number, line in enumerate(lines):
        kept.append(line)
        if not _ATTRIBUTION_END.search(line.rstrip()):
            continue
        for length in range(1, min(_ATTRIBUTION_LINES, len(kept)) + 1):
            joined = " ".join(part.strip() for part in kept[-length:])
            if len(joined) > _MAX_ATTRIBUTION_CHARS:
                continue
            if _ATTRIBUTION.fullmatch(joined) and _DATE_OR_ADDRESS.search(joined):
                del kept[-length:]
                break
        else:
            is_last = number == len(lines) - 1
            if is_last and before_quote and _NAME_WROTE.fullmatch(line.strip()):
                kept.pop()
    return kept


def _without_quoted(lines: list[str], *, in_mail: bool) -> list[str]:
    """Without lines that begin with ``>``; a lone one, or ``>>>``, may be a prompt."""
    quoted = [
        line.startswith(">") and (in_mail or not line.startswith(">>>"))
        for line in lines
    ]
    if not in_mail and sum(quoted) == 1:
        return lines
    return [
        line for line, is_quoted in zip(lines, quoted, strict=True) if not is_quoted
    ]


def _is_mail_header(lines: list[str]) -> bool:
    names: list[str] = []
    for line in lines:
        match = _HEADER_LINE.match(line)
        if match is None:
            break
        names.append(match[1])
    return (
        len(names) >= 3
        and names[0] in _HEADER_FIRST
        and any(name in _HEADER_LAST for name in names)
    )


def _is_short(tail: str, blocks: Sequence[Block], start: int) -> bool:
    chars = len(tail)
    for index in range(start, len(blocks)):
        block = blocks[index]
        chars += len(block.text)
        if chars > _MAX_TAIL_CHARS or block.kind == "code":
            return False
    return chars <= _MAX_TAIL_CHARS


def _is_disclaimer(text: str) -> bool:
    if _LIST_TAIL.search(text):
        return True
    signs = {match[0].lower() for match in _LEGAL.finditer(text)}
    return len(signs) >= _LEGAL_SIGNS and _ABOUT_A_MAIL.search(text) is not None


def _join(lines: list[str]) -> str:
    return "\n".join(lines).strip("\n")
