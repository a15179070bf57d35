"""Writing: what is published, what is refused and with which words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bot.sandbox import Community, PostType, Sandbox
from tests.sandbox.conftest import FakeClock, client

RAW = "A reply that is long enough to be taken."
CLOSED = (
    "Something has gone wrong. Perhaps this topic was closed or deleted while you were "
    "looking at it?"
)


def post(web: httpx.Client, **form: Any) -> httpx.Response:
    return web.post("/posts.json", data={"raw": RAW} | form)


def refused(answer: httpx.Response) -> list[str]:
    body = answer.json()
    assert (answer.status_code, body["action"]) == (422, "create_post")
    texts: list[str] = body["errors"]
    return texts


@pytest.fixture
def topic_id(community: Community) -> int:
    """A question of amina's."""
    return community.add_topic("How is it done?", "Please tell me.", user="amina").id


def test_a_reply_is_published_and_comes_back_with_its_raw_text(
    community: Community, ben: httpx.Client, topic_id: int
) -> None:
    answer = post(ben, topic_id=topic_id, reply_to_post_number=1)
    body = answer.json()

    assert answer.status_code == 200
    assert (body["raw"], body["post_number"], body["username"]) == (RAW, 2, "ben")
    assert body["post_url"] == f"/t/{community.topics[topic_id].slug}/{topic_id}/2"
    assert body["draft_sequence"] == 1
    assert body["reply_to_post_number"] == 1
    assert community.posts[body["id"]].raw == RAW


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"raw": "Half of a pair: \\ud800 and more"}'),
        ("application/json", b'{"a\\udfff": "A reply that is long enough."}'),
        ("application/json", b"[" * 100_000),
    ],
)
def test_what_is_not_text_is_a_bad_request(
    community: Community, ben: httpx.Client, topic_id: int, kind: str, body: bytes
) -> None:
    answer = ben.post("/posts.json", content=body, headers={"Content-Type": kind})

    assert answer.status_code == 400
    assert ben.get(f"/t/{topic_id}.json").status_code == 200


def test_a_text_that_is_too_long_is_refused_unread(
    ben: httpx.Client, topic_id: int
) -> None:
    raw = "@a @b @c @d @e @f @g @h @i @j @k " + "Words and more words. " * 2000

    # Cooking it would have found the mentions.
    assert refused(post(ben, topic_id=topic_id, raw=raw)) == [
        f"Body is limited to 32000 characters; yours is {len(raw.strip())}."
    ]


def test_a_multipart_text_is_utf_8(ben: httpx.Client, topic_id: int) -> None:
    raw = "Une réponse assez longue, avec des accents."
    sent = {"topic_id": (None, str(topic_id)), "raw": (None, raw)}

    assert ben.post("/posts.json", files=sent).json()["raw"] == raw


@pytest.mark.parametrize("by", ["ben", "root"])
def test_an_administrators_key_sets_times_and_skips_validations_for_anybody(
    box: Sandbox, topic_id: int, by: str
) -> None:
    headers = {"Api-Key": box.admin_key, "Api-Username": by}
    extra = {"created_at": "2020-05-06T07:08:09Z", "skip_validations": "true"}
    with client(box, headers) as web:
        reply = post(web, topic_id=topic_id, raw="Ok.", **extra).json()
        topic = post(web, title="Ok", raw="Ok.", **extra).json()
        vague = post(web, topic_id=topic_id, created_at="yesterday")

    assert (reply["created_at"], reply["raw"]) == ("2020-05-06T07:08:09.000Z", "Ok.")
    assert topic["post_number"] == 1
    assert (vague.status_code, vague.json()["errors"]) == (
        400,
        ["You supplied invalid parameters to the request: created_at"],
    )


def test_a_user_api_key_sets_no_times_and_skips_nothing(
    box: Sandbox, topic_id: int
) -> None:
    with client(box, {"User-Api-Key": box.user_api_key_for("root")}) as web:
        timed = post(web, topic_id=topic_id, created_at="2020-05-06T07:08:09Z").json()
        short = post(web, topic_id=topic_id, raw="Ok.", skip_validations="true")

    assert timed["created_at"] == "2026-03-01T12:00:00.000Z"
    assert refused(short) == ["Body is too short (minimum is 20 characters)"]


