"""A member's page → JSON: what all may know, and what only the member and staff do."""

from __future__ import annotations

from bot.sandbox.records import Post, PostType, User
from bot.sandbox.serialise import Json, View, aged, avatar, stamp, user_json

# Few set up a profile here, so all of these stay as the forum makes them.
_UNSET = (
    "title primary_group_id flair_group_id flair_name flair_url"
    " flair_bg_color flair_color featured_topic uploaded_avatar_id invited_by"
)
_NEVER = (
    "ignored muted can_ignore_user can_mute_user staged can_edit_username"
    " can_edit_email has_title_badges can_upload_profile_header"
    " can_upload_user_card_background"
)
_PRIVATE_LISTS = (
    "muted_category_ids regular_category_ids watched_tags watching_first_post_tags"
    " tracked_tags muted_tags tracked_category_ids watched_category_ids"
    " watched_first_post_category_ids muted_usernames ignored_usernames"
    " allowed_pm_usernames user_auth_tokens"
)
_SWITCHES_OFF = (
    "mailing_list_mode external_links_in_new_tab include_tl0_in_digests"
    " enable_allowed_pm_users hide_profile_and_presence hide_profile hide_presence"
    " skip_new_user_tips show_original_content enable_smart_lists"
    " enable_markdown_monospace_font enable_upcoming_change_available_notifications"
)
_SWITCHES_ON = (
    "email_digests dynamic_favicon enable_quoting automatically_unpin_topics"
    " email_in_reply_to notify_on_linked_posts allow_private_messages"
    " topics_unread_when_closed automatically_translate"
)
_OPTIONS: Json = {
    "mailing_list_mode_frequency": 1,
    "email_level": 1,
    "email_messages_level": 0,
    "color_scheme_id": None,
    "dark_scheme_id": None,
    "digest_after_minutes": 10080,
    "auto_track_topics_after_msecs": 240000,
    "notification_level_when_replying": 2,
    "new_topic_duration_minutes": 2880,
    "email_previous_replies": 2,
    "like_notification_frequency": 1,
    "push_notification_level": "always",
    "theme_ids": [],
    "theme_key_seq": 0,
    "homepage_id": None,
    "text_size": "normal",
    "text_size_seq": 0,
    "title_count_mode": "notifications",
    "timezone": None,
    "interface_color_mode": 1,
    "understood_languages": [],
    "send_shortcut": "meta_enter",
}
_LATER_OPTIONS = (
    "hide_profile interface_color_mode automatically_translate hide_presence"
    " enable_upcoming_change_available_notifications enable_markdown_monospace_font"
    " enable_smart_lists notify_on_linked_posts send_shortcut push_notification_level"
    " show_original_content understood_languages topics_unread_when_closed"
)


def profile_json(view: View, user: User) -> Json:
    """``/u/{username}.json``."""
    own = view.reader is not None and (view.reader is user or view.reader.staff)
    if user.hides_profile and not own:
        return {"user": _hidden(view, user)}
    groups = sorted(user.all_groups)
    written = _written(view, user)
    found: Json = {
        **user_json(view, user),
        **dict.fromkeys(_UNSET.split()),
        "primary_group_name": user.primary_group,
        **dict.fromkeys(_NEVER.split(), False),
        "last_posted_at": stamp(max((p.created_at for p in written), default=None)),
        "last_seen_at": stamp(user.created_at),
        "created_at": stamp(user.created_at),
        "can_send_private_messages": view.reader is not None,
        "can_send_private_message_to_user": view.reader is not None,
        "trust_level": user.trust_level,
        "moderator": user.moderator,
        "admin": user.admin,
        "badge_count": 0,
        "user_fields": {
            str(number): user.fields.get(number)
            for number, _name in enumerate(view.settings.user_fields, start=1)
        },
        "custom_fields": {},
        "time_read": 0,
        "recent_time_read": 0,
        "can_edit": own,
        "can_edit_name": own,
        "pending_count": 0,
        "profile_view_count": 0,
        "second_factor_enabled": False,
        "post_count": len(written),
        "topic_count": sum(post.number == 1 for post in written),
        "can_be_deleted": False,
        "can_delete_all_posts": False,
        "featured_user_badge_ids": [],
        "groups": [
            _group_json(number, name, automatic=name not in user.groups)
            for number, name in enumerate(groups, start=1)
        ],
    }
    if user.location:
        found["location"] = user.location
    if own:
        found |= _private(view, user)
    aged(view, found, "topic_count")
    return {"user_badges": [], "user": found}


def _hidden(view: View, user: User) -> Json:
    """Source: ``HiddenProfileSerializer``."""
    return {
        **user_json(view, user),
        "profile_hidden": True,
        "title": None,
        "primary_group_name": user.primary_group,
        "can_send_private_message_to_user": view.reader is not None,
    }


def _written(view: View, user: User) -> list[Post]:
    """The posts of a member that anybody may read."""
    state = view.state
    return [
        post
        for post in state.posts.values()
        if post.user_id == user.id
        and post.deleted_at is None
        and post.type is PostType.REGULAR
        and state.may_list(state.topics[post.topic_id], None)
    ]


def _private(view: View, user: User) -> Json:
    times = {
        f"day_{day}_{which}_time": minutes
        for day in range(7)
        for which, minutes in (("start", 480), ("end", 1020))
    }
    options = {
        "user_id": user.id,
        **_OPTIONS,
        **dict.fromkeys(_SWITCHES_OFF.split(), False),
        **dict.fromkeys(_SWITCHES_ON.split(), True),
        "hide_profile_and_presence": user.hides_profile,
        "hide_profile": user.hides_profile,
    }
    if not view.settings.modern:
        options["enable_defer"] = False
    return {
        **{name: [] for name in _PRIVATE_LISTS.split()},
        "locale": None,
        "system_avatar_upload_id": None,
        "system_avatar_template": avatar(user),
        "mailing_list_posts_per_day": 0,
        "can_change_bio": True,
        "can_change_location": True,
        "can_change_website": True,
        "can_change_tracking_preferences": True,
        "user_api_keys": None,
        "user_notification_schedule": {"enabled": False, **times},
        "use_logo_small_as_avatar": False,
        "group_users": [
            {"group_id": number, "user_id": user.id, "notification_level": 3}
            for number, _name in enumerate(sorted(user.all_groups), start=1)
        ],
        "user_option": aged(view, options, _LATER_OPTIONS),
    }


def _group_json(number: int, name: str, *, automatic: bool) -> Json:
    return {
        "id": number,
        "automatic": automatic,
        "name": name,
        "display_name": name,
        "user_count": 0,
        "mentionable_level": 0,
        "messageable_level": 0,
        "visibility_level": 0,
        "primary_group": False,
        "title": None,
        "grant_trust_level": None,
        "incoming_email": None,
        "has_messages": False,
        "flair_url": None,
        "flair_bg_color": None,
        "flair_color": None,
        "bio_raw": None,
        "bio_cooked": None,
        "bio_excerpt": None,
        "public_admission": False,
        "public_exit": False,
        "allow_membership_requests": False,
        "full_name": None,
        "default_notification_level": 3,
        "membership_request_template": None,
        "members_visibility_level": 0,
        "can_see_members": True,
        "can_admin_group": False,
        "publish_read_state": False,
    }
