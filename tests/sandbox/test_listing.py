"""Lists: paging, order, filters, who sees what, both ages of the forum."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from bot.sandbox import Community, PostType, Sandbox, Settings
from tests.sandbox.conftest import FakeClock


def topics(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["topic_list"]["topics"]
    return found


def ids(answer: httpx.Response) -> list[int]:
    return [topic["id"] for topic in topics(answer)]


def test_a_full_page_holds_30_and_names_the_next_one_without_json(
    community: Community, web: httpx.Client
) -> None:
    community.add_topics(45)

    first = web.get("/latest.json").json()["topic_list"]
    second = web.get("/latest.json?page=1").json()["topic_list"]

    assert [topic["id"] for topic in first["topics"]] == list(range(45, 15, -1))
    assert [topic["id"] for topic in second["topics"]] == list(range(15, 0, -1))
    assert first["more_topics_url"] == "/latest?page=1"
    assert "more_topics_url" not in second
    assert (first["per_page"], second["per_page"]) == (30, 30)


def test_a_page_past_the_end_is_empty(community: Community, web: httpx.Client) -> None:
    community.add_topics(3)

    assert topics(web.get("/latest.json?page=7")) == []


def test_the_next_page_keeps_the_other_parameters(
    community: Community, web: httpx.Client
) -> None:
    community.add_topics(5)

    found = web.get("/latest.json?per_page=5&order=created").json()["topic_list"]

    assert found["more_topics_url"] == "/latest?per_page=5&order=created&page=1"


def test_per_page_is_known_to_the_new_generation_only(
    community: Community, box: Sandbox, web: httpx.Client
) -> None:
    community.add_topics(4)

    new = ids(web.get("/latest.json?per_page=2"))
    box.settings = replace(box.settings, generation="2022")
    old = ids(web.get("/latest.json?per_page=2"))

    assert (new, old) == ([4, 3], [4, 3, 2, 1])


@pytest.mark.parametrize(
    ("query", "name"),
    [("page=x", "page"), ("page=-1", "page"), ("per_page=101", "per_page")],
)
def test_a_bad_number_is_refused_by_name(
    web: httpx.Client, query: str, name: str
) -> None:
    answer = web.get(f"/latest.json?{query}")

    assert (answer.status_code, answer.json()) == (
        400,
        {
            "errors": [f"You supplied invalid parameters to the request: {name}"],
            "error_type": "invalid_parameters",
        },
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [1, 3, 2]),
        ("order=default", [1, 3, 2]),
        ("order=activity", [1, 3, 2]),
        ("order=created", [3, 2, 1]),
        ("order=created&ascending=true", [1, 2, 3]),
        ("order=created&ascending=True", [3, 2, 1]),
        ("order=views", [2, 3, 1]),
        ("order=posts", [1, 3, 2]),
    ],
)
def test_lists_come_in_the_order_asked_for(
    community: Community,
    web: httpx.Client,
    clock: FakeClock,
    query: str,
    expected: list[int],
) -> None:
    community.add_topics(3)
    community.topics[2].views = 9
    clock.forward(minutes=1)
    community.add_post(1, "This bumps the oldest of them.")

    assert ids(web.get(f"/latest.json?{query}")) == expected


def test_pinned_topics_lead_the_default_order_only(
    community: Community, web: httpx.Client
) -> None:
    community.add_topics(3)
    community.topics[1].pinned = "globally"

    assert ids(web.get("/latest.json")) == [1, 3, 2]
    assert ids(web.get("/latest.json?order=activity")) == [3, 2, 1]
    assert topics(web.get("/latest.json"))[0]["excerpt"] == (
        "Question number 1 of many, in full."
    )


def test_visitors_are_not_shown_what_is_not_for_them(
    community: Community, web: httpx.Client, root: httpx.Client
) -> None:
    community.add_topics(5)
    community.set_category(1, "staff")
    community.topics[2].visible = False
    community.delete_topic(3)
    community.privatise(4)

    assert ids(web.get("/latest.json")) == [5]
    assert ids(root.get("/latest.json")) == [5, 2, 1]


def test_a_category_shows_what_lies_below_it_unless_told_not_to(
    community: Community, web: httpx.Client
) -> None:
    community.add_topics(1, category="support")
    community.add_topics(1, category="android")
    support = community.category("support").id

    assert ids(web.get(f"/c/support/{support}.json")) == [2, 1]
    assert ids(web.get(f"/c/support/{support}/none.json")) == [1]
    query = "no_subcategories=true"
    assert ids(web.get(f"/c/support/{support}.json?{query}")) == [1]


def test_a_category_is_shown_by_itself_to_who_may_read_it(
    community: Community, box: Sandbox, web: httpx.Client, root: httpx.Client
) -> None:
    support, android = community.category("support"), community.category("android")
    staff = f"/c/{community.category('staff').id}/show.json"

    found = web.get(f"/c/{android.id}/show.json").json()["category"]

    assert (found["id"], found["slug"]) == (android.id, "android")
    assert found["parent_category_id"] == support.id
    assert web.get("/c/999/show.json").status_code == 404
    assert (web.get(staff).status_code, root.get(staff).status_code) == (404, 200)
    box.settings = Settings(detailed_404=True)
    assert web.get(staff).status_code == 403


def test_a_wrong_category_slug_is_redirected_to_the_right_path(
    community: Community, box: Sandbox, web: httpx.Client
) -> None:
    android = community.category("android").id

    answer = web.get(f"/c/wrong/{android}.json?page=2")

    assert (answer.status_code, answer.headers["location"]) == (
        301,
        f"{box.url}/c/support/android/{android}.json?page=2",
    )


def test_a_hidden_category_is_missing_or_forbidden_by_setting(
    community: Community, box: Sandbox, web: httpx.Client
) -> None:
    path = f"/c/staff/{community.category('staff').id}.json"

    plain = web.get(path)
    box.settings = replace(box.settings, detailed_404=True)
    detailed = web.get(path)

    assert (plain.status_code, plain.json()["error_type"]) == (404, "not_found")
    assert (detailed.status_code, detailed.json()["error_type"]) == (
        403,
        "invalid_access",
    )


def test_tags_are_objects_now_and_were_strings(
    community: Community, box: Sandbox, web: httpx.Client
) -> None:
    community.add_topic("A topic with tags", "It has two of them.", tags=["api", "sms"])

    new = topics(web.get("/latest.json"))[0]["tags"]
    box.settings = replace(box.settings, generation="2022")
    old = topics(web.get("/latest.json"))[0]["tags"]

    assert new == [
        {"id": 1, "name": "api", "slug": "api"},
        {"id": 2, "name": "sms", "slug": "sms"},
    ]
    assert old == ["api", "sms"]


def test_a_tag_lists_its_topics_by_name_and_by_id(
    community: Community, web: httpx.Client
) -> None:
    community.add_topics(1)
    community.add_topic("A topic with a tag", "It has one of them.", tags=["api"])

    assert ids(web.get("/tag/api.json")) == [2]
    assert ids(web.get("/tag/1.json")) == [2]
    assert web.get("/tag/none.json").status_code == 404


def test_categories_nest_only_for_the_literal_word_true(web: httpx.Client) -> None:
    def nested(query: str) -> list[list[str] | None]:
        found = web.get(f"/categories.json{query}").json()["category_list"]
        return [
            [child["name"] for child in each["subcategory_list"]]
            if "subcategory_list" in each
            else None
            for each in found["categories"]
        ]

    assert nested("?include_subcategories=true") == [[], ["Android"]]
    assert nested("?include_subcategories=True") == [None, None]


def test_the_site_lists_categories_flat_with_their_parents(
    community: Community, web: httpx.Client, root: httpx.Client
) -> None:
    def tree(client: httpx.Client) -> dict[str, int | None]:
        found = client.get("/site.json").json()["categories"]
        return {each["name"]: each.get("parent_category_id") for each in found}

    support = community.category("support").id
    public = {"Uncategorized": None, "Support": None, "Android": support}
    assert tree(web) == public
    assert tree(root) == public | {"Staff room": None}


def test_newest_posts_start_at_before_itself(
    community: Community, web: httpx.Client
) -> None:
    community.add_topics(2, posts=35)

    def page(query: str) -> list[int]:
        found = web.get(f"/posts.json{query}").json()["latest_posts"]
        return [post["id"] for post in found]

    assert page("") == list(range(70, 20, -1))
    assert page("?before=20") == list(range(20, 0, -1))
    newest = page("")
    for nothing in ("0", "-3", "x", "", "%20"):
        assert page(f"?before={nothing}") == newest, nothing
    assert page("?before=12abc") == list(range(12, 0, -1))
    assert page(f"?before={'9' * 30}") == newest


def test_the_old_stream_of_posts_is_a_window_that_may_be_empty(
    community: Community, box: Sandbox, web: httpx.Client
) -> None:
    community.add_topics(1)
    community.add_topics(1, posts=60, category="staff")
    community.add_topics(1)

    def page(before: int) -> list[int]:
        found = web.get(f"/posts.json?before={before}").json()["latest_posts"]
        return [post["id"] for post in found]

    assert page(62) == [62, 1]
    box.settings = replace(box.settings, generation="2022")
    assert (page(62), page(61), page(11)) == ([62], [], [1])


def test_the_stream_of_posts_holds_ordinary_visible_posts_with_raw(
    community: Community, web: httpx.Client
) -> None:
    topic = community.add_topic("A topic & more", "The first post of it.")
    hidden = community.add_post(topic.id, "This one will be hidden.")
    community.hide_post(hidden.id)
    community.add_post(topic.id, "", type=PostType.SMALL_ACTION, action_code="x")
    community.add_post(topic.id, "For staff only.", type=PostType.WHISPER)
    last = community.add_post(topic.id, "The *last* post of it.")

    found = web.get("/posts.json").json()["latest_posts"]

    assert [(post["id"], post["raw"]) for post in found] == [
        (last.id, "The *last* post of it."),
        (1, "The first post of it."),
    ]
    assert found[0]["topic_title"] == "A topic & more"
    assert found[0]["topic_html_title"] == "A topic &amp; more"
    assert found[0]["excerpt"] == "The last post of it."
    assert "truncated" not in found[0]


def test_introductions_of_categories_are_left_out_of_latest_only(
    community: Community, web: httpx.Client
) -> None:
    support = community.category("support")
    about = community.add_topic("About Support", "What it is.", category="support")
    support.topic_id = about.id

    assert ids(web.get("/latest.json")) == []
    assert ids(web.get(f"/c/support/{support.id}.json")) == [about.id]


def test_posters_begin_with_the_asker_and_mark_the_latest(
    community: Community, web: httpx.Client
) -> None:
    topic = community.add_topic("Who is who", "Asked by amina.", user="amina")
    community.add_post(topic.id, "Answered by ben.", user="ben")

    found = topics(web.get("/latest.json"))[0]

    assert [
        (poster["user_id"], poster["extras"], poster["description"])
        for poster in found["posters"]
    ] == [
        (community.user("amina").id, None, "Original Poster"),
        (community.user("ben").id, "latest", "Most Recent Poster"),
    ]
    assert found["last_poster_username"] == "ben"


@pytest.fixture
def shelf(community: Community, clock: FakeClock) -> None:
    """Three topics that differ in all that can be asked for, a day apart."""
    community.add_topic("Backups of it", "How do I dump tables?", user="amina")
    clock.forward(days=1)
    community.add_topic(
        "Wide tables", "Too wide.", user="ben", category="support", tags=["ui", "api"]
    )
    community.add_post(2, "Other tables are narrow.", user="amina")
    community.add_post(2, "Mine are not.", user="ben")
    clock.forward(days=1)
    community.add_topic(
        "Small tables", "On a phone.", user="root", category="android", tags=["api"]
    )
    community.like(1, "ben")
    community.like(3, "ben")
    community.like(3, "root")
    community.solve(3)
    community.topics[1].archived = True
    community.topics[3].closed = True
    community.topics[3].views = 9
    clock.forward(hours=1)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("order=op_likes", [1, 3, 2]),
        ("order=likes", [2, 1, 3]),
        ("order=posters", [2, 3, 1]),
        ("order=posters&ascending=true", [1, 3, 2]),
        ("order=unheard_of", [3, 2, 1]),
        ("min_posts=2", [2]),
        ("max_posts=2", [3, 1]),
        ("before=1", [2, 1]),
        ("bumped_before=2", [1]),
        ("before=0", [3, 2, 1]),
        ("topic_ids=1,3", [3, 1]),
        ("topic_ids[]=1&topic_ids[]=3", [3, 1]),
        ("exclude_tag=ui", [3, 1]),
        ("no_tags=true", [1]),
        ("tags[]=ui&tags[]=api", [3, 2]),
        ("tags[]=ui&tags[]=api&match_all_tags=true", [2]),
        ("tags[]=ui&tags[]=api&match_all_tags=True", [3, 2]),
        ("status=open", [2]),
        ("status=closed", [3]),
        ("status=archived", [1]),
        ("status=solved", [2]),
        ("status=unsolved", [3, 1]),
        ("solved=yes", [2]),
        ("solved=no", [3, 1]),
        ("status=unheard_of", [3, 2, 1]),
        ("category=support", [3, 2]),
        ("category=support&no_subcategories=true", [2]),
    ],
)
@pytest.mark.usefixtures("shelf")
def test_lists_are_narrowed_by_what_is_asked_for(
    web: httpx.Client, query: str, expected: list[int]
) -> None:
    assert ids(web.get(f"/latest.json?{query}")) == expected


@pytest.mark.parametrize(
    "query", ["min_posts=x", "before=-1", "topic_ids=1,x", "bumped_before=1.5"]
)
def test_what_is_no_number_narrows_no_list(web: httpx.Client, query: str) -> None:
    answer = web.get(f"/latest.json?{query}")

    name = query.partition("=")[0]
    assert (answer.status_code, answer.json()["errors"]) == (
        400,
        [f"You supplied invalid parameters to the request: {name}"],
    )


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("tables", [3, 2, 2, 2, 1]),
        ("narrow tables", [2]),
        ("tables @amina", [2, 1]),
        ("tables user:Amina", [2, 1]),
        ("tables #support", [3, 2, 2, 2]),
        ("tables #=support", [2, 2, 2]),
        ("tables #support:android", [3]),
        ("tables category:support", [3, 2, 2, 2]),
        ("tables category:nowhere", []),
        ("tables #ui", [2, 2, 2]),
        ("tables tags:ui,api", [3, 2, 2, 2]),
        ("tables tags:ui+api", [2, 2, 2]),
        ("status:solved", [2, 2, 2]),
        ("status:unsolved", [3, 1]),
        ("status:open", [2, 2, 2]),
        ("status:closed", [3]),
        ("status:archived", [1]),
        ("status:noreplies", [3, 1]),
        ("status:single_user", [3, 1]),
        ("tables before:2026-03-02", [1]),
        ("tables after:2026-03-03", [3]),
        ("tables after:soon", [3, 2, 2, 2, 1]),
        ("tables in:title", [3, 2]),
        ("tables in:first", [3, 2, 1]),
        ("tables in:pinned", []),
        ("tables in:private", [3, 2, 2, 2, 1]),
        ("tables min_posts:2", [2, 2, 2]),
        ("tables max_posts:1", [3, 1]),
        ("tables order:likes", [2, 1, 3, 2, 2]),
        ("tables order:oldest", [1, 2, 2, 2, 3]),
        ("tables order:views", [3, 2, 2, 2, 1]),
        ("tables order:latest_topic", [3, 2, 2, 2, 1]),
        ("tables order:unheard_of", [3, 2, 2, 2, 1]),
        ("tables: wide", []),
    ],
)
@pytest.mark.usefixtures("shelf")
def test_search_finds_words_and_narrows_by_operators(
    web: httpx.Client, term: str, expected: list[int]
) -> None:
    answer = web.get("/search.json", params={"q": term}).json()

    assert answer["grouped_search_result"]["term"] == term
    assert [post["topic_id"] for post in answer["posts"]] == expected


@pytest.mark.parametrize("query", ["q=ab", "q=tables&page=11"])
def test_search_refuses_short_terms_and_far_pages(
    web: httpx.Client, query: str
) -> None:
    assert web.get(f"/search.json?{query}").status_code == 400


def test_a_browser_gets_html_where_a_program_gets_json(
    community: Community, web: httpx.Client
) -> None:
    community.add_topics(1)

    page = web.get("/latest")
    data = web.get("/latest", headers={"Accept": "application/json"})

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Question number 1 of many" in page.text
    assert ids(data) == [1]
