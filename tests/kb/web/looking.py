"""The search page in a real browser, served over a socket; and hits to find on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from kb.api import ApiSettings, create_app
from kb.types import Details, Kind, SearchHit
from kb.web.page import add_page
from tests.bot.report.browser import Seen
from tests.kb.api.stand import Stand, a_hit, many, served

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ASK_URL = "https://forum.example.org/new-topic"
SETTINGS = ApiSettings(
    community="Clinic & Co", ask_url=ASK_URL, requests_per_minute=0, metrics="off"
)
LONG = (
    "Nobody knows where it went. " * 20
    + "\n\nThen the 🗺️ map came back, and with the map the legend of the map. "
    + "It stayed where it was, and all was well. " * 12
)
# A hit of each kind, with all that a hit can have.
SHOWN: tuple[SearchHit, ...] = (
    replace(
        a_hit(
            101,
            "The 🗺️ map stays <b>empty</b>",
            LONG,
            category="Support",
            tags=("maps",),
            solved=True,
        ),
        confidence=0.9,
    ),
    replace(
        a_hit(
            102,
            "Créer une carte (map)",
            "Une carte (map) reste vide si la légende a été supprimée.",
            kind=Kind.DOCS,
            language="fr",
            version="2.41",
            year=2025,
        ),
        confidence=0.6,
    ),
    replace(
        a_hit(
            103,
            "From map to dashboard",
            "How to put a map on a dashboard.",
            kind=Kind.VIDEO,
            details=Details(duration_s=3_910, lists=("Training",)),
        ),
        confidence=0.3,
    ),
    replace(
        a_hit(
            104,
            "Fundamentals: the map",
            "Five units; the third is on the map.",
            kind=Kind.COURSE,
            details=Details(
                pacing="self",
                starts_at=datetime(2199, 3, 5, tzinfo=UTC),
                enrolment_ends_at=datetime(2199, 2, 1, tzinfo=UTC),
                effort="3 hours",
            ),
        ),
        confidence=0.1,
    ),
    a_hit(
        105,
        "Map workshop",
        "Three days with the map.",
        kind=Kind.DOCS,
        details=Details(
            place="Kigali",
            mode="both",
            starts_at=datetime(2025, 9, 1, 22, 30, tzinfo=UTC),
            ends_at=datetime(2025, 9, 4, 12, tzinfo=UTC),
            utc_offset_s=7_200,
        ),
    ),
)


_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    # No host but the one that is tested.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-first-run",
)


@contextmanager
def started(path: str) -> Iterator[Browser]:
    """The browser at *path*, which finds no other machine than this one."""
    with sync_playwright() as playwright:
        # As root there is no sandbox; the pages are our own.
        browser = playwright.chromium.launch(
            executable_path=path, args=list(_FLAGS), chromium_sandbox=False
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page_of(
    stand: Stand | None = None, settings: ApiSettings = SETTINGS
) -> Iterator[str]:
    """Serve endpoint and page; gives the address."""
    backend = Stand() if stand is None else stand
    app = create_app(backend, settings)
    add_page(app, backend, settings, clock=lambda: NOW)
    with served(app) as base:
        yield base


@contextmanager
def visited(
    browser: Browser, address: str, *, script: str = "", **options: Any
) -> Iterator[Seen]:
    """A page in a window that knows nothing of others.

    Args:
        script: Run before those of the page.
        options: Of the window, as Playwright names them.
    """
    shape: Mapping[str, Any] = {"viewport": {"width": 1280, "height": 900}}
    context = browser.new_context(**{"locale": "en-GB", **shape, **options})
    context.set_default_timeout(10_000)
    try:
        seen = Seen(context.new_page())
        seen.page.on("request", lambda request: seen.asked.append(request.url))
        seen.page.on("console", lambda message: seen.said.append(message.text))
        seen.page.on("pageerror", lambda error: seen.said.append(str(error)))
        if script:
            seen.page.add_init_script(script)
        seen.page.goto(address)
        yield seen
    finally:
        context.close()


__all__ = [
    "ASK_URL",
    "LONG",
    "NOW",
    "SETTINGS",
    "SHOWN",
    "many",
    "page_of",
    "started",
    "visited",
]
