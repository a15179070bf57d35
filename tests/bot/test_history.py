"""A forum's past: at each moment only what was written by then can be known."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config import load_config
from bot.history import history_of_store, read_history
from bot.present import Present
from bot.timeline import BEGINNING, History, PostLink
from indexer.chunk import chunk_document
from indexer.learning import learn_templates
from indexer.pipeline import rechunk
from indexer.plan import plan_document
from indexer.sources.archive import ArchiveSource
from indexer.sources.markdown import DocsArchive
from kb.store import Store
from kb.types import (
    DocumentId,
    Kind,
    LinkRole,
    PassageFacts,
    PassageId,
    content_hash,
)
from tests.bot.telling import (
    FORUM,
    by_words,
    day,
    harvest,
    link,
    page,
    post,
    tell,
    topic,
)
from tests.conftest import CHECKOUT, shared_path
from tests.kb import linked
from tests.kb.stored import NOON

BACKUP = page("v41/backup", "# Backup\n\nRun pg_dump every night.\n")
OLD_BACKUP = page("v40/backup", "# Backup\n\nRun pg_dump at times.\n")


def thread_facts(number: int, part: int, *, posts: int, start: int) -> PassageFacts:
    return PassageFacts(
        document_id=DocumentId(number),
        kind=Kind.THREAD,
        visibility="public",
        opening=part == 1,
        part_number=part,
        parts_count=posts,
        created_at=day(start),
    )


def test_a_thread_has_as_many_posts_as_were_written_by_then(tmp_path: Path) -> None:
    """Passages not yet written are unknown, and no thread knows how it will grow."""
    history = tell(
        tmp_path,
        [
            topic(7, "A backup", post(1), post(2), post(9)),
            topic(8, "A backup at night", post(5)),
        ],
        [BACKUP],
    )
    present = Present(history.documents)
    ids = [PassageId(number) for number in range(1, 6)]
    nine = PassageFacts(DocumentId(9), Kind.DOCS, "public", True, 1, 1, None)

    known = []
    for event in history.events:
        present.happen(event)
        known.append(present.facts(ids))

    first = [thread_facts(7, 1, posts=n, start=1) for n in (1, 2, 3)]
    second = [thread_facts(7, 2, posts=n, start=1) for n in (2, 3)]
    third = thread_facts(7, 3, posts=3, start=1)
    eight = thread_facts(8, 1, posts=1, start=5)
    assert known == [
        {1: nine},
        {1: nine, 2: first[0]},
        {1: nine, 2: first[1], 3: second[0]},
        {1: nine, 2: first[1], 3: second[0], 4: eight},
        {1: nine, 2: first[2], 3: second[1], 4: eight, 5: third},
    ]


def test_a_post_tells_who_wrote_it_and_what_it_links(tmp_path: Path) -> None:
    """Both versions of the page; neither its own thread nor other sites."""
    answer = (
        f"See {link(7, 'this thread')}, {link(8, 'above')} and "
        '<a href="http://docs.example.org/v39/backup.html#night">the manual</a>, '
        'not <a href="https://elsewhere.example/">that</a>.'
    )
    history = tell(
        tmp_path,
        [
            topic(7, "A backup", post(1, by="amina")),
            topic(
                8,
                "A backup at night",
                post(2, f"Not {link(7)}", by="chidi", user_id=5),
                post(3, answer, accepted_answer=True),
                post(4, f"{FORUM}/p/71 helped", by="chidi", user_id=5),
            ),
        ],
        [BACKUP, OLD_BACKUP],
    )

    told = [
        (e.number, e.opening, e.author, e.accepted, e.links)
        for e in history.posts(DocumentId(8))
    ]
    seven, both = (DocumentId(7),), (DocumentId(9), DocumentId(10))
    assert told == [
        (1, True, "forum:5", False, (PostLink(seven, LinkRole.ASKER),)),
        (
            2,
            False,
            "forum:@ben",
            True,
            (
                PostLink(seven, LinkRole.HELPER, "this thread"),
                PostLink(both, LinkRole.HELPER, "the manual"),
            ),
        ),
        (3, False, "forum:5", False, ()),
    ]


def test_the_short_address_of_a_post_leads_to_its_topic(tmp_path: Path) -> None:
    short = f'<a href="{FORUM}/p/71">there</a>'
    other = '<a href="https://other.example/p/71">there</a>'
    history = tell(
        tmp_path,
        [
            topic(7, "A backup", post(1)),
            topic(8, "At night", post(2), post(3, other), post(4, short)),
        ],
    )

    assert history.linked(DocumentId(8)) == {DocumentId(7): day(4)}


def test_documents_are_told_with_their_question_and_asker(tmp_path: Path) -> None:
    without_opening = topic(8, "Lost", post(2, "Reply."))
    without_opening["posts"][0]["post_number"] = 4
    history = tell(
        tmp_path,
        [topic(7, "A backup", post(1, "How?", by="amina")), without_opening],
        [BACKUP],
    )

    told = [
        (d.kind, d.key, d.question.text, d.asker, d.started)
        for d in history.documents.values()
    ]
    assert told == [
        (Kind.THREAD, "7", "A backup\nHow?", "forum:@amina", day(1)),
        (Kind.THREAD, "8", "Lost\nReply.", None, day(2)),
        (Kind.DOCS, "v41/backup", "Backup", None, BEGINNING),
    ]
    assert [d.id for d in history.threads] == [7, 8]
    assert history.thread(8) is history.documents[DocumentId(8)]
    assert history.thread(9) is None


def test_what_was_linked_in_later_posts_and_was_there_is_the_outcome(
    tmp_path: Path,
) -> None:
    """With its earliest time, whoever linked; the question's own links are none."""
    manual = '<a href="https://docs.example.org/v41/backup.html">Manual</a>'
    history = tell(
        tmp_path,
        [
            topic(6, "Restore", post(0)),
            topic(7, "Backups", post(1)),
            topic(
                8,
                "At night",
                post(2, link(6), by="amina"),
                post(4, link(7), by="amina"),
                post(5, f"{link(7)} {link(9)} {manual}"),
            ),
            topic(9, "Younger", post(3)),
        ],
        [BACKUP],
    )

    assert history.linked(DocumentId(8)) == {7: day(4), 10: day(5)}
    assert history.linked(DocumentId(10)) == {}