def test_a_nested_answer_wraps_the_post(ben: httpx.Client, topic_id: int) -> None:
    body = post(ben, topic_id=topic_id, nested_post="true").json()

    assert (body["action"], body["success"], body["post"]["raw"]) == (
        "create_post",
        True,
        RAW,
    )


@pytest.mark.parametrize("how", ["data", "json", "files"])
def test_parameters_come_as_form_json_or_multipart(
    ben: httpx.Client, topic_id: int, how: str
) -> None:
    sent: Any = {"topic_id": str(topic_id), "raw": RAW}
    if how == "files":
        sent = {name: (None, value) for name, value in sent.items()}

    answer = ben.post("/posts.json", **{how: sent})

    assert (answer.status_code, answer.json()["raw"]) == (200, RAW)


def test_a_topic_is_published_in_its_category_with_its_tags(
    community: Community, ben: httpx.Client
) -> None:
    support = community.category("support").id
    title = "A title that is long enough"

    body = ben.post(
        "/posts.json",
        json={"title": title, "raw": RAW, "category": support, "tags": ["api", "sms"]},
    ).json()

    topic = community.topics[body["topic_id"]]
    assert (topic.title, topic.category_id, topic.tags) == (
        title,
        support,
        ["api", "sms"],
    )


def test_a_private_message_reaches_its_recipients(
    community: Community, ben: httpx.Client
) -> None:
    form = {"title": "Hello", "archetype": "private_message"}

    body = post(ben, target_recipients="amina,root", **form).json()

    topic = community.topics[body["topic_id"]]
    names = {community.users[user_id].username for user_id in topic.recipients}
    assert (topic.private, names) == (True, {"amina", "root"})
    unknown = post(ben, target_recipients="nobody", raw=f"{RAW} No?", **form)
    assert refused(unknown) == ["You must select a valid user."]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"raw": "Too short."}, ["Body is too short (minimum is 20 characters)"]),
        (
            {"raw": "Short. <!-- what is not shown does not count -->"},
            ["Body is too short (minimum is 20 characters)"],
        ),
        (
            {"raw": ":slightly_smiling_face: :slightly_smiling_face:"},
            ["Body is too short (minimum is 20 characters)"],
        ),
        (
            {"raw": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
            ["Body seems unclear, is it a complete sentence?"],
        ),
        (
            {"raw": "many words " * 3000},
            ["Body is limited to 32000 characters; yours is 32999."],
        ),
        (
            {"raw": RAW + " @a @b @c @d @e @f @g @h @i @j @k"},
            ["Sorry, you can only mention 10 users in a post."],
        ),
    ],
)
def test_bodies_are_refused_in_the_forums_own_words(
    ben: httpx.Client, topic_id: int, form: Mapping[str, str], expected: list[str]
) -> None:
    assert refused(post(ben, topic_id=topic_id, **form)) == expected


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("", ["Title can't be blank"]),
        ("Short", ["Title is too short (minimum is 15 characters)"]),
        (
            "HOW IS THIS DONE AT ALL?",
            ["Title seems unclear, is it a complete sentence?"],
        ),
        ("Long " * 60, ["Title is too long (maximum is 255 characters)"]),
        ("A title that IS taken", ["Title has already been used"]),
    ],
)
def test_titles_are_refused_in_the_forums_own_words(
    community: Community, ben: httpx.Client, title: str, expected: list[str]
) -> None:
    community.add_topic("A title that is taken", "The text of the first one.")

    assert refused(post(ben, title=title)) == expected


def test_the_same_text_is_not_taken_twice_within_five_minutes(
    ben: httpx.Client, topic_id: int, clock: FakeClock
) -> None:
    first = post(ben, topic_id=topic_id)
    # Another parameter, so that the memo does not answer.
    again = post(ben, topic_id=topic_id, nested_post="true")
    clock.forward(minutes=5)
    later = post(ben, topic_id=topic_id, nested_post="true", auto_track="false")

    assert first.status_code == 200
    assert refused(again) == ["Body is too similar to what you recently posted"]
    assert later.status_code == 200


