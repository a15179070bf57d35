"""Words by which members tell the bot to leave them alone, or to speak again. Pure.

They are shown in every reply and read in private messages, so both come from here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from kb.accents import unaccented

Wish = Literal["opt_out", "opt_in"]

# Forums refuse private messages of less than ten characters.
OPT_OUT: Mapping[str, str] = {
    "en": "opt out, please",
    "fr": "ne plus répondre",
    "es": "no responder más",
    "pt": "não responder mais",
}
OPT_IN: Mapping[str, str] = {
    "en": "opt in, please",
    "fr": "répondre à nouveau",
    "es": "volver a responder",
    "pt": "voltar a responder",
}
# What people write beside these, as plain words; a part in brackets may be missing.
_OUT: Mapping[str, str] = {
    "en": "opt out|optout|opt me out|"
    "(?:do not|don t|never|stop) (?:answer|reply to|answering|replying to) me"
    "(?: any ?more| again)?|(?:i )?(?:do not|don t) want (?:any |your )?(?:more )?"
    "(?:answers|replies)|no more (?:answers|replies)",
    "fr": "ne plus (?:me )?repondre|ne (?:me )?repond(?:s|ez) plus|"
    "(?:je )?ne veux (?:plus|pas) de reponses?",
    "es": "no (?:me )?respond(?:er|as|a|an) mas|no me respondas|"
    "no quiero (?:mas )?respuestas",
    "pt": "nao (?:me )?respond(?:er|as|a|am) mais|nao me responda|"
    "nao quero (?:mais )?respostas",
}
_IN: Mapping[str, str] = {
    "en": "opt in|optin|opt me in",
    "fr": "(?:me )?repondre a nouveau|repond(?:s|ez) moi a nouveau",
    "es": "volver a responder(?:me)?|vuelva a responder(?:me)?",
    "pt": "voltar a (?:me )?responder(?: me)?|volte a (?:me )?responder(?: me)?",
}
# Of whoever writes, for themselves; before and behind the words of a wish.
_BEFORE = (
    "please|hi|hello|dear|bot|baraza|ok|okay|so|and|but|then|just|kindly|i|d|"
    "want to|would like to|like to|wish to|can i|may i|let me|"
    "je|veux|voudrais|souhaite|aimerais|svp|s il (?:vous|te) plait|veuillez|merci de|"
    "bonjour|et|mais|quiero|quisiera|deseo|por favor|hola|y|pero|puedo|"
    "eu|quero|gostaria de|desejo|ola|e|mas|posso"
)
_BEHIND = (
    "please|thanks|thank you|now|again|bot|baraza|of (?:your|all|the|any|these|its) "
    "(?:answers|replies|messages)|of (?:this|the) bot|merci|svp|"
    "s il (?:vous|te) plait|maintenant|a mes questions|de ce bot|gracias|por favor|"
    "ahora|a mis preguntas|obrigad[oa]|agora|as minhas perguntas"
)
# A wish is a short clause; what stands around it may be longer.
_MAX_WORDS = 24
_CLAUSE_END = re.compile(r"[.,;:!?()\[\]…–—]|\s-\s")
_MENTION = re.compile(r"@[\w.-]+")
# What may be read of a message: its first lines, never a whole document.
_MAX_CHARS = 2_000
# Who asks how, or tells of somebody, wishes nothing.
_ASKED = re.compile(
    r"\b(?:how|why|what|when|whether|if|says?|said|wrote|comment|pourquoi|quand|dit|"
    r"como|por que|porque|cuando|dice|dijo|quando|diz|disse)\b"
)


def opt_out_words(language: str | None) -> str:
    """What to write to be left alone, in a language; English where there is none.

    >>> opt_out_words("fr"), opt_out_words("sw")
    ('ne plus répondre', 'opt out, please')
    """
    return OPT_OUT.get((language or "en").partition("-")[0].casefold(), OPT_OUT["en"])


def wish_in(text: str) -> Wish | None:
    """What the first line that wishes something wishes; ``None``: none does.

    A wish is a clause of its own, in the words of who has it. Case, accents and
    quotation marks make no difference; a line that is quoted from elsewhere, or too
    long, is not read.

    >>> wish_in("Hello! Please “Opt-Out”. Thanks")
    'opt_out'
    >>> wish_in("no responder mas"), wish_in("How do I opt out?")
    ('opt_out', None)
    """
    for line in text[:_MAX_CHARS].splitlines():
        if line.lstrip().startswith(">"):
            continue
        wish = _wish_of(line)
        if wish is not None:
            return wish
    return None


def _wish_of(line: str) -> Wish | None:
    if len(line.split()) > _MAX_WORDS:
        return None
    for clause in map(_plain, _CLAUSE_END.split(_MENTION.sub(" ", line))):
        for wish, phrases in _PATTERNS.items():
            if any(each.fullmatch(clause) for each in phrases.values()):
                return wish
        if _ASKED.search(clause):
            return None
    return None


def language_of_wish(text: str) -> str | None:
    """The language of the first wish in a message; ``None``: there is none.

    >>> language_of_wish("No me respondas más"), language_of_wish("hello")
    ('es', None)
    """
    for clause in map(_plain, _CLAUSE_END.split(text[:_MAX_CHARS].replace("\n", "."))):
        for phrases in _PATTERNS.values():
            for language, phrase in phrases.items():
                if phrase.fullmatch(clause):
                    return language
    return None


def _plain(text: str) -> str:
    """Words alone: lower case, no accents, no marks."""
    return " ".join(re.findall(r"\w+", unaccented(text).replace("_", " ")))


def _patterns(phrases: Mapping[str, str]) -> Mapping[str, re.Pattern[str]]:
    return {
        language: re.compile(
            rf"(?:(?:{_BEFORE}) )*(?:{phrase})(?: (?:{_BEHIND}))*",
        )
        for language, phrase in phrases.items()
    }


_PATTERNS: Mapping[Wish, Mapping[str, re.Pattern[str]]] = {
    "opt_out": _patterns(_OUT),
    "opt_in": _patterns(_IN),
}
