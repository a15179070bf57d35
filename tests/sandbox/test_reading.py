"""Topics and posts: pages, streams, redirects, what is concealed and from whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from bot.sandbox import Community, PostType, Sandbox, Settings
from tests.sandbox.conftest import FakeClock


def numbers(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [post["post_number"] for post in answer.json()["post_stream"]["posts"]]


def posts(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["post_stream"]["posts"]
    return found


def test_a_topic_serves_20_posts_and_the_ids_of_all(
    community: Community, web: httpx.Client
) -> None:
    community.add_topics(1, posts=45)

    answer = web.get("/t/1.json")

    assert numbers(answer) == list(range(1, 21))
    assert answer.json()["post_stream"]["stream"] == list(range(1, 46))
    assert answer.json()["posts_count"] == 45
    assert numbers(web.get("/t/1.json?page=3")) == list(range(41, 46))
    assert numbers(web.get("/t/1/30.json")) == list(range(25, 45))
    assert numbers(web.get("/t/1/45.json")) == list(range(26, 46))


def test_a_page_out_of_range_redirects_now_and_was_missing(
    community: Community, box: Sandbox, web: httpx.Client
) -> None:
    community.add_topics(1, posts=45)

    new = web.get("/t/1.json?page=9")
    box.settings = replace(box.settings, generation="2022")
    old = web.get("/t/1.json?page=9")

    slug = community.topics[1].slug
    assert (new.status_code, new.headers["location"]) == (
        301,
        f"{box.url}/t/{slug}/1.json?page=3",
    )
    assert old.status_code == 404


def test_a_negative_page_is_missing(community: Community, web: httpx.Client) -> None:
    community.add_topics(1)

    assert web.get("/t/1.json?page=-1").status_code == 404


def test_a_wrong_slug_redirects_and_no_slug_does_not(
    community: Community, box: Sandbox, web: httpx.Client
) -> None:
    topic = community.add_topic("Old title of a topic", "The text of the topic.")
    community.retitle(topic.id, "New title of a topic")

    old = web.get("/t/old-title-of-a-topic/1.json?page=1&other=2")
    right = "/t/new-title-of-a-topic/1"

    assert (old.status_code, old.headers["location"]) == (
        301,
        f"{box.url}{right}.json?page=1",
    )
    assert web.get("/t/x/1/1.json").headers["location"] == f"{box.url}{right}/1.json"
    assert web.get("/t/-/1.json").headers["location"] == f"{box.url}{right}.json"
    slug_only = web.get("/t/new-title-of-a-topic.json")
    assert slug_only.headers["location"] == f"{box.url}{right}.json"
    assert web.get("/t/1.json").status_code == 200
    assert web.get(f"{right}.json").status_code == 200


def test_chosen_posts_drop_foreign_ids_silently(
    community: Community, web: httpx.Client
) -> None:
    community.add_topics(2, posts=3)

    answer = web.get(
        "/t/1/posts.json?post_ids[]=3&post_ids[]=1&post_ids[]=4&post_ids[]=99"
    )

    assert numbers(answer) == [1, 3]
    assert answer.json()["id"] == 1
    assert numbers(web.get("/t/1/posts.json?post_number=1&asc=true")) == [2, 3]


@pytest.mark.parametrize("number", ["²", "9" * 5000, "x", "-1", ""])
def test_what_is_no_number_is_dropped_from_chosen_posts(
    community: Community, web: httpx.Client, number: str
) -> None:
    community.add_topics(1, posts=3)

    chosen = web.get("/t/1/posts.json", params={"post_ids[]": [number, "2"]})

    assert numbers(chosen) == [2]


def test_numbers_of_no_forum_are_missing(web: httpx.Client) -> None:
    long = "9" * 5000

    paths = [f"/t/{long}.json", f"/posts/{long}.json", f"/raw/{long}", f"/t/x/{long}"]

    assert [web.get(path).status_code for path in paths] == [404] * 4


def test_raw_comes_when_asked_for_with_any_value(
    community: Community, web: httpx.Client
) -> None:
    community.add_topic("With raw text", "Some *raw* text.")

    assert "raw" not in posts(web.get("/t/1.json"))[0]
    assert posts(web.get("/t/1.json?include_raw=false"))[0]["raw"] == "Some *raw* text."
    answer = web.get("/t/1/posts.json?post_ids[]=1&include_raw=1")
    assert posts(answer)[0]["raw"] == "Some *raw* text."


def test_deleted_posts_leave_gaps_in_the_numbers(
    community: Community, web: httpx.Client, root: httpx.Client
) -> None:
    community.add_topics(1, posts=4)
    community.delete_post(2)

    answer = web.get("/t/1.json")

    assert numbers(answer) == [1, 3, 4]
    assert answer.json()["highest_post_number"] == 4
    assert answer.json()["posts_count"] == 3
    assert numbers(root.get("/t/1.json")) == [1, 3, 4]
    assert numbers(root.get("/t/1.json?show_deleted=true")) == [1, 2, 3, 4]
    assert numbers(web.get("/t/1.json?show_deleted=true")) == [1, 3, 4]


def test_whispers_are_for_staff(
    community: Community, web: httpx.Client, root: httpx.Client
) -> None:
    community.add_topics(1)
    community.add_post(1, "Between us.", user="root", type=PostType.WHISPER)

    assert numbers(web.get("/t/1.json")) == [1]
    assert [post["post_type"] for post in posts(root.get("/t/1.json"))] == [1, 4]
    assert web.get("/posts/2.json").status_code == 404


def test_what_visitors_do_not_see_is_not_counted_for_them(
    community: Community, web: httpx.Client, root: httpx.Client
) -> None:
    community.add_topic("A question", "How is it done?", user="amina")
    community.add_post(1, "A reply.", user="ben", reply_to=1)
    gone = community.add_post(1, "A reply that goes.", user="ben", reply_to=1)
    community.add_post(1, "Between us.", user="root", reply_to=1, type=PostType.WHISPER)
    community.delete_post(gone.id)

    def counters(reader: httpx.Client) -> tuple[int, int, int]:
        topic = reader.get("/t/1.json").json()
        first = topic["post_stream"]["posts"][0]
        listed = reader.get("/latest.json").json()["topic_list"]["topics"][0]
        assert listed["highest_post_number"] == topic["highest_post_number"]
        counted = (topic["posts_count"], topic["highest_post_number"])
        return (*counted, first["reply_count"])

    assert counters(web) == (2, 2, 1)
    assert counters(root) == (2, 4, 2)
    assert web.get("/u/ben.json").json()["user"]["post_count"] == 1
    assert web.get("/u/root.json").json()["user"]["post_count"] == 0


def test_small_actions_may_have_no_text(
    community: Community, web: httpx.Client
) -> None:
    community.add_topics(1)
    community.set_status(1, "closed", enabled=True, by="root")

    answer = web.get("/t/1.json")
    small = posts(answer)[1]

    assert (small["post_type"], small["action_code"], small["cooked"]) == (
        3,
        "closed.enabled",
        "",
    )
    assert answer.json()["closed"] is True
    assert answer.json()["posts_count"] == 2


def test_a_hidden_post_shows_a_notice_and_no_raw(
    community: Community, web: httpx.Client, root: httpx.Client
) -> None:
    community.add_topics(1, posts=2)
    community.hide_post(2)

    seen = posts(web.get("/t/1.json?include_raw=1"))[1]
    staff = posts(root.get("/t/1.json?include_raw=1"))[1]

    assert seen["cooked"] == (
        "<p>This post was flagged by the community and is temporarily hidden.</p>"
    )
    assert (seen["hidden"], seen["cooked_hidden"], "raw" in seen) == (True, True, False)
    assert (staff["hidden"], staff["raw"]) == (True, "Reply number 1 to question 1.")
    assert web.get("/posts/2/raw").status_code == 403


def test_a_withdrawn_post_shows_a_stub(community: Community, web: httpx.Client) -> None:
    community.add_topics(1, posts=2)
    community.withdraw_post(2)

    seen = posts(web.get("/t/1.json?include_raw=1"))[1]

    assert (seen["user_deleted"], seen["raw"], seen["cooked"]) == (
        True,
        "(post deleted by author)",
        "<p>(post deleted by author)</p>",
    )


def test_suspended_authors_are_marked(community: Community, web: httpx.Client) -> None:
    community.add_topic("A topic", "By ben.", user="ben")
    assert "user_suspended" not in posts(web.get("/t/1.json"))[0]

    community.user("ben").suspended = True

    assert posts(web.get("/t/1.json"))[0]["user_suspended"] is True


def test_unlisted_topics_open_and_say_so(
    community: Community, web: httpx.Client
) -> None:
    community.add_topics(1)
    community.topics[1].visible = False

    answer = web.get("/t/1.json")

    assert answer.json()["visible"] is False
    assert answer.headers["x-robots-tag"] == "noindex"


@pytest.mark.parametrize(
    ("change", "status", "kind"),
    [
        (lambda c: c.delete_topic(1), 410, "not_found"),
        (lambda c: c.set_category(1, "staff"), 403, "not_logged_in"),
        (lambda c: c.privatise(1), 403, "not_logged_in"),
    ],
)
def test_what_is_gone_or_private_is_told_only_where_the_site_wants_it(
    community: Community,
    box: Sandbox,
    web: httpx.Client,
    change: Any,
    status: int,
    kind: str,
) -> None:
    community.add_topics(1)
    change(community)

    plain = web.get("/t/1.json")
    box.settings = replace(box.settings, detailed_404=True)
    detailed = web.get("/t/1.json")

    assert (plain.status_code, plain.json()["error_type"]) == (404, "not_found")
    assert (detailed.status_code, detailed.json()["error_type"]) == (status, kind)


def test_a_missing_topic_carries_a_page_of_html(web: httpx.Client) -> None:
    answer = web.get("/t/4711.json")
    body = answer.json()

    assert answer.status_code == 404
    assert body["errors"] == ["The requested URL or resource could not be found."]
    assert body["extras"]["title"] == "Page Not Found"
    assert body["extras"]["group"] is None
    assert len(body["extras"]["html"]) > 4000


def test_the_solution_is_an_object_then_and_a_list_now(
    community: Community, box: Sandbox, web: httpx.Client
) -> None:
    topic = community.add_topic("A question to solve", "How is it done?", user="amina")
    answer = community.add_post(topic.id, "Like *this*.", user="ben")
    unsolved = web.get("/t/1.json").json()
    community.solve(answer.id)

    new = web.get("/t/1.json").json()
    box.settings = replace(box.settings, generation="2022")
    old = web.get("/t/1.json").json()

    assert "accepted_answers" not in unsolved
    assert "accepted_answer" not in new
    [accepted] = new["accepted_answers"]
    assert (accepted["id"], accepted["username"], accepted["url"]) == (
        answer.id,
        "ben",
        f"/t/{topic.slug}/1/2",
    )
    assert "accepted_answers" not in old
    assert old["accepted_answer"] == {
        "post_number": 2,
        "username": "ben",
        "name": "Ben",
        "excerpt": "Like this .",
        "accepter_name": "Amina",
        "accepter_username": "amina",
    }
    marks = [post["accepted_answer"] for post in old["post_stream"]["posts"]]
    of_topic = [post["topic_accepted_answer"] for post in new["post_stream"]["posts"]]
    assert (marks, of_topic) == ([False, True], [True, True])
    listed = web.get("/latest.json").json()["topic_list"]["topics"][0]
    assert listed["has_accepted_answer"] is True


def test_a_solution_names_who_marked_it_and_stays_when_it_is_hidden(
    community: Community, web: httpx.Client, root: httpx.Client
) -> None:
    community.add_topics(1, posts=2)
    community.solve(2, by="root")
    community.hide_post(2)

    [accepted] = web.get("/t/1.json").json()["accepted_answers"]
    [staff] = root.get("/t/1.json").json()["accepted_answers"]

    assert (accepted["cooked_hidden"], accepted["cooked"]) == (
        True,
        "<p>This post was flagged by the community and is temporarily hidden.</p>",
    )
    assert (accepted["accepter_username"], accepted["accepter_name"]) == (
        "root",
        "Root",
    )
    assert "Reply number 1" in staff["cooked"]
    assert "cooked_hidden" not in staff


def test_the_old_solution_is_null_when_its_post_cannot_be_shown(
    community: Community, box: Sandbox, web: httpx.Client
) -> None:
    community.add_topics(1, posts=2)
    community.solve(2)
    community.hide_post(2)
    box.settings = replace(box.settings, generation="2022")

    assert web.get("/t/1.json").json()["accepted_answer"] is None


def test_printing_is_rationed_for_all_visitors_together(
    community: Community, web: httpx.Client, root: httpx.Client, clock: FakeClock
) -> None:
    community.add_topics(1, posts=25)

    printed = [web.get("/t/1.json?print=true") for _ in range(6)]

    assert [answer.status_code for answer in printed] == [200] * 5 + [422]
    assert len(posts(printed[0])) == 25
    assert printed[5].json() == {
        "errors": [
            "You’ve performed this action too many times, please try again later."
        ]
    }
    assert root.get("/t/1.json?print=true").status_code == 200
    clock.forward(hours=1)
    assert web.get("/t/1.json?print=true").status_code == 200


def test_the_raw_form_of_a_topic_names_authors_and_numbers(
    community: Community, web: httpx.Client
) -> None:
    community.add_topic("Raw topic", "First *raw*.", user="amina")
    community.add_post(1, "Second.", user="ben")

    assert web.get("/raw/1").text == (
        "amina | 2026-03-01 12:00:00 UTC | #1\n\nFirst *raw*."
        "\n\n-------------------------\n\n"
        "ben | 2026-03-01 12:00:00 UTC | #2\n\nSecond."
        "\n\n-------------------------\n\n"
    )
    assert web.get("/raw/1/2").text == "Second."
    assert web.get("/raw/1?page=2").text == ""


def test_posts_are_found_by_id_number_and_short_link(
    community: Community, box: Sandbox, web: httpx.Client
) -> None:
    community.add_topics(2, posts=2)

    assert web.get("/posts/4.json").json()["raw"] == "Reply number 1 to question 2."
    assert web.get("/posts/by_number/2/2.json").json()["id"] == 4
    assert web.get("/posts/4/cooked.json").json() == {
        "cooked": "<p>Reply number 1 to question 2.</p>"
    }
    slug = community.topics[2].slug
    assert web.get("/p/4").headers["location"] == f"{box.url}/t/{slug}/2/2"
    assert web.get("/posts/99.json").status_code == 404


def test_links_are_counted_on_both_sides(
    community: Community, box: Sandbox, web: httpx.Client
) -> None:
    community.add_topic("The target topic", "Something to link to.")
    community.add_topic("The source topic", "Look [there]({forum}/t/-/1/1).")

    target = posts(web.get("/t/1.json"))[0]
    source = posts(web.get("/t/2.json"))[0]

    assert target["link_counts"] == [
        {
            "url": f"{box.url}/t/the-source-topic/2/1",
            "internal": True,
            "reflection": True,
            "title": "The source topic",
            "clicks": 0,
        }
    ]
    assert source["link_counts"] == [
        {
            "url": f"{box.url}/t/-/1/1",
            "internal": True,
            "reflection": False,
            "title": "The target topic",
            "clicks": 0,
        }
    ]


def test_translations_are_served_unless_the_cookie_asks_for_the_original(
    community: Community, box: Sandbox, web: httpx.Client
) -> None:
    topic = community.add_topic("Une question", "Comment faire ?")
    community.posts[1].translations["en"] = "<p>How is it done?</p>"
    topic.translations["en"] = "A question"
    box.settings = replace(box.settings, localise_to="en")

    translated = web.get("/t/1.json?include_raw=1").json()
    cookie = {"Cookie": "automatically_translate=false"}
    original = web.get("/t/1.json", headers=cookie).json()

    post = translated["post_stream"]["posts"][0]
    assert (translated["title"], post["cooked"], post["raw"], post["is_localized"]) == (
        "A question",
        "<p>How is it done?</p>",
        "Comment faire ?",
        True,
    )
    assert original["title"] == "Une question"
    assert original["post_stream"]["posts"][0]["cooked"] == "<p>Comment faire ?</p>"


def test_a_closed_site_lets_nobody_in_without_a_key(
    community: Community, box: Sandbox, web: httpx.Client, ben: httpx.Client
) -> None:
    community.add_topics(1)
    box.settings = replace(box.settings, login_required=True)

    answer = web.get("/t/1.json")

    assert (answer.status_code, answer.json()) == (
        403,
        {
            "errors": ["You need to be logged in to do that."],
            "error_type": "not_logged_in",
        },
    )
    page = web.get("/t/1")
    assert (page.status_code, page.headers["location"]) == (302, "/login")
    assert ben.get("/t/1.json").status_code == 200
    assert web.get("/site/basic-info.json").json()["login_required"] is True


def test_a_person_can_read_a_thread_in_a_browser(
    community: Community, box: Sandbox, web: httpx.Client
) -> None:
    topic = community.add_topic("A <b> title", "Some *text*.", user="amina")
    community.add_post(topic.id, "An answer.", user="ben")
    community.solve(2)

    page = web.get(f"/t/{topic.slug}/1")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>A &lt;b&gt; title</h1>" in page.text
    assert "<p>Some <em>text</em>.</p>" in page.text
    assert page.text.index("solution") < page.text.index("An answer.")
    assert web.get("/t/1").headers["location"] == f"{box.url}/t/{topic.slug}/1"
    assert web.get("/t/99").status_code == 404


def test_names_tags_groups_and_categories_lead_to_pages(
    community: Community, web: httpx.Client
) -> None:
    community.add_user("tess", groups=["testers"])
    support = community.category("support").id
    topic = community.add_topic(
        "A tagged topic",
        "For @amina, @testers and #support.",
        user="ben",
        category="support",
        tags=["api"],
    )
    community.add_topic("Staff only", "Text.", user="ben", category="staff")
    line = f'<li><a href="/t/{topic.slug}/1">A tagged topic</a>'

    listing = ["/u/ben", "/u/Ben", "/tag/api", "/tag/api/1", f"/c/support/{support}"]
    for path in listing:
        page = web.get(path)
        assert line in page.text, path
        assert "Staff only" not in page.text
    assert '<a href="/u/tess">tess</a>' in web.get("/groups/testers").text
    staff = community.category("staff").id
    missing = ["/u/nobody", "/tag/none", f"/c/staff/{staff}", "/c/x/99", "/g/none"]
    assert [web.get(path).status_code for path in missing] == [404] * 5


def test_a_permalink_leads_on_once_the_topic_is_gone(
    community: Community, web: httpx.Client
) -> None:
    slug = community.add_topics(1)[0].slug
    elsewhere = "https://elsewhere.example/a/page"
    community.add_permalink(f"/t/{slug}/1", elsewhere)
    community.add_permalink("/an/old/path", f"{community.addresses.forum}/t/{slug}/1")

    before = web.get(f"/t/{slug}/1.json")
    community.delete_topic(1)
    after = [web.get(f"/t/{slug}/1.json"), web.get(f"/t/{slug}/1")]

    assert before.status_code == 200
    assert [(each.status_code, each.headers["location"]) for each in after] == [
        (301, elsewhere)
    ] * 2
    assert web.get("/an/old/path").status_code == 301
    assert web.get("/t/1.json").status_code == 404


def test_an_unknown_path_is_missing_in_the_forums_words(
    web: httpx.Client, ben: httpx.Client
) -> None:
    missing = {
        "errors": ["The requested URL or resource could not be found."],
        "error_type": "not_found",
    }

    answers = [web.get("/no/such/path.json"), ben.put("/no/such/path")]

    assert [(each.status_code, each.json()) for each in answers] == [(404, missing)] * 2


def test_robots_and_sitemaps_name_public_topics_only(
    community: Community, box: Sandbox, web: httpx.Client, clock: FakeClock
) -> None:
    community.add_topics(3)
    community.set_category(1, "staff")
    clock.forward(days=4)
    community.add_topics(1)

    def urls(path: str) -> list[str]:
        found = web.get(path).text.split("<loc>")[1:]
        return [each.partition("</loc>")[0] for each in found]

    robots = web.get("/robots.txt").text
    assert "Disallow: /search\n" in robots
    assert "Disallow: /t/" not in robots.replace("Disallow: /t/*/*.rss", "")
    assert f"Sitemap: {box.url}/sitemap.xml" in robots
    assert urls("/sitemap.xml") == [
        f"{box.url}/sitemap_1.xml",
        f"{box.url}/sitemap_recent.xml",
    ]
    address = box.url + "/t/question-number-{0}-of-many/{0}"
    assert urls("/sitemap_1.xml") == [address.format(n) for n in (2, 3, 4)]
    assert urls("/sitemap_recent.xml") == [address.format(4)]


def test_robots_txt_follows_the_switches_of_the_forum(
    box: Sandbox, web: httpx.Client
) -> None:
    def served(**switches: Any) -> tuple[str, str | None]:
        box.settings = Settings(**switches)
        answer = web.get("/robots.txt")
        return answer.text, answer.headers.get("x-robots-tag")

    usual, tag = served()
    assert "User-agent: semrushbot\nDisallow: /\n" in usual
    assert "User-agent: *\nDisallow: /admin/\n" in usual
    assert tag is None
    assert served(allow_index_in_robots_txt=False) == (
        "User-agent: *\nDisallow: /\n",
        "noindex, nofollow",
    )
    chosen, _ = served(allowed_crawler_user_agents=("goodbot",))
    assert "User-agent: goodbot\nDisallow: /admin/\n" in chosen
    assert "User-agent: *\nDisallow: /\n" in chosen
    assert served(overridden_robots_txt="# mine") == ("# mine", None)