def test_a_fourth_reply_in_a_row_is_refused_unless_the_topic_is_ones_own(
    community: Community, box: Sandbox, ben: httpx.Client, topic_id: int
) -> None:
    own = community.add_topic("A question of ben's", "Please tell me.", user="ben")
    raws = [f"{RAW} Number {n}." for n in range(4)]

    answers = [post(ben, topic_id=topic_id, raw=raw) for raw in raws]
    in_own = [post(ben, topic_id=own.id, raw=f"Mine: {raw}") for raw in raws]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 422]
    assert refused(answers[3]) == [
        "No more than 3 consecutive replies are allowed. Please edit your previous "
        "reply, or wait for someone to reply to you."
    ]
    assert [answer.status_code for answer in in_own] == [200] * 4


def test_newcomers_may_do_little(
    community: Community, box: Sandbox, topic_id: int
) -> None:
    community.add_user("newt", trust_level=0)
    links = " ".join(f"https://example.org/{n}" for n in range(3))
    with client(box, {"Api-Key": box.key_for("newt")}) as newt:
        too_many_links = post(newt, topic_id=topic_id, raw=f"{RAW} {links}")
        too_many_names = post(newt, topic_id=topic_id, raw=f"{RAW} @ben @amina @root")

        # Each time counts, links within the forum too, mentions and headings not.
        thrice = f"# A heading\n\n{RAW} [a](/t/1) [a](/t/1) [b](/t/1) @amina"
        assert refused(post(newt, topic_id=topic_id, raw=thrice)) == [
            "Sorry, new users can only put 2 links in a post."
        ]
        attached = f"{RAW} [f.csv|attachment](upload://z.csv) (2 KB)"
        assert refused(post(newt, topic_id=topic_id, raw=attached)) == [
            "Sorry, new users can't put attachments in posts."
        ]
        pictures = f"{RAW} ![a](upload://a.png) ![b](upload://b.png)"
        assert refused(post(newt, topic_id=topic_id, raw=pictures)) == [
            "Sorry, new users can only put one embedded media item in a post."
        ]
        assert refused(too_many_links) == [
            "Sorry, new users can only put 2 links in a post."
        ]
        assert refused(too_many_names) == [
            "Sorry, new users can only mention 2 users in a post."
        ]
        for n in range(3):
            assert post(newt, topic_id=topic_id, raw=f"{RAW} {n}").status_code == 200
            community.add_post(topic_id, "Somebody else speaks in between.")
        fourth = post(newt, topic_id=topic_id, raw=f"{RAW} Again.")
        assert (
            "temporarily limited to 3 replies in the same topic" in refused(fourth)[0]
        )


@pytest.mark.parametrize(
    "change",
    [
        lambda c, t: c.set_status(t, "closed", enabled=True),
        lambda c, t: c.set_status(t, "archived", enabled=True),
        lambda c, t: c.delete_topic(t),
        lambda c, t: c.set_category(t, "staff"),
    ],
)
def test_closed_and_vanished_topics_take_no_replies(
    community: Community, ben: httpx.Client, topic_id: int, change: Any
) -> None:
    change(community, topic_id)

    assert refused(post(ben, topic_id=topic_id)) == [CLOSED]


def test_staff_may_do_what_members_may_not(
    community: Community, root: httpx.Client, topic_id: int
) -> None:
    community.set_status(topic_id, "closed", enabled=True)
    names = " @a @b @c @d @e @f @g @h @i @j @k"

    assert post(root, topic_id=topic_id, raw=RAW + names).status_code == 200


def test_a_newcomer_links_to_the_same_host_twice_only(
    community: Community, box: Sandbox, topic_id: int
) -> None:
    community.add_user("newt", trust_level=0)
    for n in range(2):
        community.add_post(topic_id, f"See https://shop.example/{n}.", user="newt")
    with client(box, {"Api-Key": box.key_for("newt")}) as newt:
        third = post(newt, topic_id=topic_id, raw=f"{RAW} https://shop.example/3")
        other = post(newt, topic_id=topic_id, raw=f"{RAW} https://docs.example/3")

    assert refused(third) == ["Sorry you cannot post a link to that host."]
    assert other.status_code == 200


