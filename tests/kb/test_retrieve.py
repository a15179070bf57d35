"""Candidates: what any retriever finds, one document each, with all its signals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from kb.errors import DimensionMismatchError
from kb.retrieve import MAX_PASSAGES
from kb.signals import SIGNALS
from kb.texts import TextField
from kb.types import PUBLIC, Candidate, DocumentId, Kind, LinkRole
from kb.vectors import ExactIndex, FaissIndex, VectorIndex
from tests.kb.world import EMBEDDER, NOW, STAFF_ROOM, World, passage_id

ONLY_PUBLIC = frozenset({PUBLIC})
LINKS = [name for name, signal in SIGNALS.items() if signal.group == "links"]


@pytest.fixture(params=[FaissIndex, ExactIndex])
def either(request: pytest.FixtureRequest) -> World:
    """A world on each vector index."""
    return World(request.param)


@pytest.fixture
def world() -> World:
    return World()


def ids(candidates: list[Candidate]) -> list[int]:
    return [candidate.document_id for candidate in candidates]


def cosine(one: str, other: str) -> float:
    found = EMBEDDER.embed_query(one) @ EMBEDDER.embed_query(other)
    return float(found)


# -- what is found -----------------------------------------------------------------


def test_passages_of_a_document_become_one_candidate(either: World) -> None:
    either.put(
        7,
        "How do I restore a nightly backup?",
        "Restore the backup with pg_restore.",
        "Thank you!",
    )
    either.put(8, "The weather is fine.")
    query = "restore the nightly backup"

    best, other = either.ask(query)

    corpus = either.corpus()
    own = [passage_id(7, part) for part in (1, 2, 3)]
    near = corpus.vectors[Kind.THREAD].similarities(
        EMBEDDER.embed_query(query), np.array(own)
    )
    words = corpus.lexical.score(query, own, Kind.THREAD)
    scores = sorted((words[i].score for i in own if i in words), reverse=True)
    assert (best.document_id, best.kind) == (7, Kind.THREAD)
    assert best.passage_id == own[0 if near[0] > near[1] else 1]
    assert {name: best.signals[name] for name in ("bm25_passage", "bm25_second")} == {
        "bm25_passage": scores[0],
        "bm25_second": scores[1],
    }
    assert best.signals["coverage"] == max(each.coverage for each in words.values())
    ranking = sorted(near.tolist(), reverse=True)
    assert best.signals["cosine_passage"] == pytest.approx(ranking[0])
    assert best.signals["cosine_second"] == pytest.approx(ranking[1])
    assert best.signals["cosine_opening"] == pytest.approx(near[0])
    assert best.signals["cosine_reply"] == pytest.approx(max(near[1:]))
    assert "cosine_solution" not in best.signals
    assert other.document_id == 8


def test_the_strongest_in_words_has_the_whole_share_of_them(world: World) -> None:
    world.put(1, "nightly backup")
    world.put(2, "backup, said in passing, of a large and distant server")

    one, two = (candidate.signals for candidate in world.ask("nightly backup"))

    assert one["bm25_share"] == 1.0
    assert two["bm25_share"] == two["bm25_passage"] / one["bm25_passage"]


def test_what_only_the_words_find_gets_its_cosine_and_the_other_way_round(
    either: World,
) -> None:
    either.put(1, "completely different in every way, except for zyzzyva")
    either.put(2, *["the question about it"] * 10)

    by_words, by_vector = either.ask("the question about zyzzyva", depth=1)

    assert ids([by_words, by_vector]) == [1, 2]
    assert by_words.signals["cosine_passage"] == pytest.approx(
        cosine(
            "the question about zyzzyva",
            "\ncompletely different in every way, except for zyzzyva",
        ),
        abs=1e-6,
    )
    assert by_vector.signals["bm25_passage"] > 0


def test_a_passage_without_a_vector_has_no_cosine_rather_than_none(
    either: World,
) -> None:
    either.put(1, "nightly backup", embed=False)
    either.put(2, "weather")

    candidate = either.ask("nightly backup")[0]

    assert candidate.document_id == 1
    assert not {"cosine_passage", "cosine_opening", "cosine_title"} & set(
        candidate.signals
    )
    assert candidate.signals["bm25_passage"] > 0


def test_a_kind_without_vectors_is_searched_by_words(world: World) -> None:
    world.put(1, "nightly backup", kind=Kind.VIDEO, embed=False)
    assert ids(world.ask("backup")) == [1]


def test_each_kind_is_searched_for_itself(either: World) -> None:
    for number in range(1, 30):
        either.put(number, f"backup of server {number}")
    either.put(50, "a backup, in passing", kind=Kind.DOCS)

    found = either.ask("backup of server", depth=3)
    only_docs = either.ask("backup of server", kinds=frozenset({Kind.DOCS}))

    assert ids([c for c in found if c.kind is Kind.DOCS]) == [50]
    assert only_docs == [c for c in found if c.kind is Kind.DOCS]
    assert either.ask("backup", kinds=frozenset()) == []


def test_candidates_come_by_kind_and_then_by_id(world: World) -> None:
    world.put(4, "backup", kind=Kind.VIDEO)
    world.put(3, "backup", kind=Kind.DOCS)
    world.put(9, "backup")
    world.put(2, "backup")

    assert ids(world.ask("backup")) == [2, 9, 3, 4]


def distant(world: World, *numbers: int, kind: Kind = Kind.DOCS) -> None:
    """Documents that share nothing with a question about backups, among many that a
    search by passages prefers to them."""
    for number in numbers:
        world.put(
            number,
            "Zebras graze.",
            "Giraffes sleep standing.",
            title="Savanna",
            kind=kind,
            embed=False,
        )
    for number in range(500, 520):
        world.put(number, f"backup of server {number}", kind=kind)


def test_a_document_that_only_the_link_graph_knows_brings_its_passages(
    world: World,
) -> None:
    distant(world, 1)
    world.put(2, "How do I make a nightly backup?", "See the page.")
    world.link(2, 1)

    found = {c.document_id: c for c in world.ask("a nightly backup", depth=1)}

    linked = found[DocumentId(1)]
    assert linked.passage_id in (passage_id(1, 1), passage_id(1, 2))
    assert linked.signals["linked_by_meaning"] > 0
    assert linked.signals["bm25_asked"] > 0


def test_a_document_that_only_its_questions_find_brings_its_passages(
    world: World,
) -> None:
    """The thread that asked is deleted by now; what was said stays with the page."""
    distant(world, 1)
    world.put(2, "Quicksilver spilt", "See the page.")
    world.link(2, 1)
    corpus = world.corpus()
    world.edges.clear()
    gone = replace(corpus, graph=World().corpus().graph)
    world._corpus = gone
    for part in (1, 2):
        del world.facts[passage_id(2, part)]
    del world.documents[DocumentId(2)]

    (found,) = [
        c for c in world.ask("quicksilver on my desk", depth=1) if c.document_id == 1
    ]

    assert found.signals["bm25_asked"] > 0
    assert all(found.signals[name] == 0.0 for name in LINKS)
    # Whole titles without a shared word: nothing else speaks for it.
    assert found.signals["bm25_passage"] == found.signals["bm25_title"] == 0.0


@pytest.mark.parametrize(
    ("field", "query"), [("title", "savanna"), ("whole", "standing giraffes")]
)
def test_a_document_is_found_as_a_whole(world: World, field: str, query: str) -> None:
    distant(world, 1)
    # These share a word with it, so that one passage is not enough to find it.
    world.put(2, f"{query} {query}", kind=Kind.DOCS)

    found = {c.document_id: c for c in world.ask(query, depth=1)}

    assert found[DocumentId(1)].signals[f"bm25_{field}"] > 0


def test_what_the_question_links_is_a_candidate(world: World) -> None:
    distant(world, 1)

    found = {c.document_id: c for c in world.ask("backup", depth=1, linked=[1])}

    assert found[DocumentId(1)].signals["in_question"] == 1.0
    assert {c.signals["in_question"] for i, c in found.items() if i != 1} == {0.0}


def test_a_long_thread_that_is_linked_is_not_read_to_its_end(world: World) -> None:
    world.put(9, *["Zebras graze."] * MAX_PASSAGES, "backup", embed=False)
    world.put(2, "How do I make a backup?")
    world.link(2, 9)
    world.put(3, *["backup"] * 9)

    assert world.signals(9, depth=1)["bm25_passage"] == 0.0
    assert world.signals(9, depth=90)["bm25_passage"] > 0.0


def test_nothing_indexed_gives_no_candidates(world: World) -> None:
    assert world.ask("backup") == []


# -- who may see it ----------------------------------------------------------------


def test_only_what_still_exists_and_may_be_seen_is_a_candidate(either: World) -> None:
    for number in (1, 2, 3, 4, 5):
        visibility = STAFF_ROOM if number == 2 else PUBLIC
        either.put(number, "nightly backup", visibility=visibility)
    either.corpus()
    del either.facts[passage_id(3, 1)]
    # Made private after it was indexed, and unlisted.
    for number in (4,):
        private = replace(either.facts[passage_id(number, 1)], visibility=STAFF_ROOM)
        either.facts[passage_id(number, 1)] = private
    del either.documents[DocumentId(5)]

    public = either.ask("nightly backup", visible_to=ONLY_PUBLIC)
    unrestricted = either.ask("nightly backup")

    assert ids(public) == [1]
    assert ids(unrestricted) == [1, 2, 4]
    assert either.ask("nightly backup", visible_to=frozenset()) == []


@pytest.mark.parametrize("way", ["linked", "in question", "asked", "whole"])
def test_what_is_private_is_found_on_no_way(world: World, way: str) -> None:
    """Neither when the index knows of it, nor when only the facts do."""
    for number, indexed in ((1, STAFF_ROOM), (2, PUBLIC)):
        world.put(
            number,
            "Restore the nightly backup." if way == "whole" else "Zebras graze.",
            kind=Kind.DOCS,
            visibility=indexed,
            embed=False,
        )
    world.put(3, "How do I restore the nightly backup?", "Look there.")
    if way in ("linked", "asked"):
        world.link(3, 1, 2)
    world.corpus()
    private = replace(world.documents[DocumentId(2)], visibility=STAFF_ROOM)
    world.documents[DocumentId(2)] = private
    linked = [1, 2] if way == "in question" else []

    def found(visible_to: frozenset[str]) -> list[int]:
        return ids(
            world.ask("restore the backup", visible_to=visible_to, linked=linked)
        )

    assert found(ONLY_PUBLIC) == [3]
    assert found(ONLY_PUBLIC | {STAFF_ROOM}) == [3, 1, 2]


def test_private_threads_take_no_place_among_those_alike_in_words(
    world: World,
) -> None:
    """A thread's place, and with it what it says, would tell that they exist."""
    world.put(1, "How do I make a nightly backup of it all?", "Like so.")
    world.put(2, "Zebras graze.", kind=Kind.DOCS)
    world.link(1, 2)
    body = "nightly backup"
    alone = world.signals(2, body, visible_to=ONLY_PUBLIC)["linked_by_words"]
    for number in (3, 4):
        world.put(number, "nightly backup", "No.", visibility=STAFF_ROOM)
    for number in range(5, 10):
        world.put(number, "Lions hunt.", visibility=STAFF_ROOM)

    seen = world.signals(2, body, visible_to=ONLY_PUBLIC)["linked_by_words"]

    assert seen == alone > world.signals(2, body)["linked_by_words"]


