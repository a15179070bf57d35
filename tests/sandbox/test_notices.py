"""Whom a post calls: the traps that a bot must know, each shown on the real wire."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from bot.sandbox import Community, PostType, Sandbox
from bot.sandbox.records import NoticeType
from tests.sandbox.conftest import FakeClock

FILL = "Words that make it long enough."
Told = list[tuple[str, str]]


@pytest.fixture
def told(community: Community) -> Callable[[], Told]:
    """The notices so far, as (member, reason)."""

    def read() -> Told:
        return [
            (community.users[notice.user_id].username, notice.type.name.lower())
            for notice in community.notifications
        ]

    return read


@pytest.fixture
def pings(community: Community) -> Callable[[], Told]:
    """As `told`, without what those get who take part in the topic."""

    def read() -> Told:
        return [
            (community.users[notice.user_id].username, notice.type.name.lower())
            for notice in community.pings()
        ]

    return read


@pytest.fixture(autouse=True)
def topics(community: Community) -> None:
    """Topic 1 is carol's, to talk in; topic 2 is amina's, to link to."""
    community.add_topic("A place to talk", "Talk here.", user="carol")
    community.add_topic("A thing to link", "Link here.", user="amina")
    community.topics[1].levels.clear()


@pytest.mark.parametrize(
    "text",
    [
        "@amina",
        "(@amina)",
        "> @amina",
        r"\@amina",
        "&#64;amina",
        "- @Amina",
        "[details=x]\n@amina\n[/details]",
        "**@amina**",
    ],
)
def test_these_mentions_call(
    ben: httpx.Client, pings: Callable[[], Told], text: str
) -> None:
    raw = f"{FILL}\n\n{text}"

    assert ben.post("/posts.json", data={"topic_id": 1, "raw": raw}).status_code == 200
    assert pings() == [("amina", "mentioned")]


@pytest.mark.parametrize(
    "text",
    [
        "`@amina`",
        "```\n@amina\n```",
        "    @amina",
        "[@amina](https://example.org)",
        "@\u200bamina",
        "@<!-- -->amina",
        "amina@example.org",
        "mail@amina",
        "[quote]\n@amina\n[/quote]",
        "@nobody",
        "@ben",
        "<!-- @amina -->",
    ],
)
def test_these_mentions_do_not_call(
    ben: httpx.Client, pings: Callable[[], Told], text: str
) -> None:
    raw = f"{FILL}\n\n{text}"

    assert ben.post("/posts.json", data={"topic_id": 1, "raw": raw}).status_code == 200
    assert pings() == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a]({url}/t/-/2/1)", [("amina", "linked")]),
        ("[a](/t/2)", [("amina", "linked")]),
        ("{url}/t/-/2", [("amina", "linked")]),
        ("see {url}/t/-/2 there", [("amina", "linked")]),
        ("> [a]({url}/t/-/2)", [("amina", "linked")]),
        ("[details=x]\n[a]({url}/t/-/2)\n[/details]", [("amina", "linked")]),
        (
            '[quote="amina, post:1, topic:2"]\nLink here.\n[/quote]',
            [("amina", "quoted")],
        ),
        ("[quote]\n- [a]({url}/t/-/2)\n[/quote]", []),
        ("`{url}/t/-/2`", []),
        ("[a]({url}/t/-/1)", []),
        ("[a](https://example.org/t/-/2)", []),
        ("<details class='elided'>\n\n[a]({url}/t/-/2)\n\n</details>", []),
    ],
)
def test_links_tell_the_author_of_their_target(
    box: Sandbox,
    ben: httpx.Client,
    pings: Callable[[], Told],
    text: str,
    expected: Told,
) -> None:
    raw = f"{FILL}\n\n{text.replace('{url}', box.url)}"

    assert ben.post("/posts.json", data={"topic_id": 1, "raw": raw}).status_code == 200
    assert pings() == expected


def test_an_edit_calls_for_what_is_new_only(
    community: Community, box: Sandbox, ben: httpx.Client, pings: Callable[[], Told]
) -> None:
    linking = f"{FILL} [a]({box.url}/t/-/2)"
    number = ben.post("/posts.json", data={"topic_id": 1, "raw": linking}).json()["id"]

    for raw in (f"{linking} Better.", f"{linking} Better, @root.", f"{linking} @root!"):
        ben.put(f"/posts/{number}.json", data={"post[raw]": raw})

    assert pings() == [("amina", "linked"), ("root", "mentioned")]


def test_private_messages_and_whispers_link_silently(
    community: Community, pings: Callable[[], Told]
) -> None:
    community.add_topic(
        "Private", f"{FILL} [a]({{forum}}/t/-/2)", user="ben", recipients=["root"]
    )
    community.add_post(1, "[a]({forum}/t/-/2)", user="root", type=PostType.WHISPER)

    assert pings() == []
    assert community.backlinks.get((2, 1), set()) == set()


def test_nobody_is_called_to_what_they_may_not_see(
    community: Community, pings: Callable[[], Told]
) -> None:
    community.set_category(1, "staff")

    community.add_post(1, "Look, @amina and @root!", user="carol")

    assert pings() == [("root", "mentioned")]


def test_each_member_gets_one_notice_the_strongest(
    community: Community, told: Callable[[], Told]
) -> None:
    community.topics[1].levels[community.user("carol").id] = 3
    raw = '@carol\n\n[quote="carol, post:1, topic:1"]\nTalk here.\n[/quote]'

    community.add_post(1, raw, user="ben", reply_to=1)

    assert told() == [("carol", "mentioned")]


def test_replies_tell_the_parents_author_and_those_who_watch(
    community: Community, told: Callable[[], Told]
) -> None:
    community.add_post(2, "A reply to the first post.", user="ben", reply_to=1)
    community.add_post(2, "A reply to the reply.", user="root", reply_to=2)

    assert told() == [
        ("amina", "replied"),
        ("ben", "replied"),
        ("amina", "posted"),
    ]


def test_groups_are_called_by_name(
    community: Community, pings: Callable[[], Told]
) -> None:
    community.add_user("tess", groups=["testers"])

    community.add_post(1, "Have a look, @testers.", user="ben")

    assert pings() == [("tess", "group_mentioned")]


def test_likes_and_solutions_tell_the_author(
    community: Community, told: Callable[[], Told]
) -> None:
    answer = community.add_post(2, "An answer of ben's.", user="ben")
    before = len(told())

    community.like(answer.id, "root")
    community.solve(answer.id)

    assert told()[before:] == [("ben", "liked"), ("ben", "custom")]


def test_a_solution_that_is_marked_again_tells_nobody_again(
    community: Community, told: Callable[[], Told]
) -> None:
    answer = community.add_post(2, "An answer of ben's.", user="ben")
    before = len(told())

    community.solve(answer.id)
    community.solve(answer.id, several=True)

    assert told()[before:] == [("ben", "custom")]
    assert community.topics[2].accepted == [answer.id]


def test_notices_are_marked_as_read_one_by_one_or_all(
    community: Community, ben: httpx.Client, root: httpx.Client
) -> None:
    for text in ("First, @ben.", "Second, @ben.", "Third, @ben and @root."):
        community.add_post(1, text, user="amina")

    def read(member: httpx.Client) -> list[bool]:
        found = member.get("/notifications.json").json()["notifications"]
        return [each["read"] for each in found]

    second = ben.get("/notifications.json").json()["notifications"][1]["id"]
    before = read(ben)
    root.put("/notifications/mark-read.json", data={"id": second})
    others = read(ben)
    ben.put("/notifications/mark-read.json", data={"id": second})
    one = read(ben)
    ben.put("/notifications/mark-read.json")

    assert before == others == [False, False, False]
    assert one == [False, True, False]
    assert (read(ben), read(root)) == ([True, True, True], [False])


def test_notices_are_served_newest_first(
    community: Community, ben: httpx.Client, clock: FakeClock
) -> None:
    community.add_post(1, "First, @ben.", user="amina")
    clock.forward(minutes=1)
    community.add_post(2, "Second, @ben.", user="root")

    found = ben.get("/notifications.json").json()["notifications"]

    assert [
        (each["notification_type"], each["topic_id"], each["data"]["display_username"])
        for each in found
    ] == [(NoticeType.MENTIONED, 2, "root"), (NoticeType.MENTIONED, 1, "amina")]
