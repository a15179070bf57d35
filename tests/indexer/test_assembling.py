"""Topics put together without a request: all of the reasons not to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from indexer.sources.assembling import (
    Content,
    activity_of,
    put_together,
    revision_of,
    with_edits,
)
from indexer.sources.threads import ForumRules
from indexer.wire import TopicItem
from kb.store import Forgotten
from kb.types import Document, Kind, LeftOut, Part, TopicId
from tests.indexer.forum_world import START

RULES = ForumRules()


def part(number: int, /, **changes: Any) -> Part:
    fields: dict[str, Any] = {
        "number": number,
        "body": f"<p>Post {number}</p>",
        "external_id": 100 + number,
        "author": "amina",
        "created_at": START + timedelta(minutes=number),
        **changes,
    }
    return Part(**fields)


def item(**changes: Any) -> TopicItem:
    """A topic of two posts, as the list shows it."""
    fields: dict[str, Any] = {
        "id": TopicId(7),
        "title": "A question",
        "category_id": 3,
        "archetype": "regular",
        "bumped_at": START,
        "pinned": False,
        "visible": True,
        "facts": "f1",
        "activity": "a1",
        "posts_count": 2,
        **changes,
    }
    return TopicItem(**fields)


def stored(*contents: Content, **changes: Any) -> Document:
    """The topic as it is held, by default as the list still shows it."""
    document = Document(
        source="forum",
        kind=Kind.THREAD,
        key="7",
        url="https://forum.example/t/7",
        title="A question",
        parts=tuple(each for each in contents if isinstance(each, Part)),
        left_out=tuple(each for each in contents if isinstance(each, LeftOut)),
        revision=revision_of("f1", "a1"),
        verified_at=START,
    )
    return replace(document, **changes)


def assembled(
    held: Document | None,
    loose: Iterable[Content] = (),
    *,
    compared: bool = False,
    read_at: datetime = START,
    rules: ForumRules = RULES,
    **changes: Any,
) -> tuple[Content, ...] | None:
    return put_together(
        held, loose, item(**changes), rules, compared=compared, read_at=read_at
    )


# -- by the list's word --------------------------------------------------------


def test_a_new_topic_is_put_together_from_posts_that_were_read() -> None:
    assert assembled(None, [part(1), part(2)]) == (part(1), part(2))


def test_new_posts_are_put_to_the_stored_ones() -> None:
    held = stored(part(1), LeftOut(102, 2, "hidden"))
    found = assembled(held, [part(3)], posts_count=3, activity="a2")
    assert found == (part(1), LeftOut(102, 2, "hidden"), part(3))


def test_a_post_that_was_edited_takes_the_place_of_the_stored_one() -> None:
    """As does one whose text must not be held any more."""
    held = stored(part(1), part(2), part(3))
    edited, hidden = part(2, body="<p>Better</p>"), LeftOut(101, 1, "hidden")
    found = assembled(held, [edited, hidden, part(4)], posts_count=4, activity="a2")
    assert found == (hidden, edited, part(3), part(4))


def test_other_facts_of_a_topic_need_no_other_posts() -> None:
    held = stored(part(1), part(2))
    assert assembled(held, facts="f2") == (part(1), part(2))


@pytest.mark.parametrize("posts_count", [1, 3, None])
def test_what_the_list_does_not_count_is_not_put_together(
    posts_count: int | None,
) -> None:
    assert assembled(None, [part(1), part(2)], posts_count=posts_count) is None


def test_posts_that_cannot_be_told_apart_are_not_put_together() -> None:
    twice = [part(1), part(1, external_id=555)]
    assert assembled(None, twice) is None
    unnamed = stored(part(1, external_id=None), part(2))
    assert assembled(unnamed, facts="f2") is None


def test_a_topic_that_moved_without_a_new_post_is_not_trusted() -> None:
    """Its last post may have been edited, or one deleted and another written."""
    held = stored(part(1), part(2))
    assert assembled(held, activity="a2") is None
    assert assembled(held, [part(2, body="<p>New</p>")], activity="a2") is None


def test_it_is_trusted_when_all_that_is_stored_was_compared_just_now() -> None:
    held = stored(part(1), part(2))
    assert assembled(held, activity="a2", compared=True) == (part(1), part(2))


@pytest.mark.parametrize(
    ("new", "last_number"),
    [
        (3, 4),  # closed after the reply
        (4, 4),  # closed before it
        (3, None),
    ],
)
def test_a_deletion_that_a_closing_makes_up_for_is_not_overlooked(
    new: int, last_number: int | None
) -> None:
    """Post 2 left, and the small action of the closing is not in the feed."""
    held = stored(part(1), part(2))
    found = assembled(
        held, [part(new)], posts_count=3, last_number=last_number, activity="a2"
    )
    may_be_whole = last_number is None
    assert (found is not None) is may_be_whole
    fresh = [part(1), part(2)]
    assert assembled(None, fresh, posts_count=2, last_number=3) is None


def test_a_deletion_beside_a_new_post_does_not_add_up() -> None:
    held = stored(part(1), part(2))
    assert assembled(held, [part(3)], posts_count=2, activity="a2") is None


@pytest.mark.parametrize("held", [None, stored(part(1), part(2))])
def test_a_topic_that_moved_since_its_posts_were_read_must_have_done_so_by_one(
    held: Document | None,
) -> None:
    """Its last post may have been edited: then it moved later than all we know."""
    loose = [] if held else [part(1), part(2)]
    read_at = START - timedelta(hours=1)
    edited_at, written_at = START + timedelta(days=1), START + timedelta(minutes=2)
    changes: dict[str, Any] = {"activity": "a2", "compared": True, "read_at": read_at}
    assert assembled(held, loose, bumped_at=edited_at, **changes) is None
    assert assembled(held, loose, bumped_at=written_at, **changes) is not None
    later = {**changes, "read_at": edited_at}
    assert assembled(held, loose, bumped_at=edited_at, **later) is not None


# -- solutions ---------------------------------------------------------------


def test_the_solution_is_the_post_that_says_so_itself() -> None:
    answer = part(2, accepted=True)
    assert assembled(None, [part(1), answer], solved=True) == (part(1), answer)


def test_a_topic_solved_by_nobody_knows_what_is_not_put_together() -> None:
    assert assembled(stored(part(1), part(2)), facts="f2", solved=True) is None


def test_a_topic_that_is_solved_no_more_has_no_solution() -> None:
    held = stored(part(1), part(2, accepted=True))
    assert assembled(held, facts="f2", solved=False) == (part(1), part(2))


def test_a_list_that_tells_no_solutions_changes_none() -> None:
    answer = part(2, accepted=True)
    held = stored(part(1), answer)
    assert assembled(held, facts="f2", solved=None) == (part(1), answer)


def test_a_bots_own_solution_is_read_with_its_topic() -> None:
    rules = ForumRules.of(ignored=["baraza"])
    ours = part(2, author="Baraza", accepted=True)
    assert assembled(None, [part(1), ours], rules=rules, solved=True) is None


# -- rules ---------------------------------------------------------------------


def test_rules_of_today_hold_for_posts_of_yesterday() -> None:
    rules = ForumRules.of(ignored=["amina"])
    held = stored(part(1), part(2, author="bo"))
    found = assembled(held, facts="f2", rules=rules)
    assert found == (LeftOut(101, 1, "ignored author"), part(2, author="bo"))
    assert with_edits(held, [part(2, author="Amina")], rules) is None


def test_a_topic_whose_first_post_is_theirs_is_none_to_edit() -> None:
    rules = replace(RULES, forgotten=Forgotten("salt", frozenset({5})))
    begun, gone = LeftOut(101, 1, "hidden", 5), LeftOut(101, 1, "forgotten author")
    held = stored(begun, part(2), part(3))
    found = assembled(held, facts="f2", rules=rules, posts_count=3)
    assert found == (part(2), part(3), gone)
    assert with_edits(held, [part(2, body="<p>Other</p>")], rules) is None
    other = replace(rules, forgotten=Forgotten("salt", frozenset({6})))
    assert with_edits(held, [part(2, body="<p>Other</p>")], other) is not None


# -- edits without the list's word ---------------------------------------------


def test_edits_change_posts_and_what_follows_from_them() -> None:
    held = stored(part(1), part(2, accepted=True), solved=True)
    later = START + timedelta(days=1)
    edited = part(2, body="<p>Better</p>", updated_at=later)

    found = with_edits(held, [edited], RULES)

    assert found == replace(
        held,
        parts=(part(1), edited),
        updated_at=later,
        solved=False,
        # Its other posts were not compared.
        verified_at=None,
    )


def test_a_post_that_is_hidden_is_left_out_and_one_that_is_back_is_a_part() -> None:
    held = stored(part(1), part(2), LeftOut(103, 3, "hidden"))
    found = with_edits(held, [LeftOut(102, 2, "deleted"), part(3)], RULES)
    assert found is not None
    assert found.parts == (part(1), part(3))
    assert found.left_out == (LeftOut(102, 2, "deleted"),)


@pytest.mark.parametrize(
    "edits",
    [
        [part(3)],
        [part(1, external_id=None)],
        [part(2, number=1)],
        [LeftOut(101, 1, "hidden"), LeftOut(102, 2, "hidden")],
    ],
    ids=["a new post", "without id", "two of one number", "nothing left"],
)
def test_edits_that_are_more_than_that_are_read_with_their_topic(
    edits: list[Content],
) -> None:
    assert with_edits(stored(part(1), part(2)), edits, RULES) is None


@pytest.mark.parametrize("facts", ["f", "f:g", ""])
def test_the_half_of_a_revision_that_moves_with_posts_is_told(facts: str) -> None:
    assert activity_of(revision_of(facts, "a1")) == "a1"