def test_links_can_be_for_trusted_members_only(
    box: Sandbox, ben: httpx.Client, topic_id: int
) -> None:
    box.settings = replace(box.settings, links_from_trust_level=3)

    assert refused(post(ben, topic_id=topic_id, raw=f"{RAW} https://a.example")) == [
        "Sorry, you can't include links in your posts."
    ]
    assert post(ben, topic_id=topic_id).status_code == 200


def test_an_edit_may_hold_no_more_than_a_new_post(
    ben: httpx.Client, topic_id: int
) -> None:
    number = post(ben, topic_id=topic_id).json()["id"]
    raw = RAW + "".join(f" @{letter}" for letter in "abcdefghijk")

    answer = ben.put(f"/posts/{number}.json", json={"post": {"raw": raw}})

    assert (answer.status_code, answer.json()["errors"]) == (
        422,
        ["Sorry, you can only mention 10 users in a post."],
    )


def test_slow_mode_makes_members_wait_between_replies(
    community: Community,
    ben: httpx.Client,
    root: httpx.Client,
    topic_id: int,
    clock: FakeClock,
) -> None:
    community.set_slow_mode(topic_id, 600)

    first = post(ben, topic_id=topic_id)
    second = post(ben, topic_id=topic_id, raw=f"{RAW} More.")
    clock.forward(minutes=10)
    third = post(ben, topic_id=topic_id, raw=f"{RAW} And more.")

    assert (first.status_code, third.status_code) == (200, 200)
    assert refused(second) == ["This topic is in slow mode."]
    assert post(root, topic_id=topic_id).status_code == 200
    assert post(root, topic_id=topic_id, raw=f"{RAW} More.").status_code == 200
    assert ben.get(f"/t/{topic_id}.json").json()["slow_mode_seconds"] == 600


def test_a_blocked_word_is_named(
    box: Sandbox, ben: httpx.Client, topic_id: int
) -> None:
    box.settings = replace(box.settings, blocked_words=frozenset({"taken"}))

    assert refused(post(ben, topic_id=topic_id)) == [
        "Sorry, you can't post the word 'taken'; it's not allowed."
    ]


def test_posts_of_some_wait_for_approval(
    community: Community, box: Sandbox, ben: httpx.Client, topic_id: int
) -> None:
    box.settings = replace(box.settings, approve_posts_of=frozenset({"ben"}))

    answer = post(ben, topic_id=topic_id)

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "action": "enqueued",
            "success": True,
            "pending_count": 1,
            "pending_post": {
                "id": 1,
                "raw": RAW,
                "created_at": "2026-03-01T12:00:00.000Z",
            },
        },
    )
    [waiting] = ben.get("/posts/ben/pending.json").json()["pending_posts"]
    assert (waiting["id"], waiting["raw_text"], waiting["topic_id"]) == (
        1,
        RAW,
        topic_id,
    )
    assert len(community.posts_of(topic_id)) == 1
    assert community.approve(1).raw == RAW
    assert ben.get("/posts/ben/pending.json").json() == {"pending_posts": []}


def test_what_waited_is_published_where_it_was_meant_to_stand(
    community: Community, box: Sandbox, ben: httpx.Client, topic_id: int
) -> None:
    box.settings = replace(box.settings, approve_posts_of=frozenset({"ben"}))
    support = community.category("support").id

    post(ben, topic_id=topic_id, reply_to_post_number=1)
    form = {"title": "A title that is long enough", "tags[]": ["api", "sms"]}
    post(ben, category=support, raw=f"{RAW} New.", **form)
    waiting = ben.get("/posts/ben/pending.json").json()["pending_posts"]
    reply, first = community.approve(1), community.approve(2)

    topic = community.topics[first.topic_id]
    assert [each["category_id"] for each in waiting] == [1, support]
    assert reply.reply_to == 1
    assert (topic.category_id, topic.tags) == (support, ["api", "sms"])


