"""Conditional requests: asked again only if changed, and never for somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from indexer.answers import Answer
from indexer.channel import Channel
from indexer.http import Transport
from indexer.validators import Validators
from kb.errors import ForumProtocolError, ForumRejectedError
from tests.indexer.loopback import Loopback, Reply, as_json

UNCHANGED = Reply(304, b"")


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture
def memory() -> Validators:
    return Validators()


def reading(url: str, memory: Validators, **options: Any) -> Transport:
    return Transport(url, validators=memory, requests_per_second=None, **options)


def tagged(data: Any, tag: str = '"one"', **headers: str) -> Reply:
    return as_json(data, 200, ETag=tag, **headers)


def asked(server: Loopback, name: str = "if-none-match") -> list[str | None]:
    return [sent.get(name) for sent in server.seen]


def kept(body: bytes, tag: str = '"one"') -> Answer:
    return Answer(200, "https://a.org/x", {"etag": tag}, body)


def test_what_has_not_changed_is_not_sent_again(
    server: Loopback, memory: Validators
) -> None:
    """Across clients: each refresh makes a new one."""
    server.on("/x", tagged("old"), UNCHANGED, tagged("new", '"two"'), UNCHANGED)
    got = []
    for _ in range(2):
        with reading(server.url, memory) as transport:
            got += [transport.get_json("/x"), transport.get_json("/x")]
    assert got == ["old", "old", "new", "new"]
    assert asked(server) == [None, '"one"', '"one"', '"two"']


def test_a_date_does_as_well_and_both_are_given_back(
    server: Loopback, memory: Validators
) -> None:
    date = "Mon, 23 Nov 2026 12:00:00 GMT"
    server.on("/a", as_json(1, Last_Modified=date), UNCHANGED)
    server.on("/b", tagged(2, Last_Modified=date), UNCHANGED)
    with reading(server.url, memory) as transport:
        for path in ("/a", "/b"):
            assert transport.get_json(path) == transport.get_json(path)
    assert asked(server) == [None, None, None, '"one"']
    assert asked(server, "if-modified-since") == [None, date, None, date]


@pytest.mark.parametrize(
    "others",
    [
        {"Api-Key": "theirs", "Api-Username": "amina"},
        {"Api-Key": "ours", "Api-Username": "ben"},
        {"User-Api-Key": "ours"},
        {"Cookie": "_t=theirs"},
        {"Accept-Language": "fr"},
        {},
    ],
)
def test_who_sends_another_key_or_cookie_gets_nothing_of_ours(
    server: Loopback, memory: Validators, others: dict[str, str]
) -> None:
    server.on("/x", tagged("for us"), tagged("for them"))
    ours = {"Api-Key": "ours", "Api-Username": "amina"}
    with reading(server.url, memory, headers=ours) as transport:
        transport.get_json("/x")
    with reading(server.url, memory, headers=others) as transport:
        assert transport.get_json("/x") == "for them"
    with reading(server.url, memory) as transport:
        transport.get_json("/x", headers={"Cookie": "a=b"})
    assert asked(server) == [None, None, None]


def test_another_query_is_another_question(
    server: Loopback, memory: Validators
) -> None:
    server.on("/x", tagged(1))
    with reading(server.url, memory) as transport:
        transport.get_json("/x", {"page": 1})
        transport.get_json("/x", {"page": 2})
    assert asked(server) == [None, None]


@pytest.mark.parametrize(
    "reply", [as_json(1), as_json(1, ETag='"a"', Cache_Control="private, No-Store")]
)
def test_what_cannot_or_must_not_be_kept_is_not(
    server: Loopback, memory: Validators, reply: Reply
) -> None:
    server.on("/x", reply)
    with reading(server.url, memory) as transport:
        transport.get_json("/x")
        transport.get_json("/x")
    assert asked(server) == [None, None]


def test_what_was_deleted_is_forgotten(server: Loopback, memory: Validators) -> None:
    gone = as_json({"errors": ["Gone."], "error_type": "not_found"}, 404)
    server.on("/x", tagged("secret"), gone, tagged("again"))
    with reading(server.url, memory) as transport:
        transport.get_json("/x")
        with pytest.raises(ForumRejectedError):
            transport.get_json("/x")
        assert transport.get_json("/x") == "again"
    assert asked(server) == [None, '"one"', None]


def test_a_broken_answer_with_a_tag_is_not_kept_for_good(
    server: Loopback, memory: Validators
) -> None:
    """Asked about, it would be unchanged for ever."""
    cut = Reply(200, b'{"a": ', {"ETag": '"one"'})
    server.on("/x", cut, tagged({"a": 1}), UNCHANGED)
    with reading(server.url, memory) as transport:
        assert transport.get_json("/x") == {"a": 1}
        assert transport.get_json("/x") == {"a": 1}
    assert asked(server) == [None, None, '"one"']


def test_unchanged_though_nothing_was_there_is_a_protocol_error(
    server: Loopback, memory: Validators
) -> None:
    server.on("/x", UNCHANGED)
    for options in ({"validators": memory}, {}):
        with (
            Channel(server.url, **options) as channel,  # type: ignore[arg-type]
            pytest.raises(ForumProtocolError, match="which we do not have still holds"),
        ):
            channel.request("GET", "/x")


def test_a_write_is_never_answered_from_memory(
    server: Loopback, memory: Validators
) -> None:
    server.on("/x", tagged(1))
    with Channel(server.url, validators=memory, requests_per_second=None) as channel:
        channel.request("GET", "/x")
        channel.request("POST", "/x", body={})
        channel.request("POST", "/x", body={})
    assert asked(server) == [None, None, None]


def test_the_longest_unused_answers_go_first() -> None:
    memory = Validators(max_answers=2, max_bytes=100)
    memory.keep("a", kept(b"x"))
    memory.keep("b", kept(b"x"))
    assert memory.known("a")
    memory.keep("c", kept(b"x"))
    assert [name for name in "abc" if memory.known(name)] == ["a", "c"]


def test_the_bytes_of_all_answers_are_bounded() -> None:
    memory = Validators(max_answers=9, max_bytes=100)
    memory.keep("a", kept(b"x" * 50))
    memory.keep("b", kept(b"x" * 50))
    memory.keep("a", kept(b"x" * 40))
    assert [name for name in "ba" if memory.known(name)] == ["b", "a"]
    memory.keep("c", kept(b"x" * 60))
    assert [name for name in "abc" if memory.known(name)] == ["a", "c"]
    memory.keep("d", kept(b"x" * 101))
    assert [name for name in "abcd" if memory.known(name)] == ["a", "c"]


def test_nothing_that_is_shown_holds_a_key(
    server: Loopback, memory: Validators
) -> None:
    server.on("/x", tagged("body"))
    with reading(server.url, memory, headers={"User-Api-Key": "s3cret"}) as transport:
        transport.get_json("/x")
    assert "s3cret" not in repr(memory) + repr(vars(memory))
