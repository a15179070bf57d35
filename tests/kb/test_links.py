"""Addresses of one thing have one key, and what must not be kept is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.links import LinkRules, Place, forum_of, normalize

FORUM = "https://forum.example"
FOLDER = "http://www.example.org/talk"
RULES = LinkRules(
    sites=("https://docs.example",),
    forums=(FORUM, FOLDER),
    hosts=(("old.example", "forum.example"),),
    fold=((r"(?<=/)v\d+(?=/)", "latest"),),
    drop_parameters=("Session",),
)


@pytest.mark.parametrize(
    ("url", "anchor"),
    [
        ("https://forum.example/t/812", ""),
        ("https://forum.example/t/812/", ""),
        ("https://forum.example/t/backup/812", ""),
        ("https://forum.example/t/-/812?page=2", ""),
        ("https://forum.example/t/backup/812.json?page=3&u=ann", ""),
        ("https://forum.example/t/backup/812/print", ""),
        ("https://forum.example/t/backup/812/last", ""),
        ("https://forum.example/t/812/7", "/7"),
        ("https://forum.example/t/backup/812/7?u=ann", "/7"),
        ("https://forum.example/t/backup/0812/7.json", "/7"),
        ("https://forum.example/t/backup/812#post_7", "/7"),
        ("https://forum.example//t/backup/812/7#reply", "/7"),
        ("HTTP://WWW.Forum.Example:80/t/backup/812/7", "/7"),
        ("http://old.example/t/backup/812/7", "/7"),
        ("https://forum.example/t/404-not-found/812/7", "/7"),
        ("https://forum.example/t/caf%C3%A9/812/7", "/7"),
    ],
)
def test_every_address_of_a_topic_is_its_documents(url: str, anchor: str) -> None:
    assert RULES.place(url) == Place(
        "https://forum.example/t/812", anchor, "forum.example/t/812"
    )


def test_an_id_of_another_system_is_no_topics_number() -> None:
    place = RULES.place("https://forum.example/t/external_id/812")

    assert place is not None
    assert place.url == "https://forum.example/t/external_id/812"


def test_a_forum_may_be_a_folder_of_its_host() -> None:
    inside = RULES.place("https://example.org/talk/t/backup/812/3")
    outside = RULES.place("http://example.org/t/backup/812/3")

    assert inside == Place(
        "http://www.example.org/talk/t/812", "/3", "example.org/talk/t/812"
    )
    assert outside is not None
    assert outside.url == "http://example.org/t/backup/812/3"


def test_a_posts_short_address_names_the_post() -> None:
    place = Place("https://forum.example/p/41", "", "forum.example/p/41", 41)

    assert RULES.place("https://forum.example/p/41/ann?u=ben") == place
    assert RULES.place("https://forum.example/posts/41.json") == place


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("/c/support/android/7/l/latest.json", "/c/7"),
        ("/c/support/7?page=2", "/c/7"),
        ("/c/7.rss", "/c/7"),
        ("/c/support", "/c/support"),
        ("/tag/gps/l/top", "/tag/gps"),
        ("/uploads/default/original/1X/form.xlsx", None),
        ("/search?q=backup", None),
        ("/t/only-a-slug", None),
    ],
)
def test_other_pages_of_a_forum_are_kept(url: str, key: str | None) -> None:
    place = RULES.place(FORUM + url)

    assert place is not None
    assert place.key == "forum.example" + (url if key is None else key)


@pytest.mark.parametrize(
    "url",
    [
        "https://forum.example/u/ann/summary",
        "https://forum.example/users/ann",
        "https://forum.example/g/staff",
        "https://forum.example/my/messages",
        "https://forum.example/invites/1f2e",
        "https://forum.example/session/email-login/1f2e",
        "http://old.example/u/ann",
        "mailto:ann@example.org",
        "javascript:alert(1)",
        "/t/812",
        "https://",
        "https://[::1/",
        "https://host:port/",
        "https://example.org/" + "a" * 3000,
        "",
    ],
)
def test_members_letters_tokens_and_what_is_no_page_are_not_kept(url: str) -> None:
    assert RULES.place(url) is None


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://ann:secret@example.org/a", "https://example.org/a"),
        ("https://e.org/?utm_source=x&b=2&FBCLID=y&a=1", "https://e.org/?a=1&b=2"),
        ("https://e.org/?api_key=1&access_token=2", "https://e.org/"),
        ("https://e.org/?password=1&Token=2&apikey=3&a=4", "https://e.org/?a=4"),
        ("https://e.org/a?X-Amz-Signature=1", "https://e.org/a"),
        ("https://e.org/a#state=1&access_token=2", "https://e.org/a"),
        ("https://e.org/a#password=reset", "https://e.org/a"),
        ("https://e.org/a#password", "https://e.org/a#password"),
        ("https://f.example/t/a/12/3?u=ann", "https://f.example/t/a/12/3"),
        ("https://e.org/find?u=ann", "https://e.org/find?u=ann"),
        ("https://e.org/a#:~:text=hello", "https://e.org/a"),
        ("https://e.org/a#b:~:text=hello", "https://e.org/a#b"),
        ("https://E.org:443/%7eann/./x/../y", "https://e.org/~ann/y"),
        (" https://e.org/a\n b\t", "https://e.org/a%20b"),
    ],
)
def test_what_was_found_is_kept_without_secrets(url: str, kept: str) -> None:
    assert normalize(url) == kept


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://docs.example/v40/backup", "https://www.docs.example/v41/backup/"),
        ("https://docs.example/v41/", "https://docs.example/latest/index.html"),
        ("https://other.example/a?b=1&a=2", "http://other.example/a?a=2&b=1#c"),
        ("https://other.example/a?SESSION=1", "https://other.example/a"),
    ],
)
def test_versions_and_spellings_of_a_page_have_one_key(one: str, other: str) -> None:
    assert RULES.key(one) == RULES.key(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://docs.example/v41/backup", "https://docs.example/v41/restore"),
        ("https://docs.example/v41/backup", "https://other.example/v41/backup"),
        ("https://other.example/a?page=1", "https://other.example/a?page=2"),
        # An application that keeps its pages behind the #.
        ("https://other.example/app#/maps", "https://other.example/app#/users"),
        ("https://forum.example/t/812", "https://forum.example/t/813"),
        ("https://forum.example/t/812/7", "https://forum.example/p/812"),
    ],
)
def test_different_pages_have_different_keys(one: str, other: str) -> None:
    assert RULES.key(one) != RULES.key(other)


def test_the_site_of_a_source_gives_its_spelling_and_sections_are_anchors() -> None:
    place = RULES.place("http://www.docs.example/v41/backup/#nightly")

    assert place == Place(
        "https://docs.example/v41/backup/", "#nightly", "docs.example/latest/backup"
    )


def test_the_forum_that_a_post_stands_on_need_not_be_configured() -> None:
    home = forum_of("http://127.0.0.1:3000/talk/t/9")

    assert home == "http://127.0.0.1:3000/talk"
    place = LinkRules().place("http://127.0.0.1:3000/talk/t/x/8/2", home=home)
    assert place is not None
    assert (place.url, place.anchor) == ("http://127.0.0.1:3000/talk/t/8", "/2")


def test_rules_survive_the_store_and_tell_themselves_apart() -> None:
    assert LinkRules.from_json(RULES.to_json()) == RULES
    assert LinkRules().to_json() != RULES.to_json()


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"fold": (("(", ""),)}, "unterminated"),
        ({"fold": (("a", r"\1"),)}, "invalid group"),
        ({"hosts": (("a.org", "b.org"), ("www.b.org", "c.org"))}, "both an old host"),
    ],
)
def test_rules_that_cannot_hold_are_refused(
    rules: dict[str, tuple[tuple[str, str], ...]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        LinkRules(**rules)  # type: ignore[arg-type]


# -- laws ------------------------------------------------------------------

_PIECES = st.sampled_from(
    (
        *("http://", "https://", "www.", "example.org", "forum.example", "old.example"),
        *("talk", "/", "//", "/t/", "/p/", "/c/", "/tag/", "/u/", "12", "0", "-1"),
        *(".json", ".rss", "l/", "?u=ann", "&page=2", "#post_5", "#!x", "#/a", "%2F"),
        *("%252f", "%", "é", "ß", "ꙮ", "\u202e", "\ud800", ":80", ":443", ":x"),
        *("[::1]", "[", "]", "@", "?", "#", "&", "=", "utm_x=1", ".", "..", "+", ";"),
        *("\\", "xn--a", "index.html", "v41/", " ", "\n"),
    )
)
_URLS = st.one_of(
    st.text(max_size=60),
    st.text(max_size=60).map(lambda text: "https://" + text),
    st.builds(
        lambda start, pieces: start + "".join(pieces),
        st.sampled_from(["", "https://", FORUM, FOLDER, "http://old.example/t/"]),
        st.lists(_PIECES, max_size=12),
    ),
)


@given(_URLS)
def test_a_second_time_changes_nothing(url: str) -> None:
    """Any input gives an address or nothing; what it gives is settled."""
    normal = normalize(url)
    assert normal is None or normalize(normal) == normal

    place = RULES.place(url)
    if place is not None:
        again = RULES.place(place.url)
        assert again is not None
        assert (again.url, again.key, again.post_id) == (
            place.url,
            place.key,
            place.post_id,
        )
        assert place.url.startswith(("https://", "http://"))
        assert "@" not in place.url.split("/")[2]


@given(_URLS)
def test_an_anchor_leads_back_to_its_place(url: str) -> None:
    place = RULES.place(url)
    if place is not None and len(place.url + place.anchor) < 1000:
        assert RULES.place(place.url + place.anchor) == place