def test_identical_parameters_get_the_first_answer_for_two_minutes(
    community: Community, ben: httpx.Client, topic_id: int, clock: FakeClock
) -> None:
    first = post(ben, topic_id=topic_id)
    clock.forward(seconds=119)
    again = post(ben, topic_id=topic_id)

    assert again.content == first.content
    assert len(community.posts_of(topic_id)) == 2
    clock.forward(seconds=1)
    assert refused(post(ben, topic_id=topic_id)) == [
        "Body is too similar to what you recently posted"
    ]


def test_the_memo_repeats_errors_too(
    community: Community, ben: httpx.Client, topic_id: int, clock: FakeClock
) -> None:
    community.set_status(topic_id, "closed", enabled=True)
    first = post(ben, topic_id=topic_id)
    community.set_status(topic_id, "closed", enabled=False)

    assert refused(first) == refused(post(ben, topic_id=topic_id)) == [CLOSED]
    clock.forward(minutes=2)
    assert post(ben, topic_id=topic_id).status_code == 200


def test_user_api_keys_have_no_memo(
    community: Community, box: Sandbox, topic_id: int
) -> None:
    with client(box, {"User-Api-Key": box.user_api_key_for("ben")}) as user:
        post(user, topic_id=topic_id)

        assert refused(post(user, topic_id=topic_id)) == [
            "Body is too similar to what you recently posted"
        ]


def test_only_staff_whisper_and_only_with_the_word_true(
    community: Community, ben: httpx.Client, root: httpx.Client, topic_id: int
) -> None:
    by_member = post(ben, topic_id=topic_id, whisper="true")
    by_staff = post(root, topic_id=topic_id, whisper="true").json()
    misspelt = post(root, topic_id=topic_id, whisper="True", raw=f"{RAW} Oh.").json()

    assert by_member.status_code == 403
    assert by_member.json()["errors"] == [
        "Either whispers are not enabled or you do not have access to create whisper "
        "posts"
    ]
    assert (by_staff["post_type"], misspelt["post_type"]) == (4, 1)


def test_a_whisper_does_not_bump_and_a_reply_does(
    community: Community, root: httpx.Client, topic_id: int, clock: FakeClock
) -> None:
    before = community.topics[topic_id].bumped_at
    clock.forward(minutes=1)
    post(root, topic_id=topic_id, whisper="true")
    assert community.topics[topic_id].bumped_at == before
    post(root, topic_id=topic_id, no_bump="true", raw=f"{RAW} Quietly.")
    assert community.topics[topic_id].bumped_at == before
    post(root, topic_id=topic_id, raw=f"{RAW} Loudly.")
    assert community.topics[topic_id].bumped_at == clock.time


def test_replying_follows_the_topic_unless_told_not_to(
    community: Community, ben: httpx.Client, topic_id: int
) -> None:
    levels, ben_id = community.topics[topic_id].levels, community.user("ben").id

    post(ben, topic_id=topic_id, auto_track="false")
    untracked = levels.get(ben_id)
    post(ben, topic_id=topic_id, raw=f"{RAW} Once more.")

    assert (untracked, levels.get(ben_id)) == (None, 2)


def test_an_edit_changes_text_and_counts_versions_after_five_minutes(
    community: Community, ben: httpx.Client, topic_id: int, clock: FakeClock
) -> None:
    number = post(ben, topic_id=topic_id).json()["id"]

    def edit(raw: str) -> dict[str, Any]:
        answer = ben.put(f"/posts/{number}.json", json={"post": {"raw": raw}})
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()["post"]
        return found

    clock.forward(minutes=1)
    early = edit(f"{RAW} Edited.")
    clock.forward(minutes=6)
    late = edit(f"{RAW} Edited again.")

    assert (early["raw"], early["version"]) == (f"{RAW} Edited.", 1)
    assert (late["version"], late["updated_at"]) == (2, "2026-03-01T12:07:00.000Z")
    assert community.topics[topic_id].bumped_at == clock.time


def test_only_the_last_posts_edit_bumps(
    community: Community, ben: httpx.Client, topic_id: int, clock: FakeClock
) -> None:
    first = post(ben, topic_id=topic_id).json()["id"]
    community.add_post(topic_id, "Somebody else speaks.")
    before = community.topics[topic_id].bumped_at
    clock.forward(minutes=1)

    ben.put(f"/posts/{first}.json", data={"post[raw]": f"{RAW} Edited."})

    assert community.topics[topic_id].bumped_at == before