# -- the question itself -----------------------------------------------------------


@pytest.mark.parametrize("how", ["document", "exclude"])
def test_the_question_itself_answers_nothing_and_leads_to_nothing(
    world: World, how: str
) -> None:
    """Its answers are what is sought: they must not tell where to look."""
    body = "How do I make a nightly backup?"
    world.put(1, body, "See there.", title="Nightly backup")
    world.put(2, "Zebras graze.", kind=Kind.DOCS, embed=False)
    world.put(3, "A backup was made.", "By whom?")
    world.link(1, 2, 3)
    asked = {"title": "Nightly backup", "linked": [2]}
    left_out = {"document": 1} if how == "document" else {"exclude": [1]}

    found = world.ask(body, **asked, **left_out)  # type: ignore[arg-type]

    assert ids(found) == [3, 2]
    for candidate in found:
        told = {name: candidate.signals[name] for name in LINKS}
        assert {name for name, value in told.items() if value} <= {"in_question"}
    # Anybody else is led by it.
    known = world.signals(2, body, title="Nightly backup")
    assert min(known["linked_by_meaning"], known["linked_by_words"]) > 0.5
    assert min(known["linked_by_titles"], known["in_links"]) > 0.5


def test_what_is_left_out_makes_room_for_others_alike(world: World) -> None:
    """However many are left out, as many threads are asked what they link."""
    world.put(1, "How do I make a nightly backup?", "See there.")
    world.put(2, "Zebras graze.", kind=Kind.DOCS, embed=False)
    world.link(1, 2)
    same = range(100, 170)
    for number in same:
        world.put(number, "How do I make a nightly backup")

    query = "How do I make a nightly backup"
    known = world.signals(2, query, exclude=list(same))

    assert known["linked_by_meaning"] > 0.5
    assert known["linked_by_words"] == 1.0


