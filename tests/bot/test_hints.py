"""What a webhook's delivery says, and that none can say more than a number."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.hints import FORM, JSON, DeliveryError, Hint, is_signed, read_delivery, site
from tests.conftest import shared_path

SECRET = "a secret of some length"
EARLY, LATE = "2026-05-01T10:00:00Z", "2026-05-02T10:00:00.5Z"


def hints(payload: object, event: str = "some_event") -> tuple[Hint, ...]:
    body = json.dumps(payload).encode()
    return read_delivery(body, content_type=JSON, event=event).hints


def error(body: bytes, content_type: str = JSON) -> str:
    with pytest.raises(DeliveryError) as refused:
        read_delivery(body, content_type=content_type, event="post_created")
    return str(refused.value)


# -- signatures ------------------------------------------------------------


def test_a_signature_covers_the_raw_bytes() -> None:
    body = '{"post": {"raw": "Où ?"}}'.encode()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()

    signed = is_signed(body, f"sha256={digest}", secret=SECRET)
    written_anew = json.dumps(json.loads(body)).encode()

    assert signed
    assert not is_signed(written_anew, f"sha256={digest}", secret=SECRET)
    assert not is_signed(body, f"sha256={digest}", secret=f"{SECRET}!")
    assert not is_signed(body, digest, secret=SECRET)
    assert not is_signed(body, "sha256=é", secret=SECRET)


def test_a_secret_of_any_bytes_signs() -> None:
    """The environment hands over what is no UTF-8 as lone surrogates."""
    digest = hmac.new(b"caf\xe9 of some length", b"{}", hashlib.sha256).hexdigest()

    assert is_signed(b"{}", f"sha256={digest}", secret="caf\udce9 of some length")


# -- what is said ----------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ({"post": {"id": 9, "topic_id": 7, "post_type": 1}}, Hint("7", "some_event")),
        ({"post": {"topic_id": 7, "post_type": 3}}, Hint("7", "some_event")),
        ({"solved": {"id": 9, "topic_id": 7}}, Hint("7", "some_event")),
        ({"topic": {"id": 7, "archetype": "regular"}}, Hint("7", "some_event")),
        # Maybe a topic that became one.
        (
            {"topic": {"id": 7, "archetype": "private_message"}},
            Hint("7", "some_event", only_stored=True),
        ),
        (
            {"post": {"topic_id": 7, "topic_archetype": "private_message"}},
            Hint("7", "some_event", only_stored=True),
        ),
        # A flag may have hidden a post.
        (
            {"reviewable": {"id": 3, "topic_id": 7}},
            Hint("7", "some_event", only_stored=True),
        ),
        ({"category": {"id": 4}}, Hint("categories", "some_event")),
    ],
)
def test_what_may_have_changed_is_named(payload: dict[str, Any], found: Hint) -> None:
    assert hints(payload) == (found,)


@pytest.mark.parametrize(
    "payload",
    [
        {"ping": "OK"},
        {"like": {"post": {"topic_id": 7}, "user": {"id": 1}}},
        {"user": {"id": 5, "username": "amina"}},
        {"notification": {"topic_id": 7}},
        {"group": {"id": 5}},
        {"reviewable": {"id": 3, "topic_id": None}},
        {"post": {"topic_id": 7, "post_type": 4}},
        {"post": None},
        {},
    ],
)
def test_what_changes_nothing_that_is_stored_says_nothing(
    payload: dict[str, Any],
) -> None:
    assert hints(payload) == ()


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("post_edited", "post_edited"),
        ("topic_pinned_globally_status_updated",) * 2,
        # Headers are not signed: anything may stand there.
        ("", "post_event"),
        ("Secret text", "post_event"),
        ("post_edited\n", "post_event"),
        ("x" * 65, "post_event"),
    ],
)
def test_a_reason_is_the_name_of_an_event_or_of_its_kind(
    event: str, reason: str
) -> None:
    assert hints({"post": {"topic_id": 7}}, event) == (Hint("7", reason),)


@pytest.mark.parametrize("payload", [{"post": {"topic_id": 7}}, {"topic": {"id": 7}}])
def test_with_the_setting_for_forms_plain_json_comes_and_forms_are_read_too(
    payload: dict[str, Any],
) -> None:
    text = json.dumps(payload)

    plain = read_delivery(text.encode(), content_type=FORM, event="e")
    form = read_delivery(
        urlencode({"payload": text}).encode(), content_type=FORM, event="e"
    )

    assert plain.hints == form.hints == (Hint("7", "e"),)


def test_a_real_delivery_is_read() -> None:
    path = "discourse/data/webhooks/post_created_payload_example_2025.json"
    body = shared_path(path).read_bytes()

    found = read_delivery(body, content_type=JSON, event="post_created")

    assert found.hints == (Hint("10", "post_created"),)
    assert found.told_at is not None


@pytest.mark.parametrize(
    ("payload", "told_at"),
    [
        ({"post": {"created_at": EARLY, "updated_at": LATE}}, LATE),
        ({"post": {"created_at": EARLY, "deleted_at": LATE}}, LATE),
        ({"post": {"created_at": EARLY, "updated_at": "long ago"}}, EARLY),
        ({"post": {"created_at": "2026-05-01T10:00:00", "updated_at": 7}}, None),
        # When it became one is not told.
        ({"post": {"created_at": EARLY, "accepted_answer": True}}, None),
        ({"solved": {"created_at": EARLY}}, None),
        ({"topic": {"id": 7, "created_at": EARLY}}, None),
    ],
)
def test_only_what_tells_when_something_happened_can_be_too_old(
    payload: dict[str, Any], told_at: str | None
) -> None:
    for content in payload.values():
        content.setdefault("topic_id", 7)
    body = json.dumps(payload).encode()

    found = {
        event: read_delivery(body, content_type=JSON, event=event).told_at
        for event in ("post_created", "post_edited", "post_recovered")
    }

    moment = told_at and datetime.fromisoformat(told_at)
    assert found == {
        "post_created": moment,
        "post_edited": moment,
        # Its own times are those of before.
        "post_recovered": None,
    }


@pytest.mark.parametrize(
    ("payload", "mail"),
    [
        ({"post": {"topic_id": 7, "topic_archetype": "private_message"}}, True),
        ({"topic": {"id": 7, "archetype": "private_message"}}, True),
        ({"post": {"topic_id": 7, "topic_archetype": "regular"}}, False),
        ({"ping": "OK"}, False),
    ],
)
def test_that_there_is_mail_is_told_and_nothing_of_it(
    payload: dict[str, Any], mail: bool
) -> None:
    body = json.dumps(payload).encode()

    assert read_delivery(body, content_type=JSON, event="e").mail == mail


def test_a_delivery_is_told_from_others_by_its_id_and_all_of_its_body() -> None:
    bodies = (b'{"ping": "OK"}', b'{"ping":"OK"}')

    marks = {
        read_delivery(body, content_type=JSON, event=event, event_id=event_id).mark
        for body in bodies
        for event in ("ping", "pong")
        for event_id in ("", "1", "2")
    }

    assert len(marks) == len(bodies) * 3


# -- what cannot be read ---------------------------------------------------


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("7", "str"),
        (True, "bool"),
        (7.0, "float"),
        (0, "int"),
        (-7, "int"),
        (2**63, "int"),
        (None, "nothing"),
        ([7], "list"),
    ],
)
def test_a_bad_field_is_named_and_not_shown(field: object, found: str) -> None:
    body = json.dumps({"post": {"topic_id": field}}).encode()

    assert error(body) == f"topic_id: expected the number of a topic, got {found}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe\xfd",
        b'{"secret": nonsense}',
        b"[" * 100_000,
        b'{"post": ' + b"9" * 5_000 + b"}",
    ],
)
def test_what_is_no_json_is_refused_without_quoting_it(body: bytes) -> None:
    assert error(body) == "expected JSON"


def test_a_refusal_holds_no_text_in_its_traceback_either() -> None:
    with pytest.raises(DeliveryError) as refused:
        read_delivery(b'{"secret text', content_type=JSON, event="e")

    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("body", [b"[]", b"7", b'"text"', b"null"])
def test_json_that_is_no_object_is_refused(body: bytes) -> None:
    assert error(body) == "expected a JSON object"


@pytest.mark.parametrize(
    "body",
    [b"", b"other=1", b"payload=%7B%7D&payload=%7B%7D", b"payload=1&" + b"a=1&" * 100],
)
def test_a_form_without_its_one_field_is_refused(body: bytes) -> None:
    problem = "expected JSON, or a form with one field payload"
    assert error(body, FORM) == problem


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "topic_id", "post_type", "archetype", "x"]), inner
        )
    ),
    max_leaves=8,
)
_KINDS = st.sampled_from(
    ["post", "topic", "solved", "reviewable", "category", "like", "user", "ping"]
)


@given(payload=_JSON | st.dictionaries(_KINDS, _JSON, max_size=3), event=st.text())
def test_whatever_comes_is_a_number_a_known_word_or_an_error(
    payload: object, event: str
) -> None:
    try:
        found = hints(payload, event)
    except DeliveryError:
        return
    for hint in found:
        assert hint.key == "categories" or hint.key.isdecimal()
        assert hint.reason == event or hint.reason.endswith("_event")


# -- sites -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("https://forum.example/", True),
        ("http://forum.example:80", True),
        ("https://FORUM.example:443", True),
        ("https://forum.example/sub", False),
        ("https://forum.example.org", False),
        ("https://forum.example:444", False),
        ("https://user@forum.example", True),
        ("forum.example", False),
        ("https://forum.example:port", False),
        ("", False),
    ],
)
def test_a_site_is_known_by_host_port_and_folder(address: str, same: bool) -> None:
    assert (site(address) == site("https://forum.example")) is same