@pytest.mark.parametrize(
    ("form", "status", "text"),
    [
        (
            {"post[raw]": f"{RAW} Edited.", "post[original_text]": "Something else."},
            409,
            "That post was edited by another user and your changes can no longer be "
            "saved.",
        ),
        ({"post[raw]": "Short."}, 422, "Body is too short (minimum is 20 characters)"),
        ({}, 400, "param is missing or the value is empty: post"),
    ],
)
def test_edits_are_refused_with_a_reason(
    ben: httpx.Client, topic_id: int, form: Mapping[str, str], status: int, text: str
) -> None:
    number = post(ben, topic_id=topic_id).json()["id"]

    answer = ben.put(f"/posts/{number}.json", data=form)

    assert (answer.status_code, answer.json()["errors"]) == (status, [text])


def test_others_posts_and_old_posts_cannot_be_edited(
    ben: httpx.Client, topic_id: int, clock: FakeClock
) -> None:
    number = post(ben, topic_id=topic_id).json()["id"]
    form = {"post[raw]": f"{RAW} Edited."}

    assert ben.put("/posts/1.json", data=form).status_code == 403
    clock.forward(days=31)
    old = ben.put(f"/posts/{number}.json", data=form)
    assert (old.status_code, old.json()["errors"]) == (
        422,
        ["That post was created too long ago. It can no longer be edited or deleted."],
    )


def test_authors_leave_a_stub_and_staff_delete(
    community: Community, ben: httpx.Client, root: httpx.Client, topic_id: int
) -> None:
    number = post(ben, topic_id=topic_id).json()["id"]

    withdrawn = ben.delete(f"/posts/{number}.json")
    stub = ben.get(f"/posts/{number}.json").json()
    deleted = root.delete(f"/posts/{number}.json")

    assert (withdrawn.status_code, withdrawn.content) == (200, b"")
    assert (stub["user_deleted"], stub["raw"]) == (True, "(post deleted by author)")
    assert deleted.status_code == 200
    assert ben.get(f"/posts/{number}.json").status_code == 404
    assert ben.delete("/posts/1.json").status_code == 403


def test_likes_are_counted_and_taken_back(
    community: Community, ben: httpx.Client, web: httpx.Client, topic_id: int
) -> None:
    like = {"id": 1, "post_action_type_id": 2}

    liked = ben.post("/post_actions.json", data=like).json()["actions_summary"][0]
    seen = web.get("/posts/1.json").json()["actions_summary"]
    twice = ben.post("/post_actions.json", data=like)
    undone = ben.delete("/post_actions/1.json?post_action_type_id=2")

    assert liked == {"id": 2, "count": 1, "acted": True, "can_undo": True}
    assert seen == [{"id": 2, "count": 1}]
    assert twice.status_code == 403
    assert undone.status_code == 200
    assert web.get("/posts/1.json").json()["actions_summary"] == []


def test_flags_are_recorded(
    community: Community, ben: httpx.Client, topic_id: int
) -> None:
    spam = ben.post("/post_actions.json", data={"id": 1, "post_action_type_id": 8})
    silent = ben.post("/post_actions.json", data={"id": 1, "post_action_type_id": 7})

    assert (spam.status_code, silent.status_code) == (200, 422)
    assert [(flag.post_id, flag.kind) for flag in community.flags] == [(1, 8)]


def test_the_asker_and_staff_mark_solutions(
    community: Community, box: Sandbox, ben: httpx.Client, topic_id: int
) -> None:
    number = post(ben, topic_id=topic_id).json()["id"]
    with client(box, {"Api-Key": box.key_for("amina")}) as amina:
        by_other = ben.post("/solution/accept.json", data={"id": number})
        accepted = amina.post("/solution/accept.json", data={"id": number})
        marked = list(community.topics[topic_id].accepted)
        box.settings = replace(box.settings, generation="2022")
        undone = amina.post("/solution/unaccept.json", data={"id": number})
        of_itself = amina.post("/solution/accept.json", data={"id": 1})

    assert by_other.status_code == 403
    assert accepted.json()["accepted_answers"][0]["url"].endswith(f"/{topic_id}/2")
    assert [answer["id"] for answer in accepted.json()["accepted_answers"]] == [number]
    assert marked == [number]
    assert undone.json() == {"success": "OK"}
    assert community.topics[topic_id].accepted == []
    assert of_itself.status_code == 403


