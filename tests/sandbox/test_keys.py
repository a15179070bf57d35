"""Who may come in: the three kinds of keys, and what happens without one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from bot.sandbox import Community, Sandbox
from bot.sandbox.answers import Refusal
from bot.sandbox.limits import Limits
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


def test_a_message_one_began_is_in_the_inbox_once_somebody_answered(
    community: Community, ben: httpx.Client
) -> None:
    own = community.add_topic("Of ben", "Text.", user="ben", recipients=["amina"])
    got = community.add_topic("To ben", "Text.", user="amina", recipients=["ben"])

    def box(name: str) -> set[int]:
        found = ben.get(f"/topics/private-messages{name}/ben.json").json()
        return {topic["id"] for topic in found["topic_list"]["topics"]}

    before = (box(""), box("-sent"))
    community.add_post(own.id, "An answer.", user="amina")
    community.add_post(got.id, "An answer.", user="ben")

    assert before == ({got.id}, {own.id})
    assert (box(""), box("-sent")) == ({got.id, own.id}, {got.id, own.id})


def test_a_message_names_whom_it_is_for(
    community: Community, ben: httpx.Client, web: httpx.Client
) -> None:
    community.add_topic("To ben", "Text.", user="amina", recipients=["ben"])
    community.add_topic("To all", "Text.", user="amina")

    details = ben.get("/t/1.json").json()["details"]

    names = [user["username"] for user in details["allowed_users"]]
    assert (names, details["allowed_groups"]) == (["amina", "ben"], [])
    assert "allowed_users" not in web.get("/t/2.json").json()["details"]


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
    assert keyed[60].json()["extras"] == {"wait_seconds": 60, "time_left": "1 minute"}
    assert [answer.status_code for answer in anonymous] == [200] * 50 + [429]
    assert anonymous[50].headers["content-type"] == "text/plain; charset=utf-8"
    assert "retry again in 10 seconds" in anonymous[50].text
    clock.forward(minutes=1)
    assert root.get("/about.json").status_code == 200


def test_asking_while_blocked_prolongs_the_block(
    box: Sandbox, web: httpx.Client, clock: FakeClock
) -> None:
    box.settings = replace(box.settings, limits=True)
    for _ in range(50):
        web.get("/about.json")

    hammering = []
    for _ in range(150):
        clock.forward(seconds=0.1)
        hammering.append(web.get("/about.json").status_code)
    clock.forward(seconds=10)

    # Had they not counted, the block would have ended after ten seconds.
    assert hammering == [429] * 150
    assert web.get("/about.json").status_code == 200


def test_visitors_are_also_counted_by_the_minute(
    box: Sandbox, web: httpx.Client, clock: FakeClock
) -> None:
    box.settings = replace(box.settings, limits=True)

    found = []
    for _ in range(201):
        found.append(web.get("/about.json"))
        clock.forward(seconds=0.25)

    assert [answer.status_code for answer in found] == [200] * 200 + [429]
    assert found[200].headers["discourse-rate-limit-error-code"] == "ip_60_secs_limit"


def test_user_api_keys_are_counted_by_key_and_day(
    box: Sandbox, web: httpx.Client, clock: FakeClock
) -> None:
    box.settings = replace(box.settings, limits=True)
    headers = {"User-Api-Key": box.user_api_key_for("ben")}

    by_minute = [web.get("/about.json", headers=headers) for _ in range(21)]
    box.desk.limits = Limits(clock)
    for _ in range(2880):
        box.desk.limits.allow("user api ben", 2880, timedelta(days=1))
    by_day = web.get("/about.json", headers=headers)

    code = "discourse-rate-limit-error-code"
    assert [answer.status_code for answer in by_minute] == [200] * 20 + [429]
    assert by_minute[20].headers[code] == "user_api_key_limiter_60_secs"
    assert (by_day.status_code, by_day.headers[code]) == (
        429,
        "user_api_key_limiter_1_day",
    )
    assert by_day.json()["extras"]["time_left"] == "24 hours"


def test_administrators_keys_were_once_counted_by_address_too(
    box: Sandbox, root: httpx.Client
) -> None:
    box.settings = replace(box.settings, limits=True, generation="2022")

    found = [root.get("/about.json") for _ in range(51)]

    assert [answer.status_code for answer in found] == [200] * 50 + [429]
    assert found[50].headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("reader", ["web", "ben"])
def test_searches_are_limited_in_their_own_words(
    box: Sandbox,
    clock: FakeClock,
    community: Community,
    reader: str,
    request: pytest.FixtureRequest,
) -> None:
    community.add_topics(1)
    searcher: httpx.Client = request.getfixturevalue(reader)
    box.settings = replace(box.settings, limits=True)

    def search() -> httpx.Response:
        clock.forward(seconds=0.6)
        return searcher.get("/search.json?q=question")

    allowed = {"web": 15, "ben": 30}[reader]
    found = [search() for _ in range(allowed + 1)]
    box.settings = replace(box.settings, generation="2022")
    old = search()

    too_often = "You’ve performed this action too many times, please try again later."
    assert [answer.status_code for answer in found] == [200] * allowed + [429]
    assert found[-1].json() == {"failed": "FAILED", "message": too_often}
    assert "retry-after" not in found[-1].headers
    assert (old.status_code, old.json()["posts"]) == (200, [])
    assert old.json()["grouped_search_result"]["error"] == too_often


def test_a_visitor_searches_twice_a_second(
    box: Sandbox, web: httpx.Client, clock: FakeClock
) -> None:
    box.settings = replace(box.settings, limits=True)

    found = [web.get("/search.json?q=question").status_code for _ in range(3)]
    clock.forward(seconds=1)

    assert found == [200, 200, 429]
    assert web.get("/search.json?q=question").status_code == 200


def test_a_refused_post_uses_up_no_turn(
    community: Community, box: Sandbox, ben: httpx.Client
) -> None:
    community.add_topics(1)
    box.settings = replace(box.settings, limits=True)

    refused = ben.post("/posts.json", data={"topic_id": 1, "raw": "Short."})
    taken = ben.post("/posts.json", data={"topic_id": 1, "raw": RAW})
    early = ben.post("/posts.json", data={"topic_id": 1, "raw": f"{RAW} More."})

    assert [each.status_code for each in (refused, taken, early)] == [422, 200, 429]
    assert early.headers["retry-after"] == "5"
    assert "discourse-rate-limit-error-code" not in early.headers


def test_members_wait_between_topics(
    box: Sandbox, ben: httpx.Client, clock: FakeClock
) -> None:
    box.settings = replace(box.settings, limits=True)

    def ask(n: int) -> int:
        clock.forward(seconds=8)
        data = {"title": f"A question with the number {n}", "raw": f"{RAW} {n}."}
        return ben.post("/posts.json", data=data).status_code

    assert [ask(1), ask(2), ask(3)] == [200, 429, 200]


@pytest.mark.parametrize(
    ("username", "act", "times"),
    [
        ("ben", "edit", 45),
        ("newt", "edit", 30),
        ("newt", "like", 50),
        ("ben", "create_topic", 20),
        ("ben", "flag", 20),
        ("ben", "delete", 10),
    ],
)
def test_there_is_a_limit_for_a_day(
    community: Community,
    box: Sandbox,
    clock: FakeClock,
    username: str,
    act: str,
    times: int,
) -> None:
    user = community.user("ben")
    if username == "newt":
        user = community.add_user("newt", trust_level=0)
    box.settings = replace(box.settings, limits=True)
    for _ in range(times):
        box.desk.count(user, act)
        clock.forward(minutes=2)

    with pytest.raises(Refusal):
        box.desk.count(user, act)
    clock.forward(days=1)
    box.desk.count(user, act)


@pytest.mark.parametrize(
    ("method", "path", "data"),
    [
        ("PUT", "/posts/2.json", {"post[raw]": RAW}),
        ("DELETE", "/posts/2.json", {}),
        ("POST", "/post_actions.json", {"id": "1", "post_action_type_id": "2"}),
        ("POST", "/post_actions.json", {"id": "1", "post_action_type_id": "8"}),
        ("POST", "/solution/accept.json", {"id": "3"}),
    ],
)
def test_acts_are_counted(
    community: Community,
    box: Sandbox,
    ben: httpx.Client,
    method: str,
    path: str,
    data: dict[str, str],
) -> None:
    topic = community.add_topic("A topic of ben's", "Its text.", user="amina")
    community.add_post(topic.id, "A reply of ben's.", user="ben")
    community.add_post(topic.id, "A reply of amina's.", user="amina")
    topic.user_id = community.user("ben").id
    box.settings = replace(box.settings, limits=True)
    for act in ("edit", "delete", "like", "flag", "solve"):
        for _ in range(100):
            with suppress(Refusal):
                box.desk.count(community.user("ben"), act)

    assert ben.request(method, path, data=data).status_code == 429


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