# -- each signal -------------------------------------------------------------------


def test_every_signal_is_told_and_no_other(world: World) -> None:
    world.put(1, "Backup?", "Yes.", "No.", title="A", accepted=2, authors=["a", "b"])
    world.put(2, "Backup?", "Yes.", title="Backup", authors=["b", "a"])

    known = world.signals(1, "backup", title="backup", asker="a")

    assert set(known) == set(SIGNALS)
    assert all(map(math.isfinite, known.values()))


def test_fields_of_whole_documents_are_scored_one_by_one(world: World) -> None:
    world.put(1, "The first: alpha", "Then bravo", title="Charlie", kind=Kind.THREAD)
    world.put(2, "How about delta?", "There.", title="Asked")
    world.link(2, 1, text="the echo page")
    texts = {
        "alpha": {"bm25_opening", "bm25_whole"},
        "bravo": {"bm25_whole"},
        "charlie": {"bm25_title"},
        "delta": {"bm25_asked"},
        "echo": {"bm25_anchors"},
    }

    for word, fields in texts.items():
        known = world.signals(1, word)
        expected = world.corpus().texts.score(word, [DocumentId(1)], kind=Kind.THREAD)
        assert {f"bm25_{f}" for f in TextField if known[f"bm25_{f}"]} == fields
        for field in TextField:
            found = expected[field].get(DocumentId(1), 0.0)
            assert known[f"bm25_{field}"] == found


