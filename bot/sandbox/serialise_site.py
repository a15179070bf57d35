"""The site itself → JSON: categories, settings, tags, members, notices."""

from __future__ import annotations

from collections import Counter
from html import escape

from bot.sandbox.records import Category
from bot.sandbox.serialise import Json, View, aged, tags_json

NOTIFICATION_TYPES = {
    "mentioned": 1,
    "replied": 2,
    "quoted": 3,
    "edited": 4,
    "liked": 5,
    "private_message": 6,
    "invited_to_private_message": 7,
    "invitee_accepted": 8,
    "posted": 9,
    "moved_post": 10,
    "linked": 11,
    "granted_badge": 12,
    "invited_to_topic": 13,
    "custom": 14,
    "group_mentioned": 15,
    "group_message_summary": 16,
    "watching_first_post": 17,
    "topic_reminder": 18,
    "liked_consolidated": 19,
    "post_approved": 20,
    "code_review_commit_approved": 21,
    "membership_request_accepted": 22,
    "membership_request_consolidated": 23,
    "bookmark_reminder": 24,
    "reaction": 25,
    "votes_released": 26,
    "event_reminder": 27,
    "event_invitation": 28,
    "chat_mention": 29,
    "chat_message": 30,
    "chat_invitation": 31,
    "chat_group_mention": 32,
    "watching_category_or_tag": 36,
    "linked_consolidated": 39,
}
ACTION_TYPES = {
    2: "like",
    3: "off_topic",
    4: "inappropriate",
    6: "notify_user",
    7: "notify_moderators",
    8: "spam",
}
# Keys that forums of 2022 did not send.
_LATER_NOTICES = "watching_category_or_tag linked_consolidated"
_LATER_SITE = (
    "homepage_choices email_configured default_light_color_scheme"
    " full_name_required_for_signup full_name_visible_in_signup"
)
_LATER_CATEGORY = (
    "style_type emoji icon topic_title_placeholder subcategory_count"
    " uploaded_background_dark"
)
# A page of categories, and of those below each, where there are very many.
_LAZY_PARENTS, _LAZY_CHILDREN = 20, 5
_LATER_ACTION = "require_message enabled applies_to is_used position auto_action_type"


def category_json(view: View, category: Category) -> Json:
    """A category, as it stands in both ``/site.json`` and ``/categories.json``."""
    state = view.state
    topics = [
        topic
        for topic in state.topics.values()
        if topic.category_id == category.id and state.may_list(topic, view.reader)
    ]
    children = readable_categories(view, parent=category.id)
    about = state.topics.get(category.topic_id or 0)
    text = category.description
    found: Json = {
        "id": category.id,
        "name": category.name,
        "color": "0088CC",
        "text_color": "FFFFFF",
        "style_type": "square",
        "emoji": None,
        "icon": None,
        "slug": category.slug,
        "topic_count": len(topics),
        "post_count": sum(len(state.seen_posts(topic, None)) for topic in topics),
        "position": category.id,
        "description": f"<p>{escape(text)}</p>" if text else None,
        "description_text": text or None,
        "description_excerpt": text or None,
        "topic_url": f"/t/{about.slug}/{about.id}" if about else "/t/",
        "read_restricted": category.read_restricted,
        "permission": 1 if view.reader else None,
        "notification_level": 1,
        "can_edit": view.staff,
        "topic_template": None,
        "topic_title_placeholder": None,
        "has_children": bool(children),
        "subcategory_count": len(children) or None,
        "sort_order": None,
        "sort_ascending": None,
        "show_subcategory_list": False,
        "num_featured_topics": 3,
        "default_view": None,
        "subcategory_list_style": "rows_with_featured_topics",
        "default_top_period": "all",
        "default_list_filter": "all",
        "minimum_required_tags": 0,
        "navigate_to_first_post_after_read": False,
        "uploaded_logo": None,
        "uploaded_logo_dark": None,
        "uploaded_background": None,
        "uploaded_background_dark": None,
    }
    return aged(view, found, _LATER_CATEGORY)


def readable_categories(view: View, *, parent: int | None) -> list[Category]:
    """The categories under *parent* (``None``: the top) that the reader may see."""
    return [
        category
        for category in view.state.categories.values()
        if category.parent_id == parent and view.state.may_read(category, view.reader)
    ]


def categories_json(view: View, *, nested: bool, page: int = 1) -> Json:
    """``/categories.json``; *nested* adds the full sub-categories.

    Args:
        page: Counted from 1. Unless there are very many categories, each page has
            them all.
    """
    lazy = view.settings.lazy_categories
    shown = readable_categories(view, parent=None)
    if lazy:
        shown = shown[(page - 1) * _LAZY_PARENTS : page * _LAZY_PARENTS]

    def one(category: Category) -> Json:
        children = readable_categories(view, parent=category.id)
        if lazy:
            children = children[:_LAZY_CHILDREN]
        found = category_json(view, category) | {
            "subcategory_ids": [child.id for child in children],
            "subcategory_list": [one(child) for child in children] if nested else None,
            "topics_day": 0,
            "topics_week": 0,
            "topics_month": 0,
            "topics_year": 0,
            "topics_all_time": 0,
        }
        found["topics_all_time"] = found["topic_count"]
        if not nested:
            del found["subcategory_list"]
        if category.slug == "uncategorized":
            found["is_uncategorized"] = True
        return found

    return {
        "category_list": {
            "can_create_category": view.staff,
            "can_create_topic": view.reader is not None,
            "categories": [one(each) for each in shown],
        }
    }


