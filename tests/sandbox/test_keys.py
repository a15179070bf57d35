"""Who may come in: the three kinds of keys, and what happens without one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import httpx
import pytest

from bot.sandbox import Community, Sandbox
from tests.sandbox.conftest import FakeClock

BAD_KEY = {
    "errors": [
        "You are not permitted to view the requested resource. "
        "The API username or key is invalid."
    ],
    "error_type": "invalid_access",
}
RAW = "A text that is long enough to be taken."


def whoami(web: httpx.Client, headers: Mapping[str, str]) -> str | int:
    answer = web.get("/site.json", headers=headers)
    if answer.status_code != 200:
        assert answer.json() == BAD_KEY
        return answer.status_code
    return answer.headers["x-discourse-username"]


def test_a_key_speaks_for_its_own_user_or_for_the_named_one(
    box: Sandbox, web: httpx.Client
) -> None:
    own, every = box.key_for("ben"), box.admin_key

    assert whoami(web, {"Api-Key": own}) == "ben"
    assert whoami(web, {"Api-Key": own, "Api-Username": "Ben"}) == "ben"
    assert whoami(web, {"Api-Key": every, "Api-Username": "amina"}) == "amina"
    assert whoami(web, {"User-Api-Key": box.user_api_key_for("amina")}) == "amina"


def test_any_doubt_about_a_key_is_refused(
    community: Community, box: Sandbox, web: httpx.Client
) -> None:
    own, every = box.key_for("ben"), box.admin_key
    community.user("amina").suspended = True
    refused = [
        {"Api-Key": "nonsense"},
        {"Api-Key": own, "Api-Username": "amina"},
        {"Api-Key": every},
        {"Api-Key": every, "Api-Username": "nobody"},
        {"Api-Key": every, "Api-Username": "amina"},
        {"User-Api-Key": own},
        {"Api-Key": box.user_api_key_for("ben")},
    ]

    assert [whoami(web, headers) for headers in refused] == [403] * len(refused)


def test_a_revoked_key_is_worth_nothing(box: Sandbox, web: httpx.Client) -> None:
    key = box.key_for("ben")
    box.desk.keys.revoke(key)

    assert whoami(web, {"Api-Key": key}) == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_writing_without_a_key_is_taken_for_a_forgery(
    web: httpx.Client, method: str
) -> None:
    answer = web.request(method, "/posts/1.json", data={"raw": RAW})

    assert (answer.status_code, answer.text) == (403, '["BAD CSRF"]')


def test_a_read_only_site_still_reads(
    community: Community, box: Sandbox, ben: httpx.Client
) -> None:
    community.add_topics(1)
    box.settings = replace(box.settings, read_only=True)

    answer = ben.post("/posts.json", data={"topic_id": 1, "raw": RAW})

    assert (answer.status_code, answer.json()["error_type"]) == (503, "read_only")
    assert ben.get("/t/1.json").status_code == 200


def test_staff_rooms_open_by_group(community: Community, box: Sandbox) -> None:
    community.add_category("Testers", read_restricted=True, groups=["testers"])
    community.add_user("tess", groups=["testers"])
    topic = community.add_topic("For testers", "A closed text.", category="testers")

    readers = [None, *map(community.user, ("ben", "tess", "root"))]

    seen = [community.may_see(topic, reader) for reader in readers]
    assert seen == [False, False, True, True]


def test_private_messages_are_for_those_they_name(
    community: Community, box: Sandbox, web: httpx.Client, ben: httpx.Client
) -> None:
    community.add_topic("To ben", "A private text.", user="amina", recipients=["ben"])
    community.add_topic("To root", "Another text.", user="amina", recipients=["root"])

    assert ben.get("/t/1.json").json()["archetype"] == "private_message"
    assert ben.get("/t/2.json").status_code == 404
    assert web.get("/t/1.json").status_code == 404
    assert ben.get("/posts.json").json() == {"latest_posts": []}
    assert ben.get("/topics/private-messages/amina.json").status_code == 403


def test_real_limits_can_be_switched_on(
    community: Community,
    box: Sandbox,
    web: httpx.Client,
    root: httpx.Client,
    clock: FakeClock,
) -> None:
    box.settings = replace(box.settings, limits=True)

    keyed = [root.get("/about.json") for _ in range(61)]
    anonymous = [web.get("/about.json") for _ in range(51)]

    assert [answer.status_code for answer in keyed] == [200] * 60 + [429]
    assert keyed[60].headers["retry-after"] == "60"
    assert keyed[60].json()["extras"] == {"wait_seconds": 60, "time_left": "60 seconds"}
    assert [answer.status_code for answer in anonymous] == [200] * 50 + [429]
    assert anonymous[50].headers["content-type"] == "text/plain; charset=utf-8"
    assert "retry again in 10 seconds" in anonymous[50].text
    clock.forward(minutes=1)
    assert root.get("/about.json").status_code == 200


def test_members_wait_between_posts_and_staff_do_not(
    community: Community, box: Sandbox, ben: httpx.Client, root: httpx.Client
) -> None:
    community.add_topics(1)
    box.settings = replace(box.settings, limits=True)

    def write(client: httpx.Client, n: int) -> int:
        data = {"topic_id": 1, "raw": f"{RAW} Number {n}."}
        return client.post("/posts.json", data=data).status_code

    assert [write(ben, 1), write(ben, 2)] == [200, 429]
    assert [write(root, 1), write(root, 2)] == [200, 200]
