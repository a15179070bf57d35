"""The endpoint on a socket, over a stand that is as new for each test."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from kb.api import ApiSettings, create_app
from kb.api.limits import Limits
from kb.api.serving import server_config
from tests.kb.api.stand import Stand, served

FORUM = "https://forum.example.org"


@pytest.fixture(scope="session")
def _running() -> Iterator[tuple[Stand, httpx.Client]]:
    stand = Stand()
    settings = ApiSettings(
        requests_per_minute=0, origins=(FORUM,), search_timeout_s=20.0
    )
    with (
        served(create_app(stand, settings, Limits()), server_config) as url,
        httpx.Client(base_url=url, trust_env=False) as client,
    ):
        yield stand, client


@pytest.fixture
def stand(_running: tuple[Stand, httpx.Client]) -> Stand:
    stand, _ = _running
    stand.__init__()  # type: ignore[misc]
    return stand


@pytest.fixture
def client(_running: tuple[Stand, httpx.Client], stand: Stand) -> httpx.Client:
    return _running[1]