def site_json(view: View) -> Json:
    state = view.state
    uncategorized = next(
        (c.id for c in state.categories.values() if c.slug == "uncategorized"), -1
    )
    readable = [c for c in state.categories.values() if state.may_read(c, view.reader)]
    groups = sorted(
        {group for user in state.users.values() for group in user.all_groups}
    )
    menu = ["latest", "new", "top", "categories"]
    used = Counter(
        tag
        for topic in state.topics.values()
        if state.may_list(topic, view.reader)
        for tag in topic.tags
    )
    found: Json = {
        "default_archetype": "regular",
        "notification_types": aged(view, dict(NOTIFICATION_TYPES), _LATER_NOTICES),
        "post_types": {
            "regular": 1,
            "moderator_action": 2,
            "small_action": 3,
            "whisper": 4,
        },
        "trust_levels": {
            "newuser": 0,
            "basic": 1,
            "member": 2,
            "regular": 3,
            "leader": 4,
        },
        "groups": [
            _flat_group(view, number, name)
            for number, name in enumerate(groups, start=1)
        ],
        "filters": ["latest", "unread", "new", "unseen", "top", "read", "posted"],
        "homepage_choices": menu,
        "periods": ["all", "yearly", "quarterly", "monthly", "weekly", "daily"],
        "top_menu_items": menu,
        "anonymous_top_menu_items": menu,
        "uncategorized_category_id": uncategorized,
        "user_field_max_length": 2048,
        "post_action_types": _action_types(view),
        "topic_flag_types": [a for a in _action_types(view) if a["is_flag"]],
        "can_create_tag": view.staff,
        "can_tag_topics": view.reader is not None,
        "can_tag_pms": False,
        "tags_filter_regexp": r"""[\/\?#\[\]@!\$&'\(\)\*\+,;=\.%\\`^\s|\{\}"<>]+""",
        "top_tags": tags_json(view, [tag for tag, _count in used.most_common(10)]),
        "email_configured": True,
        "topic_featured_link_allowed_category_ids": [],
        "user_themes": [],
        "user_color_schemes": [],
        "default_light_color_scheme": None,
        "default_dark_color_scheme": None,
        "censored_regexp": [],
        "custom_emoji_translation": {},
        "watched_words_replace": None,
        "watched_words_link": None,
        "categories": [flat_category(view, category) for category in readable],
        "archetypes": [
            {"id": "regular", "name": "Regular Topic", "options": []},
            {"id": "private_message", "name": "Message", "options": []},
        ],
        "user_fields": [
            _user_field(number, name)
            for number, name in enumerate(view.settings.user_fields, start=1)
        ],
        "auth_providers": [],
        "full_name_required_for_signup": False,
        "full_name_visible_in_signup": True,
    }
    if view.settings.lazy_categories:
        del found["categories"]
    return aged(view, found, _LATER_SITE)


def _user_field(number: int, name: str) -> Json:
    return {
        "id": number,
        "name": name,
        "description": name,
        "field_type": "text",
        "editable": True,
        "required": False,
        "requirement": "optional",
        "show_on_profile": True,
        "show_on_user_card": False,
        "show_on_signup": True,
        "searchable": False,
        "position": number,
        "options": None,
    }


def _flat_group(view: View, number: int, name: str) -> Json:
    found: Json = {
        "id": number,
        "name": name,
        "flair_url": None,
        "flair_bg_color": None,
        "flair_color": None,
        "automatic": name.startswith(("trust_level", "staff", "admins", "moderators")),
    }
    return aged(view, found, "automatic")


def flat_category(view: View, category: Category) -> Json:
    """A category as it stands by itself and in ``/site.json``."""
    found = category_json(view, category) | {
        "allow_global_tags": True,
        "required_tag_groups": [],
        "read_only_banner": None,
        "custom_fields": {},
    }
    if category.parent_id is not None:
        found["parent_category_id"] = category.parent_id
    if not view.settings.modern:
        found |= {"allowed_tags": [], "allowed_tag_groups": []}
    return found


def _action_types(view: View) -> list[Json]:
    return [
        aged(view, _action_type(number, name), _LATER_ACTION)
        | ({} if view.settings.modern else {"is_custom_flag": False})
        for number, name in ACTION_TYPES.items()
    ]


def _action_type(number: int, name: str) -> Json:
    return {
        "id": number,
        "name_key": name,
        "name": name.replace("_", " ").title(),
        "description": "",
        "short_description": "",
        "is_flag": number != 2,
        "require_message": name.startswith("notify"),
        "enabled": True,
        "applies_to": ["Post", "Topic"],
        "is_used": True,
        "position": number,
        "auto_action_type": False,
    }


def basic_info_json(view: View) -> Json:
    logo = "/images/discourse-logo-sketch.png"
    return {
        "logo_url": logo,
        "logo_small_url": logo,
        "apple_touch_icon_url": logo,
        "favicon_url": logo,
        "mobile_logo_url": logo,
        "title": view.state.title,
        "description": "A community to try things on",
        "header_primary_color": "333333",
        "header_background_color": "ffffff",
        "login_required": view.settings.login_required,
        "locale": view.settings.locale,
        "include_in_discourse_discover": False,
    }


def tags_index_json(view: View) -> Json:
    """``/tags.json``; ids were names before tags became objects."""
    state = view.state
    used = Counter(
        tag
        for topic in state.topics.values()
        if state.may_list(topic, view.reader)
        for tag in topic.tags
    )
    return {
        "tags": [
            {
                "id": number if view.settings.modern else tag,
                "text": tag,
                "name": tag,
                "slug": tag,
                "description": None,
                "count": used[tag],
                "pm_count": 0,
                "target_tag": None,
            }
            for tag, number in state.tags.items()
        ],
        "extras": {"categories": []},
    }
