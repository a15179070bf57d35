r"""The words of an interface, without what programs put into them. Pure."""

from __future__ import annotations

import re
from html import unescape

# With their semicolon alone: "&copy" is a word with an accelerator, not a sign.
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]\w{1,30});")
# Tags, and the numbered ones that stand for components: <0>here</0>.
_TAG = re.compile(r"</?(?:[A-Za-z][^<>]*|\d{1,3}\s*/?)>|<!--[^<>]*-->")
# Each form in its own words (ICU): which of them goes with which is not told.
_CHOICE = re.compile(r"\{\s*[\w.]+\s*,\s*(?:plural|select|selectordinal|choice)\s*,")
_PLACEHOLDER = re.compile(
    r"\{\{[^{}]*\}\}"  # {{name}}
    r"|[$#]\{[^{}]*\}"  # ${name}, #{name}
    r"|\{[^{}]*\}"  # {0}, {name}, {0,number}
    r"|%\(\w{1,60}\)[#0 +-]{0,5}\d{0,9}(?:\.\d{1,9})?[a-zA-Z]"  # %(name)s
    r"|%(?:\d{1,3}\$)?[#0+-]{0,5}\d{0,9}(?:\.\d{1,9})?(?:hh?|ll?|[Lqjzt])?"
    r"[diouxXeEfgGcspaA@]"
    r"(?![A-Za-z])"  # %s, %1$d, %.2f, %@; not "5 %de"
)
_ESCAPED_SIGN = re.compile(r"\\([!=:#'\"\\])")
_ESCAPED_BREAK = re.compile(r"\\[nrt]")
# What is left in the languages that have no letter to underline.
_LETTER_IN_BRACKETS = re.compile(r"\(\s*[&_~]\w\s*\)")
_ACCELERATOR = re.compile(
    r"(?<![\w&])[&_~](?=[^\W\d_])"  # &File, _File, ~File; not R&D
    r"|(?<=[^\W\d_])&(?=[a-zà-ÿ])"  # Sa&ve
)


def words_of(text: str) -> str:
    r"""*text* as a reader sees it, on one line; empty where no word is left.

    >>> words_of("Delete <b>%s</b> in {{name}}?")
    'Delete in ?'
    >>> [words_of(each) for each in ("&amp;File", "_Open…", "R&amp;D", "Sa&ve")]
    ['File', 'Open…', 'R&D', 'Save']
    >>> words_of("{n, plural, one {# day} other {# days}}"), words_of("%d %%")
    ('', '')
    >>> words_of("L''import n\\'est pas fini\\n(100 % de %1$s)")
    "L'import n'est pas fini (100 % de )"
    """
    if _CHOICE.search(text):
        return ""
    text = _TAG.sub(" ", text)
    text = _ENTITY.sub(lambda found: unescape(found[0]), text)
    # What was written as entities may be tags.
    text = _TAG.sub(" ", text)
    text = _ESCAPED_BREAK.sub(" ", text)
    text = _ESCAPED_SIGN.sub(r"\1", text)
    text = _PLACEHOLDER.sub(" ", text)
    text = _LETTER_IN_BRACKETS.sub("", text)
    text = _ACCELERATOR.sub("", text)
    text = " ".join(text.replace("''", "'").split())
    return text if any(map(str.isalpha, text)) else ""
