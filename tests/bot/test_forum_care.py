"""What the bot reads of its own posts, of members and of its mail."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.care import Around, Letter, OwnPost, Person
from bot.forum_care import LiveCare
from bot.sandbox import Community, PostType, Sandbox
from indexer.channel import Channel
from kb.errors import ForumError, ForumProtocolError, ForumRejectedError
from kb.types import PostId, TopicId
from tests.bot.conftest import BOT
from tests.bot.making import NOW


@pytest.fixture
def care(channel_to: Callable[[], Channel]) -> LiveCare:
    return LiveCare(channel_to(), BOT)


@pytest.fixture
def own(community: Community) -> PostId:
    """A reply of the bot: post 2 of topic 1."""
    community.add_topic("How do I back up?", "Every night.", user="amina")
    return PostId(community.add_post(1, "See the page on it.", user=BOT).id)


@pytest.mark.parametrize("generation", ["2022", "2026"])
def test_a_post_is_read_with_all_that_was_made_of_it(
    generation: Any, box: Sandbox, care: LiveCare, community: Community, own: PostId
) -> None:
    box.settings = replace(box.settings, generation=generation, reactions=True)
    community.like(own, "amina")
    community.react(own, "ben", "-1")
    community.solve(own)

    assert care.own_post(own) == OwnPost(
        id=own,
        topic_id=TopicId(1),
        number=2,
        author_id=community.user(BOT).id,
        raw="See the page on it.",
        likes=1,
        reactions={"-1": 1, "heart": 1},
        accepted=True,
    )
    assert care.likers(own) == [Person(community.user("amina").id, "amina")]


@pytest.mark.parametrize("generation", ["2022", "2026"])
def test_only_what_people_wrote_below_counts_and_only_a_members_solution(
    generation: Any, box: Sandbox, care: LiveCare, community: Community, own: PostId
) -> None:
    box.settings = replace(box.settings, generation=generation)
    community.add_post(1, "Thank you for that.", user="root", reply_to=2)
    community.add_post(1, "", user="root", type=PostType.SMALL_ACTION)
    community.hide_post(community.add_post(1, "Buy this now!", user="ben").id)

    around = care.around(TopicId(1), 2)

    ids = {name: community.user(name).id for name in ("root", "ben")}
    assert around == Around(
        None,
        (
            Letter(3, "root", ids["root"], True, "Thank you for that.", NOW, 2),
            Letter(5, "ben", ids["ben"], False, "", NOW),
        ),
    )
    community.solve(own)
    assert care.around(TopicId(1), 2).solution is None
    community.solve(community.post_at(1, 3).id)  # type: ignore[union-attr]
    assert care.around(TopicId(1), 2).solution == 3


def test_who_is_staff_the_profile_says(care: LiveCare, community: Community) -> None:
    root, ben = care.person("root"), care.person("BEN")

    assert (root.id, root.staff) == (community.user("root").id, True)
    assert (ben.username, ben.staff, ben.fields) == ("ben", False, {})


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"status": 404, "body": "{}"}, {"malformed": True}]
)
def test_neither_errors_nor_logs_tell_whose_profile_it_was(
    fault: dict[str, Any],
    care: LiveCare,
    box: Sandbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    box.faults.fail_next(path="/u/", **fault)

    with pytest.raises(ForumError) as caught:
        care.person("amina")

    assert "amina" not in str(caught.value)
    assert "amina" not in caught.value.url
    # The CLI silences the libraries below; the sandbox's server stands for the forum's.
    ours = [r for r in caplog.records if r.name.startswith(("bot.", "indexer.", "kb."))]
    assert not any("amina" in each.getMessage() for each in ours)


def test_somebody_elses_text_is_never_overwritten(
    care: LiveCare, community: Community, own: PostId
) -> None:
    seen = care.own_post(own)
    community.edit_post(own, "A moderator was here before you.")

    with pytest.raises(ForumRejectedError) as caught:
        care.edit(seen, "Something else to read.", "because")

    assert caught.value.status == 409
    assert community.posts[own].raw == "A moderator was here before you."


def test_what_is_withdrawn_already_is_no_error(
    care: LiveCare, community: Community, own: PostId
) -> None:
    care.withdraw(own)
    care.withdraw(own)
    community.delete_post(own)
    care.withdraw(own)

    assert community.posts[own].user_deleted


def test_an_answer_that_is_not_the_forums_is_an_error(
    care: LiveCare, box: Sandbox, own: PostId
) -> None:
    box.faults.alter(lambda answer: {**answer, "post_number": "two"}, "/posts/")

    with pytest.raises(ForumProtocolError, match="post_number: expected int, got str"):
        care.own_post(own)


def test_a_message_without_its_marker_is_never_sent(
    care: LiveCare, box: Sandbox
) -> None:
    with pytest.raises(ValueError, match="marker"):
        care.answer_message(TopicId(1), "Hello there.", "<!-- x -->")

    assert box.requests == []
