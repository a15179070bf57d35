"""Who asked and who helped."""

from __future__ import annotations

from kb.people import People
from kb.types import DocumentId

FIRST, SECOND, OTHER = DocumentId(1), DocumentId(2), DocumentId(3)


def people(*posts: tuple[DocumentId, str]) -> People:
    """Posts in their order; the first of each thread opens it."""
    known = People()
    seen: set[DocumentId] = set()
    for document, person in posts:
        known.wrote(document, person, opening=document not in seen)
        seen.add(document)
    return known


def test_who_opens_a_thread_asks_and_the_others_help() -> None:
    known = people((FIRST, "ada"), (FIRST, "ben"), (FIRST, "cy"), (FIRST, "ben"))

    assert known.asker(FIRST) == "ada"
    assert known.helpers(FIRST) == {"ben": 2, "cy": 1}


def test_a_reply_to_oneself_is_no_help() -> None:
    known = people((FIRST, "ada"), (FIRST, "ada"), (FIRST, "ben"), (FIRST, "ada"))

    assert known.helpers(FIRST) == {"ben": 1}
    assert known.answers("ada") == 0


def test_answers_are_counted_over_all_threads() -> None:
    known = people(
        (FIRST, "ada"), (SECOND, "ben"), (FIRST, "ben"), (SECOND, "ada"), (FIRST, "ben")
    )

    assert [known.answers(name) for name in ("ada", "ben", "nobody")] == [1, 2, 0]


def test_a_thread_whose_opening_is_gone_has_helpers_and_no_asker() -> None:
    known = People()
    known.wrote(FIRST, "ben", opening=False)

    assert known.asker(FIRST) is None
    assert known.helpers(FIRST) == {"ben": 1}


def test_nothing_is_known_of_what_nobody_wrote() -> None:
    known = people((FIRST, "ada"))

    assert known.asker(OTHER) is None
    assert known.helpers(OTHER) == known.helpers(FIRST) == {}
