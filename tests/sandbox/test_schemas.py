"""Answers validate against the forum's own published schemas.

The schemas were sampled from a fresh site with an administrator's key and no
plugins, so as they stand they reject real forums too. `realistic` loosens them in
the ways that were seen on real ones, and in no other:

* Keys of the solved plugin, and those that are only there when there is something
  to tell, may be added; other keys may not.
* ``reply_to_post_number`` is a number, the schema says a string.
* What a key may be when it is not null is missing where the sample held null.
* ``link_counts``, ``excerpt`` and the like are absent where there is nothing to tell.
* ``category_id`` of a private message is null, in one schema it is never null.
* What only staff or the member gets is absent for visitors.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from bot.sandbox import Community, Library, Sandbox
from bot.sandbox.records import Event
from bot.sandbox.webhooks import payload
from tests.sandbox.conftest import client

SHARED = Path(__file__).resolve().parents[2].parent / "shared/discourse"
SCHEMAS = SHARED / "data/schemas_from_openapi"
OLD_SCHEMAS = SHARED / "data/discourse_core_2022_schemas"
pytestmark = pytest.mark.skipif(not SCHEMAS.is_dir(), reason="schemas are not here")


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ABSENT_WHEN_EMPTY = frozenset({"link_counts", "excerpt", "truncated", "can_act"})
_PLUGIN = _names(
    "accepted_answer accepted_answers can_accept_answer can_unaccept_answer"
    " has_accepted_answer can_have_answer topic_accepted_answer"
)
# Not in the samples, where there was nothing to tell.
_SOMETIMES = _names(
    "badges_granted tags tags_descriptions more_topics_url draft draft_key topics"
    " draft_sequence hidden_reason_id cooked_hidden via_email action_code raw"
    " reply_to_user excerpt link_counts count acted can_undo links allowed_users"
    " user_suspended"
    " allowed_groups participants allowed_user_count op_like_count for_period"
    " flair_groups is_uncategorized subcategory_list parent_category_id show_deleted"
)
_STAFF_ONLY = _names(
    "reviewable_id reviewable_score_count reviewable_score_pending_count has_deleted"
    " can_remove_self_id"
)
_MEMBERS_OWN = _names(
    "locale muted_category_ids regular_category_ids watched_tags tracked_tags"
    " watching_first_post_tags muted_tags tracked_category_ids watched_category_ids"
    " watched_first_post_category_ids system_avatar_upload_id system_avatar_template"
    " muted_usernames ignored_usernames allowed_pm_usernames user_auth_tokens"
    " mailing_list_posts_per_day can_change_bio can_change_location can_change_website"
    " can_change_tracking_preferences user_api_keys user_notification_schedule"
    " use_logo_small_as_avatar group_users user_option"
)
# Sampled as null only, or with another type than real forums send.
_LOOSE = {
    "reply_to_post_number": ["integer", "null"],
    "unpinned": ["boolean", "null"],
    "bookmarked": ["boolean", "null"],
    "liked": ["boolean", "null"],
    "extras": ["string", "null"],
    "image_url": ["string", "null"],
    "name": ["string", "null"],
    "display_username": ["string", "null"],
    "reviewable_id": ["integer", "null"],
    "category_id": ["integer", "null"],
    "more_full_page_results": ["boolean", "null"],
    "score": ["integer", "number"],
    # Null on real forums for who may not write there, as visitors.
    "permission": ["integer", "null"],
    "draft_sequence": ["integer", "null"],
    "featured_topic": ["object", "null"],
}


def realistic(schema: Any, *, visitor: bool = False) -> Any:
    if isinstance(schema, list):
        return [realistic(each, visitor=visitor) for each in schema]
    if not isinstance(schema, dict):
        return schema
    loosened = {
        key: realistic(value, visitor=visitor)
        for key, value in schema.items()
        if key not in {"additionalProperties", "minItems"}
    }
    properties = loosened.get("properties")
    if not isinstance(properties, dict):
        return loosened
    if schema.get("additionalProperties") is False:
        known = {*properties, *_PLUGIN, *_SOMETIMES}
        loosened["propertyNames"] = {"enum": sorted(known)}
    required = loosened.get("required")
    if isinstance(required, list):
        absent = _may_be_absent(properties, visitor=visitor)
        loosened["required"] = [name for name in required if name not in absent]
    for name in properties.keys() & _LOOSE.keys():
        declared = properties[name].get("type", "object")
        kinds = {declared} if isinstance(declared, str) else set(declared)
        if kinds <= {"string", "null", *_LOOSE[name]}:
            properties[name] = {"type": _LOOSE[name]}
    return loosened


def _may_be_absent(properties: dict[str, Any], *, visitor: bool) -> set[str]:
    absent = set(_ABSENT_WHEN_EMPTY)
    if {
        "post_count",
        "trust_level",
    } <= properties.keys() and "groups" not in properties:
        # Of those who take part in a topic: only where it is so.
        absent |= {"admin", "moderator"}
    if properties.keys() == {"1", "2"}:
        # User fields of the site that was sampled.
        absent |= {"1", "2"}
    if visitor:
        # The raw text of hidden posts, too.
        absent |= _STAFF_ONLY | {"raw"}
    if visitor and "user_option" in properties:
        absent |= _MEMBERS_OWN
    if visitor and "created_by" in properties:
        absent |= {name for name in properties if name.startswith("can_")} - {
            "can_edit"
        }
    return absent


def problems(answer: httpx.Response, path: Path, *, visitor: bool) -> list[str]:
    assert answer.status_code == 200, answer.text
    schema = realistic(json.loads(path.read_text("utf-8")), visitor=visitor)
    return [
        f"{answer.url}: {'.'.join(map(str, error.absolute_path))}: "
        f"{error.message[:120]}"
        for error in jsonschema.Draft202012Validator(schema).iter_errors(answer.json())
    ]


def check(answer: httpx.Response, name: str, *, visitor: bool = False) -> None:
    assert problems(answer, SCHEMAS / f"{name}.200.json", visitor=visitor) == []


@pytest.fixture
def busy(community: Community) -> Community:
    """One of everything that shows in a topic."""
    topic = community.add_topic(
        "A busy topic",
        "With a link to https://example.org.",
        user="amina",
        tags=["api"],
    )
    community.add_topic("Another topic", f"Like {{forum}}/t/{topic.id}.", user="ben")
    community.add_post(topic.id, "An answer to the first.", user="ben", reply_to=1)
    community.like(2, "amina")
    community.solve(3)
    community.topics[topic.id].pinned = "globally"
    return community


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/latest.json", "get_latest_json"),
        ("/top.json", "get_top_json"),
        ("/tag/api.json", "get_tag_name_json"),
        ("/c/uncategorized/1.json", "get_c_slug_id_json"),
        ("/categories.json", "get_categories_json"),
        ("/categories.json?include_subcategories=true", "get_categories_json"),
        ("/site.json", "get_site_json"),
        ("/site/basic-info.json", "get_site_basic_info_json"),
        ("/tags.json", "get_tags_json"),
        ("/search.json?q=answer", "get_search_json"),
        ("/posts.json", "get_posts_json"),
        ("/t/1.json", "get_t_id_json"),
        ("/t/2.json", "get_t_id_json"),
        ("/t/1/posts.json?post_ids[]=1", "get_t_id_posts_json"),
        ("/posts/1.json", "get_posts_id_json"),
        ("/posts/3.json", "get_posts_id_json"),
        ("/posts/1/replies.json", "get_posts_id_replies_json"),
    ],
)
def test_what_an_administrator_reads_validates(
    busy: Community, root: httpx.Client, path: str, schema: str
) -> None:
    if schema == "get_posts_json":
        # The one key that is only there when a text was cut.
        busy.edit_post(1, "word " * 100)
        busy.edit_post(2, "word " * 100)
        busy.edit_post(3, "word " * 100)

    check(root.get(path), schema)


def test_notices_validate(busy: Community, ben: httpx.Client) -> None:
    found = ben.get("/notifications.json")

    check(found, "get_notifications_json")
    assert len(found.json()["notifications"]) == 2


def test_private_messages_validate(busy: Community, ben: httpx.Client) -> None:
    busy.add_topic("For you", "A private text.", user="amina", recipients=["ben"])

    found = ben.get("/topics/private-messages/ben.json")

    check(found, "get_topics_private_messages_username_json")
    titles = [topic["title"] for topic in found.json()["topic_list"]["topics"]]
    assert titles == ["For you"]


def test_what_writing_answers_validates(busy: Community, root: httpx.Client) -> None:
    raw = "A reply that is long enough to be taken."
    created = root.post("/posts.json", data={"topic_id": 1, "raw": raw})
    path = f"/posts/{created.json()['id']}.json"
    edited = root.put(path, json={"post": {"raw": f"{raw} Edited."}})
    like = {"id": 1, "post_action_type_id": 2}
    titled = root.put("/t/-/1.json", data={"title": "A title that is long enough"})
    status = {"status": "closed", "enabled": "true"}

    check(created, "post_posts_json")
    check(edited, "put_posts_id_json")
    check(root.post("/post_actions.json", data=like), "post_post_actions_json")
    check(titled, "put_t_id_json")
    check(root.put("/t/1/status.json", data=status), "put_t_id_status_json")
    level = {"notification_level": 3}
    check(
        root.post("/t/1/notifications.json", data=level), "post_t_id_notifications_json"
    )


# The whole sample community, for all kinds of readers and both ages of the forum.


@pytest.fixture(scope="module")
def sample() -> Iterator[Sandbox]:
    with Sandbox(library=Library()) as running:
        yield running


LISTS = [
    ("/latest.json", "get_latest_json", "category_topics_response"),
    ("/latest.json?order=op_likes", "get_latest_json", "category_topics_response"),
    ("/top.json", "get_top_json", "category_topics_response"),
    ("/tag/api.json", "get_tag_name_json", ""),
    ("/c/support/5.json", "get_c_slug_id_json", "category_topics_response"),
    ("/categories.json", "get_categories_json", "category_list_response"),
    (
        "/categories.json?include_subcategories=true",
        "get_categories_json",
        "category_list_response",
    ),
    ("/site.json", "get_site_json", "site_response"),
    ("/site/basic-info.json", "get_site_basic_info_json", ""),
    ("/tags.json", "get_tags_json", ""),
    ("/search.json?q=backup", "get_search_json", "search_response"),
    ("/posts.json", "get_posts_json", ""),
    ("/u/amina_k.json", "get_u_username_json", "user_get_response"),
]
MESSAGES = [
    (
        f"/topics/private-messages{box}/{name}.json",
        f"get_topics_private_messages{box.replace('-', '_')}_username_json",
    )
    for box in ("", "-sent")
    for name in ("amina_k", "wanjiru_m", "fatou_d")
]


def reader_of(sample: Sandbox, reader: str) -> httpx.Client:
    if reader == "visitor":
        return client(sample)
    headers = {"Api-Key": sample.admin_key, "Api-Username": "wanjiru_m"}
    return client(sample, headers)


@pytest.mark.parametrize("reader", ["visitor", "admin"])
@pytest.mark.parametrize("generation", ["2026", "2022"])
def test_the_whole_sample_validates(
    sample: Sandbox, reader: str, generation: Any
) -> None:
    sample.settings = replace(sample.settings, generation=generation)
    state, visitor = sample.community, reader == "visitor"
    person = None if visitor else state.user("wanjiru_m")
    topics = [topic for topic in state.topics.values() if state.may_see(topic, person)]
    asked: list[tuple[str, Path]] = []
    if generation == "2026":
        asked += [(path, SCHEMAS / f"{new}.200.json") for path, new, _old in LISTS]
        schema = SCHEMAS / "get_t_id_json.200.json"
        one = SCHEMAS / "get_posts_id_json.200.json"
        asked += [
            (f"/posts/{post.id}.json", one)
            for topic in topics[:20]
            for post in state.seen_posts(topic, person)
        ]
        if not visitor:
            asked += [(path, SCHEMAS / f"{new}.200.json") for path, new in MESSAGES]
    else:
        schema = OLD_SCHEMAS / "topic_show_response.json"
        asked += [
            (path, OLD_SCHEMAS / f"{old}.json") for path, _new, old in LISTS if old
        ]
    asked += [(f"/t/{topic.id}.json?include_raw=1", schema) for topic in topics]

    with reader_of(sample, reader) as web:
        found = [
            problem
            for path, schema in asked
            for problem in problems(web.get(path), schema, visitor=visitor)
        ]

    assert len(asked) > 70
    assert found == []


@pytest.mark.parametrize("reader", ["visitor", "admin"])
@pytest.mark.parametrize(
    ("generation", "shape"),
    [("2022", str), ("2026", dict)],
)
def test_tags_have_one_shape_everywhere(
    sample: Sandbox, reader: str, generation: Any, shape: type
) -> None:
    """The schemas of lists say nothing of tags: the sampled topics had none."""
    sample.settings = replace(sample.settings, generation=generation)
    paths = ["/latest.json", "/top.json", "/tag/api.json", "/c/support/5.json"]
    paths += ["/t/102.json", "/search.json?q=backup", "/site.json"]

    with reader_of(sample, reader) as web:
        for path in paths:
            tags = list(_tags(web.get(path).json()))
            assert tags, path
            assert {type(tag) for tag in tags} == {shape}, path
            if shape is dict:
                assert {tuple(tag) for tag in tags} == {("id", "name", "slug")}, path
                assert all(tag["id"] > 0 for tag in tags), path


def _tags(content: Any) -> Iterator[Any]:
    if isinstance(content, list):
        for each in content:
            yield from _tags(each)
    elif isinstance(content, dict):
        for key, value in content.items():
            # A page of one tag describes it in a form of its own.
            described = key == "tags" and "per_page" in content
            if key in {"tags", "top_tags"} and not described:
                yield from value
            else:
                yield from _tags(value)


def keys_of(rows: Iterable[dict[str, Any]]) -> set[str]:
    return {key for row in rows for key in row}


def test_an_old_topic_has_the_keys_that_real_ones_had(sample: Sandbox) -> None:
    """Counted over thousands of topics of a real forum, read by a visitor in 2022."""
    path = SHARED / "data/real_shapes/topic_json_anonymous_keys_2022.json"
    counted = json.loads(path.read_text("utf-8"))
    sample.settings = replace(sample.settings, generation="2022")
    state = sample.community
    with client(sample) as web:
        topics = [
            web.get(f"/t/{topic.id}.json").json()
            for topic in state.topics.values()
            if state.may_see(topic, None)
        ]
    posts = [post for topic in topics for post in topic["post_stream"]["posts"]]
    details = [topic["details"] for topic in topics]

    for rows, known, more in (
        # That forum had no tags.
        (topics, counted["topic_keys"], {"tags"}),
        (posts, counted["post_keys"], set()),
        (details, counted["details_keys"], set()),
    ):
        total = max(sum(kinds.values()) for kinds in known.values())
        always = {key for key, kinds in known.items() if sum(kinds.values()) == total}
        # Of a plugin for advertisements.
        always -= {"tags_disable_ads"}
        assert keys_of(rows) - known.keys() - more == set()
        assert [always - row.keys() for row in rows if always - row.keys()] == []
    assert "links" in keys_of(details)
    assert all(
        {"url", "title", "internal", "attachment", "reflection", "domain"}
        <= link.keys()
        for row in details
        for link in row.get("links", ())
    )


def test_an_old_topic_is_made_of_what_samples_of_its_time_are_made_of(
    sample: Sandbox,
) -> None:
    path = SHARED / "samples/topics.jsonl.gz"
    if not path.is_file():
        pytest.skip("samples are not here")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        real = [json.loads(line) for line in lines]
    sample.settings = replace(sample.settings, generation="2022")
    state = sample.community
    with client(sample) as web:
        ours = [
            web.get(f"/t/{topic.id}.json").json()
            for topic in state.topics.values()
            if state.may_see(topic, None)
        ]

    def participants(topics: list[dict[str, Any]]) -> set[str]:
        return keys_of(p for topic in topics for p in topic["details"]["participants"])

    def suggested(topics: list[dict[str, Any]]) -> set[str]:
        return keys_of(other for topic in topics for other in topic["suggested_topics"])

    assert participants(ours) - participants(real) - {"moderator"} == set()
    # Real ones had no tags, and excerpts only where a topic was pinned.
    assert suggested(ours) - suggested(real) - {"tags", "excerpt"} == set()


def test_a_visitor_is_told_no_permission_that_is_not_there(sample: Sandbox) -> None:
    sample.settings = replace(sample.settings, generation="2026")
    with client(sample) as web:
        details = web.get("/t/102.json").json()["details"]

    assert {key for key in details if key.startswith("can_")} == {"can_edit"}


def test_a_webhook_tells_of_a_post_what_core_tells(sample: Sandbox) -> None:
    """Core asserts the exact list of keys; the solved plugin adds its own."""
    path = SHARED / "data/webhooks/post_payload_core_keys.json"
    core = set(json.loads(path.read_text("utf-8")))
    sample.settings = replace(sample.settings, generation="2026")
    view = sample._system_view()
    state = sample.community

    for post in state.posts.values():
        event = Event("post_edited", "post", state.topics[post.topic_id], post)
        told = payload(view, event).keys()
        assert core - told == set()
        assert told - core - _PLUGIN - _SOMETIMES - {"category_id"} == set()


def test_a_visitor_gets_the_keys_that_real_forums_send(
    busy: Community, web: httpx.Client
) -> None:
    """Compared with the keys counted over thousands of posts of a real forum."""
    counted = json.loads(
        (SCHEMAS.parent / "real_shapes/posts_json_anonymous_keys.json").read_text(
            "utf-8"
        )
    )
    always = {
        key
        for key, facts in counted["keys"].items()
        if facts["present_in"] == counted["posts"]
    }
    # Of the reactions plugin, which this forum does not have.
    always -= {"reactions", "current_user_reaction", "reaction_users_count"}
    always -= {"current_user_used_main_reaction"}

    for post in web.get("/posts.json").json()["latest_posts"]:
        assert always - post.keys() == set()