def test_staff_close_topics_and_members_do_not(
    community: Community, ben: httpx.Client, root: httpx.Client, topic_id: int
) -> None:
    form = {"status": "closed", "enabled": "true"}
    path = f"/t/{topic_id}/status.json"

    assert ben.put(path, data=form).status_code == 403
    assert root.put(path, data=form).json() == {
        "success": "OK",
        "topic_status_update": None,
    }
    assert community.topics[topic_id].closed is True
    last = community.posts_of(topic_id)[-1]
    assert (last.type, last.action_code) == (PostType.SMALL_ACTION, "closed.enabled")
    assert root.put(path, data={**form, "status": "broken"}).status_code == 400


def test_a_topic_is_retitled_moved_and_tagged(
    community: Community, root: httpx.Client, topic_id: int
) -> None:
    support = community.category("support").id
    form = {
        "title": "A better title for it",
        "category_id": support,
        "tags": [{"id": 1, "name": "api"}],
    }

    answer = root.put(f"/t/-/{topic_id}.json", json=form)
    conflict = root.put(f"/t/-/{topic_id}.json", json={"original_title": "Old"})

    topic = community.topics[topic_id]
    assert answer.json()["basic_topic"]["slug"] == "a-better-title-for-it"
    assert (topic.title, topic.category_id, topic.tags) == (
        "A better title for it",
        support,
        ["api"],
    )
    assert conflict.status_code == 409


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        (["sms", "api"], 200),
        ([{"id": 1, "name": "api"}, {"id": 2, "name": "sms"}], 200),
        (["api"], 409),
        ([], 409),
    ],
)
def test_tags_that_somebody_else_changed_are_a_conflict(
    community: Community, root: httpx.Client, topic_id: int, seen: Any, status: int
) -> None:
    community.set_tags(topic_id, ["api", "sms"])

    answer = root.put(
        f"/t/-/{topic_id}.json", json={"original_tags": seen, "tags": ["ui"]}
    )

    assert answer.status_code == status
    assert community.topics[topic_id].tags == (
        ["ui"] if status == 200 else ["api", "sms"]
    )


@pytest.mark.parametrize("how", [{"json": {"tags": []}}, {"data": {"tags[]": ""}}])
def test_an_empty_list_takes_all_tags_away(
    community: Community, root: httpx.Client, topic_id: int, how: dict[str, Any]
) -> None:
    community.set_tags(topic_id, ["api", "sms"])

    untouched = root.put(f"/t/-/{topic_id}.json", json={"title": "A longer title now"})
    kept = community.topics[topic_id].tags
    cleared = root.put(f"/t/-/{topic_id}.json", **how)

    assert (untouched.status_code, kept) == (200, ["api", "sms"])
    assert (cleared.status_code, community.topics[topic_id].tags) == (200, [])


def test_a_topic_changes_wholly_or_not_at_all(
    community: Community, root: httpx.Client, topic_id: int
) -> None:
    form = {"title": "A better title for it", "category_id": 99}

    answer = root.put(f"/t/-/{topic_id}.json", json=form)

    assert answer.status_code == 400
    assert community.topics[topic_id].title == "How is it done?"


def test_notification_levels_are_kept(
    community: Community, ben: httpx.Client, topic_id: int
) -> None:
    path = f"/t/{topic_id}/notifications.json"

    answer = ben.post(path, data={"notification_level": 0})

    assert answer.json() == {"success": "OK"}
    assert community.topics[topic_id].levels[community.user("ben").id] == 0
    assert ben.post(path, data={"notification_level": 4}).status_code == 400


def test_broken_json_is_a_bad_request(ben: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}

    answer = ben.post("/posts.json", content=b'{"raw": ', headers=headers)

    assert answer.status_code == 400
