"""The corpus as it was: it grows with the forum, and no leak goes unseen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bot.past import Past, embed_titles
from bot.timeline import History, PostLink
from kb.bridge.rendering import Rendering
from kb.corpus import DocumentFacts
from kb.embed.hashing import HashingEmbedder
from kb.errors import LeakError
from kb.graph import Edge
from kb.texts import DocumentText, Text, TextField
from kb.types import DocumentId, Kind, LinkRole, PassageId
from kb.words import words
from tests.bot.telling import day, link, page, post, tell, topic

EMBEDDER = HashingEmbedder()
SEVEN, EIGHT, NINE, PAGE = map(DocumentId, (7, 8, 9, 10))


class PlainTexts:
    """Documents in a dictionary; scores are how many of the words are shared."""

    def __init__(self) -> None:
        self.held: dict[DocumentId, DocumentText] = {}
        self.put_ids: list[list[DocumentId]] = []
        self.closed = False
        self._pending: list[DocumentText] = []

    def put(self, documents: Iterable[DocumentText]) -> None:
        self._pending += documents

    def commit(self) -> None:
        self.put_ids.append(sorted(document.id for document in self._pending))
        self.held |= {document.id: document for document in self._pending}
        self._pending = []

    def search(
        self,
        query: str,
        field: TextField,
        k: int,
        *,
        kind: Kind,
        visible_to: frozenset[str] | None = None,
        title: str = "",
        renderings: tuple[Rendering, ...] = (),
        languages: frozenset[str] | None = None,
    ) -> list[tuple[DocumentId, float]]:
        found = self.score(query, list(self.held), kind=kind, title=title)[field]
        return sorted(found.items(), key=lambda item: (-item[1], item[0]))[:k]

    def score(
        self,
        query: str,
        ids: Sequence[DocumentId],
        *,
        kind: Kind,
        fields: Iterable[TextField] = tuple(TextField),
        visible_to: frozenset[str] | None = None,
        title: str = "",
        renderings: tuple[Rendering, ...] = (),
    ) -> dict[TextField, dict[DocumentId, float]]:
        wanted = set(words(f"{title}\n{query}"))
        scores: dict[TextField, dict[DocumentId, float]] = {f: {} for f in fields}
        for document in (self.held[i] for i in ids if self.held[i].kind is kind):
            for field, own in scores.items():
                texts = document.fields.get(field, ())
                shared = wanted & {w for each in texts for w in words(each.text)}
                if shared:
                    own[document.id] = float(len(shared))
        return scores

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Two questions, the second answered with the first and with a page."""
    manual = '<a href="https://docs.example.org/v41/backup.html">the manual</a>'
    return tell(
        tmp_path,
        [
            topic(
                7,
                "Backup of the database",
                post(1, "How is it backed up?", by="amina"),
                post(2, "Run pg_dump.", by="ben"),
            ),
            topic(
                8,
                "Database at night",
                post(3, f"It hangs, unlike in {link(7, 'my case')}.", by="chidi"),
                post(
                    4, f"Read {link(7)} and {manual}.", by="ben", accepted_answer=True
                ),
                post(6, f"{link(7, 'That')} it was, thanks.", by="chidi"),
            ),
            topic(9, "Charts", post(5, "They are empty.", by="amina")),
        ],
        [page("v41/backup", "Nightly.\n\n# Backup\n\n## By hand\n\nRun pg_dump.\n")],
    )


def past_of(history: History, texts: PlainTexts | None = None) -> Past:
    inputs = [passage.input for passage in history.passages]
    return Past(
        history,
        EMBEDDER.embed_passages(inputs),
        embed_titles(history, EMBEDDER),
        texts or PlainTexts(),
    )


def found_by_words(past: Past, query: str) -> set[DocumentId]:
    return {hit.document_id for hit in past.corpus.lexical.search(query, 50)}


def near(index: Any, text: str) -> list[int]:
    _, ids = index.search(EMBEDDER.embed_query(text)[None], 10)
    return [int(i) for i in ids[0] if i >= 0]