def test_titles_meet_titles_and_passages(world: World) -> None:
    world.put(1, "Use pg_restore.", title="Restore a backup")

    known = world.signals(1, "My disk died.", title="Restore the backup")
    untitled = world.signals(1, "Restore the backup")

    assert known["cosine_title"] == pytest.approx(
        cosine("Restore the backup", "Restore a backup"), abs=1e-6
    )
    assert known["cosine_title_passage"] == pytest.approx(
        cosine("Restore the backup", "Restore a backup\nUse pg_restore."), abs=1e-6
    )
    assert known["cosine_title_passage"] != known["cosine_passage"]
    # Without a headline all of the question stands in for it.
    assert untitled["cosine_title_passage"] == untitled["cosine_passage"]


def test_the_accepted_answer_has_a_cosine_of_its_own(world: World) -> None:
    world.put(1, "My disk died.", "No idea.", "Use pg_restore.", accepted=3)

    known = world.signals(1, "pg_restore")

    assert known["cosine_solution"] == pytest.approx(
        cosine("pg_restore", "\nUse pg_restore."), abs=1e-6
    )
    assert known["solved"] == 1.0


def test_what_older_questions_were_answered_with_counts_by_their_likeness(
    world: World,
) -> None:
    world.put(1, "How do I make a nightly backup?", "See there.")
    world.put(2, "How do I paint a nightly sky?", "See there.")
    world.put(10, "Zebras graze.", kind=Kind.DOCS, embed=False)
    world.put(11, "Giraffes sleep.", kind=Kind.DOCS, embed=False)
    world.link(1, 10)
    world.link(2, 11)
    query = "How to make a nightly backup"

    near, far = world.signals(10, query), world.signals(11, query)

    assert near["linked_by_meaning"] > far["linked_by_meaning"] > 0
    assert near["linked_by_words"] > far["linked_by_words"] > 0
    # The surest of all ways says: first in words, linked once.
    assert near["linked_by_words"] == 1.0
    assert near["linked_by_titles"] == 0.0


