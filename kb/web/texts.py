"""All that the search page says, by name, in the language of who reads it.

What is filled in later stands in braces; a sentence that counts is there once for each
plural category of its language, as ``count.one`` and ``count.other``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from pathlib import Path

from babel.dates import format_date

from kb.catalogue import Catalogue, Catalogues, shipped_in

LOCALE_FOLDER = Path(__file__).parent / "locale"

Texts = Mapping[str, str]

# What ``static/page.js`` says; the rest of an answer comes in words.
FOR_SCRIPT = (
    "ask",
    "ask.after",
    "ask.note",
    "chosen",
    "did_you_mean",
    "facet.kind",
    "filters",
    "helped",
    "helped.failed",
    "helped.no",
    "helped.thanks",
    "helped.yes",
    "less",
    "more",
    "near",
    "next",
    "none.fewer",
    "none.filters",
    "none.language",
    "none.spelling",
    "none.tips",
    "pages",
    "previous",
    "remove",
    "remove.all",
    "results",
    "solved",
    "trouble.down",
    "trouble.offline",
)
# Numbers that show every plural category there is among small ones.
_SAMPLES = range(200)
_NAME = re.compile(r"\{(\w+)\}")


@cache
def shipped() -> Catalogues:
    """The languages that the page speaks."""
    return shipped_in(LOCALE_FOLDER)


@cache
def texts(language: str) -> Texts:
    """The table of one language; English where there is none."""
    words = shipped().of(language)
    return {
        **_frame(words),
        **_asking(words),
        **_filters(words),
        **_answer(words),
        **_hit(words),
        **_details(words),
        **_nothing(words),
        **_notes(words),
        **_trouble(words),
        **_dates(words),
    }


def languages() -> Mapping[str, str]:
    """What the languages of the page call themselves."""
    return {
        code: words.language_name(code).capitalize()
        for code, words in sorted(shipped().by_language.items())
    }


def fill(sentence: str, **values: str) -> str:
    """*sentence* with *values* in the place of their names; what they hold is never
    read as a sentence itself.

    >>> fill("{a} and {b}", a="{b}", b="x")
    '{b} and x'
    """
    return _NAME.sub(lambda found: values.get(found[1], found[0]), sentence)


def counted(language: str, name: str, n: int) -> str:
    """The sentence of *name* about so many; the number is filled in as well."""
    table = texts(language)
    category = shipped().of(language).locale.plural_form(n)
    sentence = table.get(f"{name}.{category}", table[f"{name}.other"])
    return fill(sentence, count=grouped(language, n))


def grouped(language: str, n: int) -> str:
    """A whole number; four digits need no sign between them in any language.

    >>> grouped("en", 1234), grouped("es", 12345)
    ('1234', '12.345')
    """
    return str(n) if n < 10_000 else f"{n:,}".replace(",", texts(language)["group"])


def day(language: str, at: date) -> str:
    """A day, its month by name.

    >>> day("pt", date(2024, 3, 5))
    '5 de mar. de 2024'
    """
    pattern = texts(language)[f"month.{at.month}"]
    return fill(pattern, day=str(at.day), year=str(at.year))


def _frame(words: Catalogue) -> dict[str, str]:
    return {
        # Translators: the heading and title of the page.
        "title": words.gettext("Search {community}", community="{community}"),
        # Translators: the title of the browser's window.
        "title.found": words.gettext(
            "{query} – search {community}", query="{query}", community="{community}"
        ),
        # Translators: leads past the search box, for keyboards.
        "skip": words.gettext("Skip to the results"),
        # Translators: a list of links, each called by its language.
        "languages": words.gettext("Language of this page"),
        # Translators: what is searched, once with each kind: 12 threads, 3 videos.
        "holds": words.gettext("Searches {holdings}.", holdings="{holdings}"),
        **_plural(
            words,
            "holds.thread",
            lambda n: words.ngettext(
                "{count} thread", "{count} threads", n, count="{count}"
            ),
        ),
        **_plural(
            words,
            "holds.docs",
            lambda n: words.ngettext(
                "{count} page of documentation",
                "{count} pages of documentation",
                n,
                count="{count}",
            ),
        ),
        **_plural(
            words,
            "holds.course",
            lambda n: words.ngettext(
                "{count} course", "{count} courses", n, count="{count}"
            ),
        ),
        **_plural(
            words,
            "holds.video",
            lambda n: words.ngettext(
                "{count} video", "{count} videos", n, count="{count}"
            ),
        ),
    }


def _asking(words: Catalogue) -> dict[str, str]:
    return {
        # Translators: on the button beside the search box.
        "search": words.pgettext("button", "Search"),
        # Translators: in the empty search box.
        "placeholder": words.gettext("Words or an error code"),
        # Translators: searches that were made before in this browser.
        "recent": words.gettext("Recent searches"),
        "recent.note": words.gettext("Kept in this browser only."),
        # Translators: a button: recent searches are forgotten.
        "recent.forget": words.gettext("Forget them"),
        "tips": words.gettext("Search more precisely"),
        "tip.phrase": words.gettext("these words, one after the other"),
        "tip.phrase.example": words.gettext('"data set report"'),
        "tip.without": words.gettext("without this word"),
        "tip.without.example": words.gettext("report -android"),
        "tip.kind": words.gettext("only documentation; or thread, course, video"),
        "tip.lang": words.gettext("only in French"),
        "tip.version": words.gettext("only for this version"),
        "tip.tag": words.gettext("only threads with this tag"),
        "tip.solved": words.gettext("only threads with an accepted answer"),
        "tip.after": words.gettext("only what changed in that year or later"),
        # Translators: what keys of the keyboard do.
        "keys": words.gettext("With the keyboard"),
        "keys.focus": words.gettext("go to the search box"),
        "keys.move": words.gettext("move through the results"),
        "keys.open": words.gettext("open the result"),
        "keys.preview": words.gettext("read the whole passage"),
        "keys.clear": words.gettext("back to the box; there: empty it"),
        # Translators: a switch, beside a check mark; without it the key does nothing.
        "keys.slash": words.gettext("The key / alone leads to the search box"),
        # Translators: names of keys.
        "key.space": words.pgettext("key", "Space"),
        "key.enter": words.pgettext("key", "Enter"),
        "key.escape": words.pgettext("key", "Esc"),
    }


def _filters(words: Catalogue) -> dict[str, str]:
    return {
        "filters": words.gettext("Filters"),
        # Translators: a filter: results of all kinds.
        "all": words.pgettext("kinds", "All"),
        # Translators: headings of filters.
        "facet.kind": words.pgettext("filter", "Kind"),
        "facet.lang": words.pgettext("filter", "Language"),
        "facet.category": words.pgettext("filter", "Category"),
        "facet.tag": words.pgettext("filter", "Tag"),
        "facet.version": words.pgettext("filter", "Version"),
        "facet.solved": words.pgettext("filter", "Answer"),
        "facet.since": words.pgettext("filter", "Last changed"),
        # Translators: filters, with a number after each.
        "kinds.thread": words.pgettext("filter", "Threads"),
        "kinds.docs": words.pgettext("filter", "Documentation"),
        "kinds.course": words.pgettext("filter", "Courses"),
        "kinds.video": words.pgettext("filter", "Videos"),
        # Translators: filters of threads: with an accepted answer, or without.
        "solved.yes": words.pgettext("filter", "Accepted"),
        "solved.no": words.pgettext("filter", "None accepted yet"),
        # Translators: filters by when something was last changed.
        "since.30": words.pgettext("last changed", "In the last 30 days"),
        "since.365": words.pgettext("last changed", "In the last year"),
        "since.1095": words.pgettext("last changed", "In the last three years"),
        "since": words.gettext("Since {date}", date="{date}"),
        "before": words.gettext("Before {date}", date="{date}"),
        "chosen": words.gettext("Chosen filters"),
        # Translators: to be read aloud: what a click on a filter does.
        "remove": words.gettext("Remove the filter: {name}", name="{name}"),
        "remove.all": words.gettext("Remove all filters"),
    }


def _answer(words: Catalogue) -> dict[str, str]:
    return {
        "results": words.gettext("Results"),
        **_plural(
            words,
            "count",
            lambda n: words.ngettext(
                "{count} result", "{count} results", n, count="{count}"
            ),
        ),
        # Translators: told with the count: 23 results, page 2 of 3.
        "count.page": words.gettext(
            "{results}, page {page} of {pages}",
            results="{results}",
            page="{page}",
            pages="{pages}",
        ),
        "pages": words.gettext("Pages of results"),
        "previous": words.pgettext("page", "Previous"),
        "next": words.pgettext("page", "Next"),
        # Translators: before a link to a search with other words.
        "did_you_mean": words.gettext("Did you mean"),
        # Translators: a word had a typing error, and another was searched, too.
        "corrected": words.gettext(
            "“{right}” was searched for as well, for “{word}”.",
            right="{right}",
            word="{word}",
        ),
        "ask.after": words.gettext("Not what you are looking for?"),
        # Translators: a link to where one writes a new question.
        "ask": words.gettext("Ask the community"),
        "group": words.locale.number_symbols["latn"]["group"],
    }


def _hit(words: Catalogue) -> dict[str, str]:
    return {
        # Translators: what one result is.
        "kind.thread": words.pgettext("kind", "Thread"),
        "kind.docs": words.pgettext("kind", "Documentation"),
        "kind.course": words.pgettext("kind", "Course"),
        "kind.video": words.pgettext("kind", "Video"),
        "kind.event": words.pgettext("kind", "Event"),
        # Translators: of a thread: one of its answers was accepted.
        "solved": words.pgettext("thread", "Solved"),
        # Translators: of a result in another language than that of the page.
        "in_language": words.gettext("in {language}", language="{language}"),
        "version": words.gettext("version {version}", version="{version}"),
        # Translators: buttons: show all of a passage, or its best lines alone.
        "more": words.gettext("Whole passage"),
        "less": words.gettext("Less"),
        # Translators: how sure it is that a result helps.
        "sure.3": words.pgettext("result", "Very likely to help"),
        "sure.2": words.pgettext("result", "Likely to help"),
        "sure.1": words.pgettext("result", "May help"),
        "sure.0": words.pgettext("result", "Perhaps related"),
        # Translators: why a result was found; several of them with commas between.
        "why.exact": words.pgettext("why", "what you typed, word for word"),
        "why.both": words.pgettext("why", "your words in the title and the text"),
        "why.title": words.pgettext("why", "your words in the title"),
        "why.words": words.pgettext("why", "your words in the text"),
        "why.meaning": words.pgettext("why", "close to what you mean"),
        "why.linked": words.pgettext("why", "members link to it"),
        "why.version": words.pgettext("why", "for the version that you name"),
        # Translators: with two buttons: yes, no.
        "helped": words.gettext("Did this help?"),
        "helped.yes": words.pgettext("helped", "Yes"),
        "helped.no": words.pgettext("helped", "No"),
        "helped.thanks": words.gettext("Thank you."),
        "helped.failed": words.gettext("That could not be sent. Try again later."),
    }


def _details(words: Catalogue) -> dict[str, str]:
    return {
        # Translators: how long a video is.
        "length.s": words.gettext("{seconds} s", seconds="{seconds}"),
        "length.min": words.gettext("{minutes} min", minutes="{minutes}"),
        "length.h": words.gettext(
            "{hours} h {minutes} min", hours="{hours}", minutes="{minutes}"
        ),
        # Translators: the moment of a video that a link leads to: from 1:33.
        "moment": words.gettext("from {moment}", moment="{moment}"),
        # Translators: of a course: everybody takes the time that they need.
        "pacing.self": words.gettext("self-paced"),
        # Translators: of a course that a teacher leads.
        "pacing.instructor": words.gettext("with an instructor"),
        "mode.online": words.pgettext("event", "online"),
        "mode.in person": words.pgettext("event", "in person"),
        "mode.both": words.pgettext("event", "in person and online"),
        # Translators: of a course.
        "starts": words.gettext("starts on {date}", date="{date}"),
        "started": words.gettext("started on {date}", date="{date}"),
        "enrol.from": words.gettext("enrolment opens on {date}", date="{date}"),
        "enrol.until": words.gettext("enrolment open until {date}", date="{date}"),
        # Translators: the first and the last day of an event.
        "days": words.gettext("{first} to {last}", first="{first}", last="{last}"),
    }


def _nothing(words: Catalogue) -> dict[str, str]:
    return {
        "none": words.gettext("Nothing was found for “{query}”.", query="{query}"),
        "none.filtered": words.gettext("Nothing was found with these filters."),
        # Translators: above results that share words with what was searched, and are
        # about something else.
        "weak": words.gettext(
            "Nothing here is likely to answer this. These come closest."
        ),
        "near": words.gettext("Near subjects"),
        "none.tips": words.gettext("What often helps"),
        "none.fewer": words.gettext("Fewer words, or other words for the same thing."),
        "none.spelling": words.gettext("Codes and names exactly as they are spelt."),
        "none.language": words.gettext("The same words in another language."),
        "none.filters": words.gettext("Searching without filters."),
        "ask.note": words.gettext("Your words are carried over; you can change them."),
    }


def _notes(words: Catalogue) -> dict[str, str]:
    return {
        # Translators: what of a query was not understood.
        "note.unknown_filter": words.gettext(
            "“{piece}” names no filter that there is: it was searched as plain text.",
            piece="{piece}",
        ),
        "note.bad_value": words.gettext(
            "“{piece}” is nothing that this filter knows: it was searched as plain "
            "text.",
            piece="{piece}",
        ),
        "note.open_quote": words.gettext(
            "A quotation mark is not closed: “{piece}” was searched as plain text.",
            piece="{piece}",
        ),
        "note.nothing_wanted": words.gettext(
            "“{piece}” says only what you do not want: it was searched as plain text.",
            piece="{piece}",
        ),
        "note.too_many": words.gettext(
            "That is more than can be looked at: “{piece}” was searched as plain text.",
            piece="{piece}",
        ),
        "note.left_out": words.gettext(
            "The filter “{piece}” is not known here and was left out.",
            piece="{piece}",
        ),
    }


def _trouble(words: Catalogue) -> dict[str, str]:
    return {
        "trouble.empty": words.gettext("There is no word in this to search for."),
        "trouble.long": words.gettext("This is too long to search for: shorten it."),
        "trouble.busy": words.gettext("One moment: the search is busy."),
        "trouble.down": words.gettext(
            "The search cannot answer just now. Try again in a moment."
        ),
        "trouble.offline": words.gettext(
            "The search cannot be reached. Are you connected?"
        ),
    }


def _dates(words: Catalogue) -> dict[str, str]:
    patterns = {}
    for month in range(1, 13):
        shown = format_date(date(1987, month, 28), "medium", words.locale)
        pattern = shown.replace("28", "{day}").replace("1987", "{year}")
        patterns[f"month.{month}"] = pattern
    return patterns


def _plural(words: Catalogue, name: str, told: Callable[[int], str]) -> dict[str, str]:
    """A sentence by the plural categories of the language, as browsers name them."""
    found: dict[str, str] = {}
    for n in _SAMPLES:
        key = f"{name}.{words.locale.plural_form(n)}"
        if key not in found:
            found[key] = told(n)
    return found
