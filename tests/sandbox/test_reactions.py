"""Reactions, who liked, and what profiles say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from bot.sandbox import Community, Sandbox
from tests.sandbox.conftest import client


@pytest.fixture
def reacting(box: Sandbox, community: Community) -> Sandbox:
    box.settings = replace(box.settings, reactions=True)
    community.add_topics(1, posts=2, user="amina")
    return box


def counts(post: dict[str, Any]) -> list[tuple[str, int]]:
    return [(each["id"], each["count"]) for each in post["reactions"]]


def test_reactions_are_told_with_a_post_and_by_whom(
    reacting: Sandbox, community: Community, ben: httpx.Client, web: httpx.Client
) -> None:
    community.react(2, "amina", "-1")
    community.react(2, "root", "heart")
    path = "/discourse-reactions/posts/2/custom-reactions"

    mine = ben.put(f"{path}/-1/toggle.json").json()

    post = web.get("/posts/2.json").json()
    assert counts(mine) == counts(post) == [("-1", 2), ("heart", 1)]
    assert mine["current_user_reaction"]["id"] == "-1"
    assert post["current_user_reaction"] is None
    assert post["reaction_users_count"] == 3
    # A heart is a like, others are none.
    assert [each.get("count") for each in post["actions_summary"]] == [1]
    who = web.get("/discourse-reactions/posts/2/reactions-users.json").json()
    assert {
        each["id"]: [user["username"] for user in each["users"]]
        for each in who["reaction_users"]
    } == {"-1": ["amina", "ben"], "heart": ["root"]}

    ben.put(f"{path}/-1/toggle.json")
    assert counts(web.get("/posts/2.json").json()) == [("-1", 1), ("heart", 1)]


def test_nobody_reacts_to_a_post_of_their_own(
    reacting: Sandbox, community: Community, ben: httpx.Client
) -> None:
    own = community.add_post(1, "A reply of my own here.", user="ben")
    path = f"/discourse-reactions/posts/{own.id}/custom-reactions/heart/toggle.json"

    assert ben.put(path).status_code == 403


def test_without_the_plug_in_there_are_likes_alone(
    community: Community, ben: httpx.Client, web: httpx.Client
) -> None:
    community.add_topics(1, posts=2, user="amina")
    community.like(2, "root")

    assert "reactions" not in web.get("/posts/2.json").json()
    missing = "/discourse-reactions/posts/2/reactions-users.json"
    assert web.get(missing).status_code == 404
    who = web.get("/post_action_users.json?id=2&post_action_type_id=2").json()
    [fan] = who["post_action_users"]
    assert (fan["id"], fan["username"]) == (community.user("root").id, "root")
    assert fan["post_url"].endswith("/1/2")
    flags = web.get("/post_action_users.json?id=2&post_action_type_id=8")
    assert flags.status_code == 403


def test_profiles_say_what_the_fields_of_the_site_ask(
    box: Sandbox, community: Community
) -> None:
    box.settings = replace(box.settings, user_fields=("Team", "No bot answers"))
    community.user("amina").fields[2] = "true"

    with client(box, {"Api-Key": box.key_for("ben")}) as web:
        site = web.get("/site.json").json()
        profile = web.get("/u/amina.json").json()

    assert [(each["id"], each["name"]) for each in site["user_fields"]] == [
        (1, "Team"),
        (2, "No bot answers"),
    ]
    assert profile["user"]["user_fields"] == {"1": None, "2": "true"}