def test_a_link_says_more_in_an_accepted_answer_and_less_on_a_page(
    world: World,
) -> None:
    for number in (10, 11, 12, 13):
        world.put(number, "Zebras graze.", kind=Kind.DOCS, embed=False)
    for number, (target, accepted, role) in enumerate(
        [
            (10, True, LinkRole.STAFF),
            (11, False, LinkRole.HELPER),
            (12, False, LinkRole.PAGE),
        ]
    ):
        world.put(number, "nightly backup", "See there.")
        world.link(number, target, accepted=accepted, role=role)

    values = [
        world.signals(target, "nightly backup")["linked_by_meaning"]
        for target in (10, 11, 12)
    ]

    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 3


def test_titles_lead_where_texts_do_not(world: World) -> None:
    world.put(1, "It fails since Monday.", "See there.", title="Nightly backup")
    world.put(2, "Zebras graze.", kind=Kind.DOCS, embed=False)
    world.link(1, 2)

    titled = world.signals(2, "My disk is full.", title="Nightly backup", linked=[2])
    untitled = world.signals(2, "A nightly backup", linked=[2])

    assert titled["linked_by_titles"] == 1.0
    assert titled["linked_by_words"] == 0.0
    assert untitled["linked_by_titles"] == 1.0


def test_a_thread_that_leads_to_a_question_alike_was_asked_much_the_same(
    world: World,
) -> None:
    world.put(1, "How do I make a nightly backup?", "Like so.")
    world.put(2, "Zebras graze.", "Asked before, see there.", embed=False)
    world.link(2, 1)

    known = world.signals(2, "How do I make a nightly backup")

    assert known["linking"] > 0.5
    assert known["out_links"] == math.log1p(1)
    assert world.signals(1, "nightly backup")["linking"] == 0.0


def test_links_into_a_document_are_counted_by_who_links(world: World) -> None:
    world.put(1, "backup", kind=Kind.DOCS)
    for number in (2, 3):
        world.put(number, "zebra")
        world.link(number, 1)
    world.link(3, 1)

    assert world.signals(1)["in_links"] == math.log1p(2)
    assert world.signals(2)["in_links"] == 0.0
    assert world.signals(2)["out_links"] == math.log1p(1)


def test_what_is_linked_to_and_from_what_the_question_links_is_near(
    world: World,
) -> None:
    for number in (1, 2, 3, 4):
        world.put(number, "Zebras graze.", embed=False)
    world.link(1, 2)
    world.link(3, 1)

    def beside(number: int) -> float:
        return world.signals(number, "zebra", linked=[1])["linked_beside"]

    assert [beside(number) for number in (2, 3, 4)] == [
        1.0,
        1.0,
        0.0,
    ]


def test_the_asker_is_known_by_earlier_threads(world: World) -> None:
    world.put(1, "backup", "yes", authors=["ada", "ben"])
    world.put(2, "backup", "yes", "so", authors=["ben", "ada", "ben"])
    world.put(3, "backup", "yes", authors=["cy", "ben"])

    def people(number: int, asker: str | None) -> tuple[float | None, ...]:
        known = world.signals(number, asker=asker)
        return known.get("same_asker"), known.get("took_part")

    assert [people(number, "ada") for number in (1, 2, 3)] == [
        (1.0, 0.0),
        (0.0, 1.0),
        (0.0, 0.0),
    ]
    assert people(1, None) == (None, None)


def test_the_busiest_helper_speaks_for_a_thread(world: World) -> None:
    world.put(1, "backup", "yes", authors=["ada", "ben"])
    world.put(2, "zebra", "a", "b", "c", authors=["cy", "ben", "ben", "ada"])
    world.put(3, "backup", kind=Kind.DOCS)

    assert world.signals(1)["helper_answers"] == math.log1p(3)
    assert world.signals(3)["helper_answers"] == 0.0


def test_what_holds_of_a_document_whatever_is_asked(world: World) -> None:
    world.put(1, "backup", "yes", "no", likes=4, accepted=2)
    world.put(2, "backup", created_at=None)
    world.put(3, "backup", created_at=NOW + timedelta(days=2))

    known, undated, future = (world.signals(number) for number in (1, 2, 3))

    assert known["log_parts"] == math.log1p(3)
    assert known["log_likes"] == math.log1p(4)
    assert (known["solved"], undated["solved"]) == (1.0, 0.0)
    assert known["log_age"] == pytest.approx(math.log1p(9))
    assert "log_age" not in undated
    assert future["log_age"] == 0.0


