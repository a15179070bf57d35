"""What a question lacks without which nobody can help, and how to ask for it. Pure."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import regex

from bot.catalogue import SOURCE_LANGUAGE, Catalogue
from bot.escape import inline
from kb.tongues import primary

log = logging.getLogger(__name__)

# Expressions come from the config and meet text of anybody: some can be made to take
# for ever by a few dozen signs.
MAX_CHARS = 20_000
_TIMEOUT_S = 0.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """Something that a question should hold.

    Attributes:
        what: ``version``, ``logs``, ``steps``; anything else needs *ask*.
        unless: Found in title and text, nothing is missing.
        categories: Slugs where it is asked for, everywhere when empty; subcategories
            follow.
        ask: The community's own words for it, by language; they come before ours.
    """

    what: str
    unless: regex.Pattern[str]
    categories: frozenset[str] = frozenset()
    ask: Mapping[str, str] = field(default_factory=dict)


def wanted(
    what: str,
    unless: str,
    *,
    categories: Sequence[str] = (),
    ask: Mapping[str, str] | None = None,
) -> Wanted:
    """A rule from what the config says.

    Raises:
        regex.error: If *unless* is no regular expression.
    """
    return Wanted(
        what,
        regex.compile(unless, regex.IGNORECASE),
        frozenset(slug.casefold() for slug in categories),
        dict(ask or {}),
    )


def lacking(
    text: str, category: Sequence[str], rules: Sequence[Wanted]
) -> tuple[Wanted, ...]:
    """What a question in a category, given with its parents, lacks.

    Args:
        text: Title and text; the first `MAX_CHARS` are searched.
    """
    slugs = {slug.casefold() for slug in category}
    searched = text[:MAX_CHARS]
    return tuple(
        rule
        for rule in rules
        if not (rule.categories and not rule.categories & slugs)
        and not _is_there(rule, searched)
    )


def _is_there(rule: Wanted, text: str) -> bool:
    try:
        return rule.unless.search(text, timeout=_TIMEOUT_S) is not None
    except TimeoutError:
        # Nothing is asked for of which it is not known whether it is there.
        log.warning("bot.missing: the expression for %s takes too long", rule.what)
        return True


def asked_for(lacks: Sequence[Wanted], words: Catalogue) -> str:
    """A sentence that asks for what is lacking, as Markdown; empty for nothing.

    >>> from bot.catalogue import shipped
    >>> rules = [wanted("version", "2"), wanted("x", "3", ask={"en": "your roof"})]
    >>> asked_for(rules, shipped().of("en"))
    'So that others can help, please add: the version that you use, your roof.'
    """
    # Of signs that cannot be seen nothing is left to say.
    if not any(_told(rule, words) for rule in lacks):
        return ""

    def listed(spoken: Catalogue) -> str:
        told = (_told(rule, spoken) for rule in lacks)
        return ", ".join(dict.fromkeys(each for each in told if each))

    # Translators: asks for what a question lacks, such as "the version that you use".
    return words.gettext(
        "So that others can help, please add: {things}.", things=listed
    )


def _told(rule: Wanted, words: Catalogue) -> str:
    if rule.ask:
        own = {primary(language): text for language, text in rule.ask.items()}
        among = (words.language, SOURCE_LANGUAGE, *own)
        return inline(next(own[each] for each in among if each in own))
    match rule.what:
        case "version":
            # Translators: what a question lacks; it stands in a list.
            return words.pgettext("missing", "the version that you use")
        case "logs":
            # Translators: what a question lacks; it stands in a list.
            return words.pgettext("missing", "the error message or the log")
        case "steps":
            # Translators: what a question lacks; it stands in a list.
            return words.pgettext("missing", "what you did, step by step")
        case _:
            return inline(rule.what)
