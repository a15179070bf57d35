"""One request as handlers see it: who asks, with which parameters."""

from __future__ import annotations

import email.parser
import email.policy
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

from bot.sandbox.answers import (
    BAD_KEY,
    Answer,
    Refusal,
    bad_parameter,
    errors,
    forbidden,
    missing_parameter,
    not_found,
)
from bot.sandbox.records import User
from bot.sandbox.serialise import View
from bot.sandbox.state import State

KeyKind = Literal["all_users", "single_user", "user_api"]


@dataclass(frozen=True, slots=True)
class Key:
    """An API key; *username* is its owner, ``None`` for the key of all users."""

    kind: KeyKind
    username: str | None


class Keys:
    """The API keys of the forum."""

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}

    def issue(self, kind: KeyKind, username: str | None) -> str:
        """The key of this kind for this user, the same each time it is asked for."""
        wanted = Key(kind, username)
        for text, key in self._keys.items():
            if key == wanted:
                return text
        text = secrets.token_hex(32)
        self._keys[text] = wanted
        return text

    def revoke(self, text: str) -> None:
        del self._keys[text]

    def reader(
        self, state: State, headers: Mapping[str, str]
    ) -> tuple[User | None, Key | None]:
        """Who asks; headers by lower-case name.

        Raises:
            Refusal: The key is unknown, or does not speak for the named user.
        """
        sent, user_key = headers.get("api-key"), headers.get("user-api-key")
        if sent is None and user_key is None:
            return None, None
        key = self._keys.get(sent or user_key or "")
        if key is None or (key.kind == "user_api") != (sent is None):
            raise Refusal(forbidden(BAD_KEY))
        named = headers.get("api-username")
        if key.username is None:
            username = named
        else:
            if named is not None and named.lower() != key.username.lower():
                raise Refusal(forbidden(BAD_KEY))
            username = key.username
        if username is None or not state.has_user(username):
            raise Refusal(forbidden(BAD_KEY))
        user = state.user(username)
        if user.suspended:
            raise Refusal(forbidden(BAD_KEY))
        return user, key


class Params:
    """Parameters of a query or a body, by their flat Rails names."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self.pairs = tuple(pairs)

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _value in self.pairs)

    def get(self, name: str) -> str | None:
        """The last value of *name*."""
        found = [value for key, value in self.pairs if key == name]
        return found[-1] if found else None

    def require(self, name: str) -> str:
        value = self.get(name)
        if value is None or value == "":
            raise Refusal(missing_parameter(name))
        return value

    def number(self, name: str, *, least: int | None = None) -> int | None:
        """A whole number, ``None`` when absent; anything else is refused with 400."""
        value = self.get(name)
        if value is None or value == "":
            return None
        try:
            number = int(value)
        except ValueError:
            raise Refusal(bad_parameter(name)) from None
        if (least is not None and number < least) or abs(number) >= 2**31:
            raise Refusal(bad_parameter(name))
        return number

    def flag(self, name: str) -> bool:
        """Only the lower-case word ``true`` is true."""
        return self.get(name) == "true"

    def many(self, name: str) -> list[str]:
        """The values of a list; a blank stands for an empty one."""
        return [value for key, value in self.pairs if key == f"{name}[]" and value]


@dataclass(frozen=True, slots=True)
class Ask:
    """A request.

    Attributes:
        path: Without ``.json``.
        suffix: ``.json`` when the path had it, to keep it in redirects.
        wants_json: The caller asked for JSON by suffix or header.
        query_string: As sent.
    """

    method: str
    path: str
    suffix: str
    wants_json: bool
    query_string: str
    headers: Mapping[str, str]
    query: Params
    form: Params
    view: View
    key: Key | None = None
    client: str = ""
    captured: Mapping[str, str] = field(default_factory=dict)

    @property
    def user(self) -> User:
        """Who writes; never called for visitors, whom the desk turns away."""
        if self.view.reader is None:
            raise Refusal(forbidden())
        return self.view.reader

    def capture(self, name: str) -> int:
        """A number of the path; no forum has one of 19 digits."""
        text = self.captured[name]
        if len(text) >= 19:
            raise Refusal(not_found())
        return int(text)

    @property
    def by_api(self) -> bool:
        """Whether an administrator's key asks, whoever it speaks for."""
        return self.key is not None and self.key.kind != "user_api"

    def redirect(self, path: str, query: str = "") -> Answer:
        """301 to *path* of this forum, in the format that was asked for."""
        url = f"{self.view.state.addresses.forum}{path}{self.suffix}"
        where = f"{url}?{query}" if query else url
        headers = {"Location": where, "Content-Type": "text/html; charset=utf-8"}
        page = (
            f'<html><body>You are being <a href="{where}">redirected</a>.</body></html>'
        )
        return Answer(301, page.encode(), headers)


def read_form(content_type: str, body: bytes) -> Params:
    """The parameters of a body: form, multipart or JSON, flattened the same way.

    >>> read_form("application/json", b'{"post": {"raw": "x"}, "tags": ["a"]}').pairs
    (('post[raw]', 'x'), ('tags[]', 'a'))

    Raises:
        Refusal: The JSON does not read, or a text is not Unicode, as 400.
    """
    if content_type.startswith("application/json"):
        try:
            pairs = _flat("", json.loads(body or b"{}"))
        except (ValueError, RecursionError):
            raise Refusal(errors(400, "invalid JSON in the request body")) from None
    elif content_type.startswith("multipart/form-data"):
        pairs = _parts(content_type, body)
    else:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    if not all(_is_text(name) and _is_text(value) for name, value in pairs):
        raise Refusal(errors(400, "invalid characters in the request body"))
    return Params(pairs)


def _is_text(text: str) -> bool:
    """JSON may hold half of a surrogate pair, which nothing can send on."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _flat(name: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [
            pair
            for key, inner in value.items()
            for pair in _flat(f"{name}[{key}]" if name else key, inner)
        ]
    if value == []:
        return [(f"{name}[]", "")]
    if isinstance(value, list):
        return [pair for inner in value for pair in _flat(f"{name}[]", inner)]
    if isinstance(value, bool):
        return [(name, "true" if value else "false")]
    return [] if value is None else [(name, str(value))]


def _parts(content_type: str, body: bytes) -> list[tuple[str, str]]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            _part_text(part.get_payload(decode=True)),
        )
        for part in message.iter_parts()
    ]


def _part_text(payload: object) -> str:
    # Forms say nothing of their encoding, which is UTF-8.
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
