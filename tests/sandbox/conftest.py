"""A small community on a real socket, with a clock that only tests move."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot.sandbox import Community, Library, Sandbox

# Nothing here is encrypted, and loading certificates for each client takes longer
# than most tests.
_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def client(box: Sandbox, headers: Mapping[str, str] | None = None) -> httpx.Client:
    """A client of the forum that follows no redirects and reads no environment."""
    return httpx.Client(
        base_url=box.url, headers=headers, trust_env=False, verify=_NO_CERTIFICATES
    )


class FakeClock:
    """A `Clock` that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def forward(self, **delta: float) -> None:
        self.time += timedelta(**delta)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def community(clock: FakeClock) -> Community:
    """Two members, an admin, and a category of each kind; no topics."""
    made = Community.empty(clock)
    made.add_user("root", name="Root", admin=True, trust_level=4)
    made.add_user("amina", name="Amina")
    made.add_user("ben", name="Ben")
    made.add_category("Support", description="Questions and answers.")
    made.add_category("Android", parent="support")
    made.add_category("Staff room", slug="staff", read_restricted=True)
    return made


@pytest.fixture
def box(community: Community) -> Iterator[Sandbox]:
    with Sandbox(community, library=Library()) as running:
        yield running


@pytest.fixture
def web(box: Sandbox) -> Iterator[httpx.Client]:
    """A visitor who is not logged in."""
    with client(box) as visitor:
        yield visitor


@pytest.fixture
def ben(box: Sandbox) -> Iterator[httpx.Client]:
    """The ordinary member ben, by API key."""
    headers = {"Api-Key": box.key_for("ben")}
    with client(box, headers) as member:
        yield member


@pytest.fixture
def root(box: Sandbox) -> Iterator[httpx.Client]:
    """The administrator root, by the key of all users."""
    headers = {"Api-Key": box.admin_key, "Api-Username": "root"}
    with client(box, headers) as member:
        yield member