def test_all_indexes_hold_what_was_written_before_and_nothing_else(
    history: History,
) -> None:
    """A topic of the very moment is not there; pages always were."""
    past = past_of(history)

    held = []
    for moment in (day(0), day(1), day(3), day(7)):
        past.advance(moment)
        corpus = past.corpus
        held.append(
            (
                found_by_words(past, "backup database charts pg_dump"),
                set(near(corpus.titles, "Backup of the database")),
                set(near(corpus.questions, "Database at night")),
                {kind: len(index) for kind, index in corpus.vectors.items()},
            )
        )

    assert held == [
        ({PAGE}, {PAGE}, set(), {Kind.THREAD: 0, Kind.DOCS: 2}),
        ({PAGE}, {PAGE}, set(), {Kind.THREAD: 0, Kind.DOCS: 2}),
        ({PAGE, SEVEN}, {PAGE, SEVEN}, {SEVEN}, {Kind.THREAD: 2, Kind.DOCS: 2}),
        (
            {PAGE, SEVEN, EIGHT, NINE},
            {PAGE, SEVEN, EIGHT, NINE},
            {SEVEN, EIGHT, NINE},
            {Kind.THREAD: 6, Kind.DOCS: 2},
        ),
    ]


def test_the_vectors_are_those_of_titles_and_first_passages(history: History) -> None:
    past = past_of(history)
    past.advance(day(9))

    for index, text in (
        (past.corpus.titles, "Charts"),
        (past.corpus.questions, "Charts\nThey are empty."),
    ):
        similarities, ids = index.search(EMBEDDER.embed_query(text)[None], 1)
        assert ids.tolist() == [[NINE]]
        assert similarities[0][0] == pytest.approx(1)


def test_facts_are_those_of_the_moment(history: History) -> None:
    """No thread knows how it will grow, or that it will be solved."""
    past = past_of(history)
    wanted = [SEVEN, EIGHT, PAGE]

    def facts(number: DocumentId, start: int, **more: Any) -> DocumentFacts:
        return DocumentFacts(
            number,
            Kind.THREAD,
            "public",
            language="en",
            created_at=day(start),
            **more,
        )

    manual = DocumentFacts(PAGE, Kind.DOCS, "public", language="en")
    past.advance(day(1.5))
    assert past.corpus.document_facts(wanted) == {7: facts(SEVEN, 1), 10: manual}
    past.advance(day(6))
    assert past.corpus.document_facts([EIGHT]) == {
        8: facts(EIGHT, 3, parts_count=2),
    }
    past.advance(day(6.5))
    assert past.corpus.document_facts([EIGHT]) == {
        8: facts(EIGHT, 3, parts_count=3, solved=True),
    }
    ids = past.corpus.passages_of(wanted)
    assert ids == {7: [3, 4], 8: [5, 6, 8], 10: [1, 2]}
    assert past.corpus.passage_facts([PassageId(6)])[PassageId(6)].part_number == 2


def test_links_and_people_come_with_their_posts(history: History) -> None:
    """What a question itself links is no answer; acceptance weighs once known."""
    past = past_of(history)

    told = []
    for moment in (day(4), day(6), day(6.5)):
        past.advance(moment)
        graph, people = past.corpus.graph, past.corpus.people
        told.append((dict(graph.out_of(EIGHT)), dict(people.helpers(EIGHT))))

    assert told == [
        ({}, {}),
        ({SEVEN: 1.0, PAGE: 1.0}, {"forum:@ben": 1}),
        ({SEVEN: 2.0, PAGE: 2.0}, {"forum:@ben": 1}),
    ]
    assert past.corpus.people.asker(EIGHT) == "forum:@chidi"
    assert past.corpus.people.answers("forum:@ben") == 2


def test_texts_change_when_more_is_said(history: History) -> None:
    """Only documents that changed are put: those written in, and those linked."""
    texts = PlainTexts()
    past = past_of(history, texts)
    for moment in (day(0), day(2), day(3), day(3.5), day(5), day(6), day(7)):
        past.advance(moment)

    assert texts.put_ids == [[10], [7], [7], [8], [7, 8, 10], [9], [7, 8]]
    asked = "Database at night\nIt hangs, unlike in my case."
    assert texts.held[SEVEN].fields == {
        TextField.TITLE: (Text("Backup of the database", "en"),),
        TextField.OPENING: (Text("How is it backed up?", "en"),),
        TextField.WHOLE: (Text("How is it backed up?\n\nRun pg_dump.", "en"),),
        TextField.ASKED: (Text(asked, "en"),),
        TextField.ANCHORS: (Text("That", "en"),),
    }
    assert texts.held[PAGE].fields == {
        TextField.TITLE: (Text("Backup", "en"),),
        TextField.OPENING: (Text("Nightly.", "en"),),
        TextField.WHOLE: (Text("Nightly.\n\nBackup › By hand\n\nRun pg_dump.", "en"),),
        TextField.ASKED: (Text(asked, "en"),),
        TextField.ANCHORS: (Text("the manual", "en"),),
    }
    assert texts.held[NINE].fields.keys() == {
        TextField.TITLE,
        TextField.OPENING,
        TextField.WHOLE,
    }