def test_category_tags_and_language_are_compared(world: World) -> None:
    world.put(1, "backup", category="Help", tags=("a", "b", "c"), language="fr")
    world.put(2, "backup", language=None)

    here = world.signals(1, category="Help", tags=("c", "b", "x"), language="fr")
    there = world.signals(1, category="Lounge", tags=("x",), language="en")
    nowhere = world.signals(1)
    unknown = world.signals(2, category=None, language="en")

    assert (here["same_category"], here["same_language"]) == (1.0, 1.0)
    assert here["shared_tags"] == math.log1p(2)
    assert (there["same_category"], there["same_language"]) == (0.0, 0.0)
    assert there["shared_tags"] == 0.0
    assert (nowhere["same_category"], nowhere["same_language"]) == (0.0, 1.0)
    # What is in no known language is in nobody's way.
    assert (unknown["same_category"], unknown["same_language"]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("question", "document", "same"),
    [
        ("pt", "pt-BR", 1.0),
        ("pt_BR", "pt", 1.0),
        ("fr-CA", "fr-FR", 1.0),
        ("pt", "es", 0.0),
        ("pt", "und", 1.0),
        ("und", "es", 1.0),
    ],
)
def test_regions_are_of_one_language(
    world: World, question: str, document: str, same: float
) -> None:
    world.put(1, "backup", language=document)
    assert world.signals(1, language=question)["same_language"] == same


@pytest.mark.parametrize(
    ("version", "query", "named"),
    [
        ("2.40", "backup on 2.40", 1.0),
        ("2.40", "backup on v2.40.3", 1.0),
        ("dhis-core-version-240", "backup on 2.40", 1.0),
        ("2.40", "backup on 2.41", 0.0),
        ("2.40", "backup", 0.0),
        ("master", "backup on master", 0.0),
        (None, "backup on 2.40", 0.0),
    ],
)
def test_the_version_that_a_question_names_is_told(
    world: World, version: str | None, query: str, named: float
) -> None:
    world.put(1, "backup", kind=Kind.DOCS, version=version)
    assert world.signals(1, query)["named_version"] == named


# -- odd questions -----------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "backup",
        "backup " + "x" * 50_000,
        "nightly backup of " + " ".join(f"word{n}" for n in range(8_000)),
        "```\nValueError: backup at /api/backup\n```",
        "резервная копия backup",
        "バックアップ backup",
        "backup\0\ud800",
    ],
)
def test_an_odd_question_finds_what_it_shares(world: World, body: str) -> None:
    world.put(1, "nightly backup", title="Backup", kind=Kind.DOCS)
    world.put(2, "weather")

    (found,) = [c for c in world.ask(body, title="") if c.document_id == 1]

    assert found.signals["bm25_passage"] > 0
    assert all(map(math.isfinite, found.signals.values()))


def test_without_links_people_and_dates_the_words_are_left(world: World) -> None:
    world.put(1, "nightly backup", created_at=None, language=None)

    known = world.signals(1)

    assert known["bm25_passage"] > 0
    assert all(known[name] == 0.0 for name in LINKS)


# -- vectors by id -----------------------------------------------------------------


@pytest.mark.parametrize("make", [FaissIndex, ExactIndex])
def test_similarities_are_those_of_a_search_and_unknown_ids_have_none(
    make: Callable[[int], VectorIndex],
) -> None:
    draw = np.random.default_rng(4)
    vectors = draw.normal(size=(30, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = make(8)
    index.add(np.arange(100, 130), vectors)
    near, found = index.search(vectors[:1], 30)

    assert np.array_equal(index.similarities(vectors[0], found[0]), near[0])
    assert np.isnan(index.similarities(vectors[0], np.array([99, -1, 10**12]))).all()
    assert index.similarities(vectors[0], np.array([], dtype=np.int64)).shape == (0,)
    with pytest.raises(DimensionMismatchError):
        index.similarities(vectors[0][:5], np.array([100]))
