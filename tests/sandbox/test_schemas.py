"""Answers validate against the forum's own published schemas.

The schemas were sampled from a fresh site with an administrator's key and no
plugins, so as they stand they reject real forums too. `realistic` loosens them in
the ways that were seen on real ones, and in no other:

* ``additionalProperties: false`` goes: the solved plugin adds keys.
* ``reply_to_post_number`` is a number, the schema says a string.
* What a key may be when it is not null is missing where the sample held null.
* ``link_counts`` and ``excerpt`` are absent where there is nothing to tell.
* ``category_id`` of a private message is null, in one schema it is never null.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from bot.sandbox import Community, Sandbox

SCHEMAS = (
    Path(__file__).resolve().parents[2].parent
    / "shared/discourse/data/schemas_from_openapi"
)
pytestmark = pytest.mark.skipif(not SCHEMAS.is_dir(), reason="schemas are not here")

_ABSENT_WHEN_EMPTY = {"link_counts", "excerpt"}
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
}


def realistic(schema: Any) -> Any:
    if isinstance(schema, list):
        return [realistic(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    loosened = {
        key: realistic(value)
        for key, value in schema.items()
        if key != "additionalProperties"
    }
    required = loosened.get("required")
    if isinstance(required, list):
        kept = [name for name in required if name not in _ABSENT_WHEN_EMPTY]
        loosened["required"] = kept
    properties = loosened.get("properties")
    if isinstance(properties, dict):
        for name in properties.keys() & _LOOSE.keys():
            declared = properties[name].get("type", "object")
            kinds = {declared} if isinstance(declared, str) else set(declared)
            if kinds <= {"string", "null", *_LOOSE[name]}:
                properties[name] = {"type": _LOOSE[name]}
    return loosened


def check(answer: httpx.Response, name: str) -> None:
    assert answer.status_code == 200, answer.text
    schema = json.loads((SCHEMAS / f"{name}.200.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(realistic(schema))
    found = [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message[:120]}"
        for error in validator.iter_errors(answer.json())
    ]
    assert found == []


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


@pytest.mark.parametrize("path", ["/latest.json", "/top.json", "/tag/api.json"])
def test_lists_validate_in_the_old_shapes_for_visitors(
    busy: Community, box: Sandbox, web: httpx.Client, path: str
) -> None:
    box.settings = replace(box.settings, generation="2022")
    name = path.removesuffix(".json").strip("/").replace("tag/api", "tag_name")

    check(web.get(path), f"get_{name}_json")


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