def test_asked_texts_are_bounded(tmp_path: Path) -> None:
    """The beginning of a question, and of many the newest 200."""
    threads = [
        topic(n, f"T{n}", post(n, "why " * 400), post(n + 0.5, link(7)))
        for n in range(8, 215)
    ]
    history = tell(tmp_path, [topic(7, "Seven", post(1)), *threads])
    texts = PlainTexts()
    past_of(history, texts).advance(day(400))

    asked = texts.held[SEVEN].fields[TextField.ASKED]
    assert [text.text.split("\n")[0] for text in asked] == [
        f"T{n}" for n in range(214, 14, -1)
    ]
    assert {len(text.text) for text in asked} <= set(range(1500, 1510))


def test_whole_steps_and_small_ones_end_alike(history: History) -> None:
    stepwise, at_once = PlainTexts(), PlainTexts()
    slow, fast = past_of(history, stepwise), past_of(history, at_once)
    for half_days in range(16):
        slow.advance(day(half_days / 2))
    fast.advance(day(7.5))

    assert stepwise.held == at_once.held
    assert slow.reached == fast.reached == day(7.5)
    for document in (SEVEN, EIGHT, NINE, PAGE):
        assert slow.corpus.graph.into(document) == fast.corpus.graph.into(document)
        assert slow.corpus.passages_of([document]) == fast.corpus.passages_of(
            [document]
        )


def test_closing_lets_go_of_the_texts(history: History) -> None:
    texts = PlainTexts()
    past_of(history, texts).close()

    assert texts.closed


# -- planted leaks -----------------------------------------------------------


def leak(past: Past, at: datetime) -> tuple[str, datetime, datetime]:
    with pytest.raises(LeakError) as caught:
        past.advance(at)
    assert caught.value.what in str(caught.value)
    return caught.value.what, caught.value.dated, caught.value.at


def test_a_post_slipped_in_before_its_time_is_caught(history: History) -> None:
    """It stands where a walk meets it early, with its own date."""
    events = list(history.events)
    late = next(i for i, event in enumerate(events) if event.at == day(5))
    events.insert(1, events.pop(late))

    past = past_of(renumbered(replace(history, events=events)))

    assert leak(past, day(3.5)) == ("a post", day(5), day(3.5))


def test_a_post_that_lies_about_its_time_is_caught_by_its_passages(
    history: History,
) -> None:
    events = [
        replace(event, at=day(3.2)) if event.at == day(6) else event
        for event in history.events
    ]
    events.sort(key=lambda event: event.at)

    past = past_of(renumbered(replace(history, events=events)))

    assert leak(past, day(3.5)) == ("a passage", day(6), day(3.5))


def test_a_post_without_text_is_caught_by_its_thread(history: History) -> None:
    events = [
        replace(event, at=day(1.5), passages=()) if event.at == day(5) else event
        for event in history.events
    ]
    events.sort(key=lambda event: event.at)

    past = past_of(renumbered(replace(history, events=events)))

    assert leak(past, day(3.5)) == ("a document", day(5), day(3.5))


def test_a_link_to_what_is_yet_to_come_is_caught(history: History) -> None:
    early = PostLink((NINE,), LinkRole.HELPER)
    events = [
        replace(event, links=(early,)) if event.at == day(2) else event
        for event in history.events
    ]

    past = past_of(replace(history, events=events))

    assert leak(past, day(3.5)) == ("a linked document", day(5), day(3.5))


def test_an_edge_of_the_future_is_caught(history: History) -> None:
    past = past_of(history)
    past.advance(day(3.5))
    past.guard(day(3.5))

    past.corpus.graph.add(Edge(EIGHT, SEVEN, LinkRole.HELPER, day(4)))

    with pytest.raises(LeakError) as caught:
        past.guard(day(3.5))
    assert str(caught.value) == (
        "a link of 2024-01-05T00:00:00+00:00 is not earlier than "
        "2024-01-04T12:00:00+00:00"
    )


def test_going_back_is_caught(history: History) -> None:
    """What was learned by a later moment must not be asked of an earlier one."""
    past = past_of(history)
    past.advance(day(9))

    assert leak(past, day(5))[1:] == (day(6), day(5))
    with pytest.raises(LeakError):
        past.guard(day(6))
    past.guard(day(9))


def renumbered(history: History) -> History:
    """Passages get their ids in the order in which a walk meets them."""
    count = 0
    events = []
    for event in history.events:
        passages = []
        for passage in event.passages:
            count += 1
            passages.append(replace(passage, id=PassageId(count)))
        events.append(replace(event, passages=tuple(passages)))
    return replace(history, events=tuple(events))