def test_a_link_to_what_was_not_yet_there_is_left_out(tmp_path: Path) -> None:
    """An edit added it, and nobody knows when: not even that it is linked may leak."""
    history = tell(
        tmp_path,
        [
            topic(7, "A backup", post(1), post(2, f"See {link(8)}.")),
            topic(8, "At night", post(3)),
        ],
    )

    assert [event.links for event in history.events] == [(), (), ()]


@pytest.mark.parametrize(
    ("later", "known"),
    [((9,), 9), ((), 32), ((40,), 32), ((2, 12), 12)],
    ids=["next post", "never", "late", "same moment"],
)
def test_an_acceptance_is_known_after_a_while(
    tmp_path: Path, later: tuple[int, ...], known: int
) -> None:
    """From the thread's next post on, or a month after the post."""
    accepted = post(2, accepted_answer=True)
    rest = [post(written) for written in later]
    history = tell(tmp_path, [topic(7, "A backup", post(1), accepted, *rest)])

    [acceptance] = history.acceptances
    assert (acceptance.at, acceptance.post.number) == (day(known), 2)


def test_a_moved_post_counts_from_the_start_of_its_topic(tmp_path: Path) -> None:
    history = tell(tmp_path, [topic(7, "Moved", post(1), started=5)])

    assert [event.at for event in history.events] == [day(5)]


# -- from a store ------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "kb.db") as store:
        yield store


def test_a_store_tells_the_same_as_the_files_it_was_filled_from(
    store: Store, tmp_path: Path
) -> None:
    """All but the ids, which are the store's own."""
    topics = [
        topic(7, "A backup", post(1, by="amina"), post(4, link(8))),
        topic(
            8,
            "At night",
            post(2, "Why? " * 300),
            post(3, f"{link(7, 'See')} {link(9)}", accepted_answer=True),
        ),
        topic(9, "Younger", post(6)),
    ]
    pages = [BACKUP, OLD_BACKUP]
    files = tell(tmp_path, topics, pages)
    harvest(store, tmp_path, topics, pages)

    stored = history_of_store(store)

    assert told(stored) == told(files)
    assert len(list(stored.passages)) > len(stored.events)
    for document in stored.documents.values():
        whole = store.documents.load(document.id)
        assert whole is not None
        assert (whole.key, whole.title) == (document.key, document.title)


def told(history: History) -> list[Any]:
    """A history with keys in place of ids."""
    keys = {i: document.key for i, document in history.documents.items()}
    documents = [
        replace(document, id=DocumentId(0))
        for _, document in sorted(history.documents.items())
    ]
    events = [
        (
            replace(event, document_id=DocumentId(0), passages=(), links=()),
            keys[event.document_id],
            [replace(p, document_id=DocumentId(0)) for p in event.passages],
            [
                (sorted(keys[i] for i in each.targets), each.role, each.text)
                for each in event.links
            ],
        )
        for event in history.events
    ]
    return [documents, events]


