"""Forums that are set up in a way that few are, and answers that are not true."""

from __future__ import annotations

import httpx
import pytest

from bot.sandbox import Community, Library, Sandbox, Settings
from tests.sandbox.conftest import client


def test_an_altered_answer_is_the_right_one_but_for_the_lie(
    community: Community, box: Sandbox, web: httpx.Client
) -> None:
    topic = community.add_topics(1)[0]
    path = f"/t/{topic.id}.json"
    honest = web.get(path).json()

    box.faults.alter(lambda data: {**data, "posts_count": 99}, path, n=1)

    assert web.get(path).json() == {**honest, "posts_count": 99}
    assert web.get(path).json() == honest


def test_a_lie_without_a_number_goes_on_and_refusals_pass(
    box: Sandbox, web: httpx.Client
) -> None:
    box.faults.alter(lambda data: {"told": len(data)}, "/site")
    box.faults.alter(lambda data: {}, "/t/")

    assert [list(web.get("/site.json").json()) for _ in range(3)] == [["told"]] * 3
    assert web.get("/t/99.json").json()["error_type"] == "not_found"


def test_very_many_categories_come_in_pages_and_one_by_one(
    community: Community, box: Sandbox, web: httpx.Client
) -> None:
    box.settings = Settings(lazy_categories=True)
    for number in range(23):
        community.add_category(f"Land {number}")
    for number in range(7):
        community.add_category(f"Town {number}", parent="support")

    path = "/categories.json?include_subcategories=true"
    pages = [
        web.get(f"{path}&page={number}").json()["category_list"]["categories"]
        for number in (1, 2, 3)
    ]

    assert "categories" not in web.get("/site.json").json()
    assert [len(page) for page in pages] == [20, 5, 0]
    support = next(each for each in pages[0] if each["slug"] == "support")
    assert len(support["subcategory_list"]) == 5
    last = community.category("town-6")
    found = web.get(f"/c/{last.id}/show.json").json()["category"]
    assert (found["name"], found["parent_category_id"]) == ("Town 6", support["id"])


@pytest.mark.parametrize(("detailed", "status"), [(False, 404), (True, 403)])
def test_one_category_is_shown_to_those_who_may_read_it(
    community: Community,
    box: Sandbox,
    web: httpx.Client,
    root: httpx.Client,
    detailed: bool,
    status: int,
) -> None:
    box.settings = Settings(detailed_404=detailed)
    staff = community.category("staff").id

    assert web.get(f"/c/{staff}/show.json").status_code == status
    assert root.get(f"/c/{staff}/show.json").json()["category"]["read_restricted"]
    assert web.get("/c/999/show.json").status_code == 404


def test_only_the_programs_on_the_list_are_let_in(box: Sandbox) -> None:
    box.settings = Settings(allowed_crawlers=frozenset({"baraza"}))

    def asked(agent: str, **headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with client(box, {"User-Agent": agent, **named}) as program:
            return program.get("/site.json").status_code

    assert asked("Baraza/1.0 (+ops@example.org)") == 200
    assert asked("Mozilla/5.0 (X11) Gecko/20100101 Firefox/140.0") == 200
    assert asked("other/1.0") == 403
    assert asked("other/1.0", X_Requested_With="XMLHttpRequest") == 200
    # An administrator's key does not help, a member's does.
    assert asked("other/1.0", Api_Key=box.key_for("ben")) == 403
    assert asked("other/1.0", User_Api_Key=box.user_api_key_for("ben")) == 200


def test_a_forum_may_be_installed_in_a_folder(community: Community) -> None:
    topic = community.add_topics(1)[0]
    with Sandbox(community, library=Library(), folder="/forum") as box:
        assert box.url.endswith("/forum")
        with client(box) as web:
            assert web.get(f"/t/{topic.id}.json").json()["id"] == topic.id
            wrong = web.get(f"/t/wrong-slug/{topic.id}.json")
            assert wrong.headers["location"] == f"{box.url}/t/{topic.slug}/1.json"
        outside = box.url.removesuffix("/forum")
        found = httpx.get(f"{outside}/t/{topic.id}.json", trust_env=False)
        assert (found.status_code, "nginx" in found.text) == (404, True)


@pytest.mark.parametrize("marked", [True, False])
def test_a_translation_may_come_without_a_sign_of_it(
    community: Community, box: Sandbox, web: httpx.Client, marked: bool
) -> None:
    topic = community.add_topics(1)[0]
    post = community.posts_of(topic.id)[0]
    post.translations["fr"] = "<p>Bonjour</p>"
    box.settings = Settings(
        localise_to="fr", marks_translations=marked, original_cookie="elder=1"
    )
    now = {"Cookie": "automatically_translate=false"}

    shown = web.get("/posts.json", headers=now).json()["latest_posts"][0]
    assert (shown["cooked"], shown["raw"]) == ("<p>Bonjour</p>", post.raw)
    assert ("is_localized" in shown) == marked
    asked = web.get("/posts.json", headers={"Cookie": "elder=1"}).json()
    assert asked["latest_posts"][0]["cooked"] == post.cooked
