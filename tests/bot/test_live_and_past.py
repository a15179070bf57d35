"""A live index and a walk through the past know the same of the same community.

What is learned in the past is used on the present: a rule that only one of them
follows would go unseen, and make every weight a little wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bot.past import Past, embed_titles
from bot.present import Present
from bot.said import Said
from bot.timeline import History
from kb.corpus import Corpus, DocumentFacts
from kb.embed.hashing import HashingEmbedder
from kb.index import build_index, open_index
from kb.lexical import TantivyIndex, TantivyTexts
from kb.question import Question
from kb.retrieve import retrieve
from kb.store import EmbeddingCache, Store
from kb.texts import DocumentText, TextField
from kb.types import PUBLIC, DocumentId, Kind, PassageFacts, PassageId
from tests.bot.telling import FORUM, day, harvest, link, page, post, tell, topic

EMBEDDER = HashingEmbedder()
DOCS = "https://docs.example.org"
NOW = day(90)

TextsOf = Callable[[Sequence[PassageId]], Mapping[PassageId, str]]


def manual(path: str, text: str = "") -> str:
    url = f"{DOCS}/{path}.html"
    return f'<a href="{url}">{text or url}</a>'


def by(user_id: int, written: float, text: str = "", **more: Any) -> Any:
    return post(written, text, by=f"u{user_id}", user_id=user_id, **more)


def community() -> tuple[list[Any], list[Any]]:
    """All sorts of links: in questions and answers, bare and told, of pages, to all
    versions of a page, to the short address of a post; a long thread, and one that
    has lost its first post."""
    lost = topic(
        10,
        "Restore on another server",
        by(3, 12, f"I did as in {link(7, 'the other thread')}."),
        by(2, 13, f"Then see {manual('v41/restore', 'how to restore')}."),
    )
    for number, each in enumerate(lost["posts"], start=4):
        each["post_number"] = number
    topics = [
        topic(
            7,
            "Backup of the database",
            by(1, 1, "How is the database backed up at night?"),
            by(2, 2, "Run pg_dump every night.", accepted_answer=True),
            by(1, 3, "Thanks, the backup works."),
        ),
        topic(
            8,
            "Database hangs at night",
            by(1, 5, f"The backup hangs, unlike in {link(7, 'my first case')}."),
            by(2, 6, f"{link(7)} and {manual('v39/backup', 'the manual')} tell."),
            by(
                3,
                7,
                f"{link(7, 'That case')}, {link(7, 'again')}; "
                f"{manual('v41/backup', 'a page')}.",
                accepted_answer=True,
            ),
        ),
        topic(
            9,
            "Charts are empty",
            by(3, 8, "The charts are empty since the backup. " * 60),
            by(1, 9, f'As in <a href="{FORUM}/p/82">that answer</a>. ' * 2),
            by(2, 10, "Clear the cache of the charts. " * 80),
        ),
        lost,
        topic(11, "pg_dump", by(4, 14, "?")),
    ]
    pages = [
        page(
            "v41/backup",
            "Nightly.\n\n# Backup\n\n## By hand\n\nRun pg_dump.\n\n"
            f"## After\n\nThen [restore it]({DOCS}/v41/restore.html).\n",
        ),
        page("v40/backup", "# Backup\n\nRun pg_dump at times.\n"),
        page("v41/restore", "# Restore\n\nRun pg_restore on the other server.\n"),
    ]
    return topics, pages


@dataclass(frozen=True)
class Side:
    """One of the two, with keys in place of the ids that differ."""

    corpus: Corpus
    keys: Mapping[DocumentId, str]
    texts: Mapping[str, DocumentText]
    passages: TextsOf

    @property
    def ids(self) -> dict[str, DocumentId]:
        return {key: document for document, key in self.keys.items()}

    def document_facts(self) -> dict[str, DocumentFacts]:
        facts = self.corpus.document_facts(list(self.keys))
        nobody = DocumentId(0)
        return {self.keys[i]: replace(fact, id=nobody) for i, fact in facts.items()}

    def passage_facts(self) -> dict[str, list[PassageFacts]]:
        found = {}
        for document, ids in self.corpus.passages_of(list(self.keys)).items():
            facts = self.corpus.passage_facts(ids)
            found[self.keys[document]] = [
                replace(facts[i], document_id=DocumentId(0)) for i in ids
            ]
        return found

    def links(self) -> dict[str, list[dict[str, float]]]:
        graph = self.corpus.graph
        return {
            key: [
                {self.keys[i]: weight for i, weight in ends(document).items()}
                for ends in (graph.out_of, graph.into)
            ]
            for document, key in self.keys.items()
        }

    def people(self) -> dict[str, object]:
        people = self.corpus.people
        return {
            key: (
                people.asker(document),
                {
                    person: (times, people.answers(person))
                    for person, times in people.helpers(document).items()
                },
            )
            for document, key in self.keys.items()
        }

    def found(self, question: Question, linked: Sequence[str]) -> dict[str, Any]:
        """Candidates by key: the passage to show, and all signals."""
        ids = self.ids
        candidates = retrieve(
            replace(question, linked=frozenset(ids[key] for key in linked)),
            corpus=self.corpus,
            embedder=EMBEDDER,
            kinds=tuple(Kind),
            visible_to=frozenset({PUBLIC}),
            depth=5,
            at=NOW,
        )
        shown = self.passages([c.passage_id for c in candidates])
        return {
            self.keys[c.document_id]: (shown[c.passage_id], dict(c.signals))
            for c in candidates
        }


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Side]:
    history = tell(tmp_path, *community())
    texts = TantivyTexts.create(None)
    vectors = EMBEDDER.embed_passages([p.input for p in history.passages])
    grown = Past(history, vectors, embed_titles(history, EMBEDDER), texts)
    with closing(grown):
        # At once: what was replaced counts for BM25 until segments are merged.
        grown.advance(NOW)
        keys = {i: document.key for i, document in history.documents.items()}
        yield Side(grown.corpus, keys, told(history), grown.texts)


def told(history: History) -> dict[str, DocumentText]:
    present = Present(history.documents)
    said = Said(present)
    for event in history.events:
        present.happen(event)
        said.add(event)
    return {
        document.key: replace(said.text(i), id=DocumentId(0))
        for i, document in history.documents.items()
    }


def texts_of(store: Store) -> TextsOf:
    def texts(ids: Sequence[PassageId]) -> dict[PassageId, str]:
        found = store.passages.load(ids)
        return {i: passage.text for i, passage in found.items()}

    return texts


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Side]:
    with (
        Store.open(tmp_path / "kb.db") as store,
        EmbeddingCache.open(tmp_path / "cache.db") as cache,
    ):
        harvest(store, tmp_path, *community())
        index_folder = tmp_path / "index"
        build_index(store, EMBEDDER, cache, index_folder, lexical=TantivyIndex)
        index = open_index(
            index_folder,
            store_uuid=store.uuid,
            store_generation=store.generation,
            model_id=EMBEDDER.model_id,
            dim=EMBEDDER.dim,
            lexical_opener=TantivyIndex.open,
        )
        texts = list(store.evidence.texts())
        keys = {}
        for text in texts:
            document = store.documents.load(text.id)
            assert document is not None
            keys[text.id] = document.key
        by_key = {keys[text.id]: replace(text, id=DocumentId(0)) for text in texts}
        with closing(index):
            yield Side(index.corpus(store), keys, by_key, texts_of(store))


def test_documents_and_passages_are_known_alike(live: Side, past: Side) -> None:
    assert live.document_facts() == past.document_facts()
    assert live.passage_facts() == past.passage_facts()
    assert len(live.passage_facts()["9"]) > 3


def test_what_is_said_of_documents_is_the_same(live: Side, past: Side) -> None:
    """Field by field, in one order; what a question links itself is no part of it."""
    assert live.texts == past.texts

    anchors = past.texts["7"].fields[TextField.ANCHORS]
    assert [text.text for text in anchors] == ["again", "That case"]
    asked = past.texts["v40/backup"].fields[TextField.ASKED]
    assert [text.text.split("\n")[0] for text in asked] == ["Database hangs at night"]
    assert TextField.ANCHORS in past.texts["8"].fields
    assert TextField.ASKED not in past.texts["10"].fields


def test_links_and_people_are_the_same(live: Side, past: Side) -> None:
    assert live.links() == past.links()
    assert live.people() == past.people()

    into, out_of = past.links()["v41/backup"][::-1]
    assert into == {"8": 2.0}
    assert out_of == {"v41/restore": 0.5}
    assert past.people()["8"] == (
        "forum:1",
        {"forum:2": (1, 4), "forum:3": (1, 2)},
    )
    assert past.people()["10"] == (None, {"forum:3": (1, 2), "forum:2": (1, 4)})


@pytest.mark.parametrize(
    ("question", "linked"),
    [
        (Question("Database hangs at night", "The backup with pg_dump hangs."), ()),
        (
            Question(
                "Restore in 41", "How is it restored?", asker="forum:3", language="en"
            ),
            ("v41/backup", "9"),
        ),
        (Question("", "charts"), ()),
    ],
    ids=["plain", "all known", "one word"],
)
def test_a_question_finds_the_same_with_the_same_signals(
    live: Side, past: Side, question: Question, linked: Sequence[str]
) -> None:
    ours, theirs = live.found(question, linked), past.found(question, linked)

    assert ours.keys() == theirs.keys()
    for key, (shown, signals) in ours.items():
        assert shown == theirs[key][0]
        assert signals == pytest.approx(theirs[key][1], rel=1e-4, abs=1e-5), key
    assert len(ours) > 4