def test_what_not_everybody_may_find_is_not_in_the_past(
    store: Store, tmp_path: Path
) -> None:
    """Neither the document, nor that somebody linked it, nor what it links."""
    topics = [
        topic(6, "Secret", post(0, "Of the staff.")),
        topic(7, "Hidden", post(1), post(5, link(8))),
        topic(8, "At night", post(2), post(3, f"{link(6)} {link(7)}")),
    ]
    harvest(store, tmp_path, topics, [BACKUP])
    for key, change in (
        ("6", {"visibility": "category:staff"}),
        ("7", {"listed": False}),
    ):
        found = store.documents.find("forum", key)
        assert found is not None
        document = store.documents.load(found.id)
        assert document is not None
        state = store.documents.state("forum", key)
        passages = store.passages.of_document(found.id)
        changed = replace(document, **change)
        plan = plan_document(state, passages, changed, by_words(changed), "1")
        assert plan is not None
        with store.transaction():
            store.documents.apply(plan, walk=None)

    history = history_of_store(store)

    assert {d.key for d in history.documents.values()} == {"8", "v41/backup"}
    assert [event.links for event in history.events] == [(), (), ()]


def test_passages_and_questions_of_a_store_lack_its_templates(
    store: Store, tmp_path: Path
) -> None:
    """As stored, to the hash: nothing is embedded anew for a look back."""
    topics = [
        topic(
            number,
            f"Question {number}",
            post(number, f"What went wrong?</p><p>Case {number}.", by=f"u{number}"),
        )
        for number in range(1, 31)
    ]
    harvest(store, tmp_path, topics, [BACKUP])
    learn_templates(store, "forum", clock=lambda: day(40))
    templates = store.templates.of_source("forum")
    assert templates.opening
    rechunk(
        store,
        "forum",
        lambda document: chunk_document(
            document, count_tokens=lambda text: len(text.split()), templates=templates
        ),
        "2",
    )

    history = history_of_store(store)

    seven = history.thread(7)
    assert seven is not None
    assert seven.question.body == "Case 7."
    [event] = history.posts(seven.id)
    assert [passage.text for passage in event.passages] == ["Case 7."]
    hashes = [passage.content_hash for passage in history.passages]
    assert sorted(hashes) == sorted(store.passages.content_hashes())
    assert hashes == [content_hash(passage.input) for passage in history.passages]


def test_an_empty_store_has_no_past(store: Store) -> None:
    assert history_of_store(store).events == ()


# -- on a real community -----------------------------------------------------


def test_outcomes_are_what_was_found_to_be_linked_on_a_real_forum(
    tmp_path: Path,
) -> None:
    """Of the first 150 labelled topics; the labels were made by other means."""
    labels = [
        json.loads(line)
        for line in lines_of(shared_path("bench/slicer/dev_labels.jsonl.gz"))
    ][:150]
    # These topics and what they were found to link are enough, and quick to read.
    wanted = {i for label in labels for i in (label["topic_id"], *label["threads"])}
    topics = [
        line
        for line in lines_of(shared_path("bench/slicer/dev_topics.jsonl.gz"))
        if int(line[7 : line.index(",")]) in wanted
    ]
    archive = tmp_path / "topics.jsonl"
    archive.write_text("".join(topics))
    forum = "https://discourse.slicer.org"
    rules = load_config(CHECKOUT / "benchmarks/slicer.yaml").links
    history = read_history(
        ArchiveSource("forum", archive, forum_url=forum),
        DocsArchive("docs", shared_path("bench/slicer/docs.jsonl.gz")),
        chunk=lambda _document: (),
        languages=("en",),
        rules=rules.rules(forums=[forum]),
    )

    for name, is_thread in (("threads", True), ("docs", False)):
        pairs = {
            (label["topic_id"], str(key)) for label in labels for key in label[name]
        }
        found = {
            (label["topic_id"], history.documents[target].key)
            for label in labels
            if (asked := history.thread(label["topic_id"]))
            for target in history.linked(asked.id)
            if (history.documents[target].kind is Kind.THREAD) is is_thread
        }
        assert len(found & pairs) > 0.9 * len(pairs)
        assert len(found & pairs) > 0.9 * len(found)


def lines_of(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return file.readlines()


def test_the_past_knows_the_version_that_is_searched_alone(store: Store) -> None:
    old, new = (
        linked.put(
            store,
            replace(linked.docs(f"v{v}/backup", "Text."), version=v, page="*/backup"),
        )
        for v in ("1", "2")
    )
    with store.transaction():
        for name in ("docs", "forum"):
            store.progress.begin(name, at=NOON)
        store.editions.settle("docs", None)
    asked = linked.thread(1)
    topic = linked.put(
        store, asked, linked.link(asked, 2, "https://docs.example/v1/backup")
    )

    past = history_of_store(store)

    assert sorted(past.documents) == sorted([new, topic])
    targets = [each.targets for event in past.events for each in event.links]
    assert targets == [(new,)]
    assert old not in past.documents
    # Who names another version is led to this one, in the past as now.
    assert past.documents[new].versions == ("1", "2")
    present = Present(past.documents)
    for event in past.events:
        present.happen(event)
    facts = present.document_facts([new])
    assert facts == store.evidence.document_facts([new])
