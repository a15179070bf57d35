"""Whatever happened to a site, it is held as by who reads it for the first time."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.sandbox import Sandbox
from bot.sandbox.library import WRITTEN
from kb.errors import ForumUnavailableError
from kb.store import Store
from kb.types import Document
from tests.indexer.web_world import WebWorld

PATHS = [f"{version}/en/{name}" for version in ("2.40", "2.41") for name in "abcd"]


def change(docs: Sandbox, rng: random.Random, day: int) -> None:
    """One thing that happens to a page."""
    path = rng.choice(PATHS)
    at = WRITTEN + timedelta(days=day)
    text = f"# Page\n\nText number {rng.randrange(4)}."
    match rng.choice(["put", "put", "refuse", "lead", "gone", "unlisted"]):
        case "put":
            docs.library.put_page(path, text, at, has_twin=rng.random() < 0.5)
        case "refuse":
            head = '<meta name="robots" content="noindex">'
            docs.library.put_page(path, text, at, head=head, has_twin=False)
        case "lead":
            target = f"{rng.choice('abcd')}.html"
            head = f'<meta http-equiv="refresh" content="0; url={target}">'
            docs.library.put_page(path, text, at, head=head, has_twin=False)
        case "gone" if path in docs.library.pages:
            docs.library.take_down(path, 410, is_listed=rng.random() < 0.5)
        case "unlisted" if path in docs.library.pages:
            page = docs.library.pages[path]
            docs.library.pages[path] = replace(page, is_listed=False, status=410)


def held(web: WebWorld) -> list[Document]:
    return [replace(web.document(key), verified_at=None) for key in web.keys]


@pytest.mark.parametrize("seed", range(6))
def test_a_site_is_held_as_it_is_whatever_happened(
    docs: Sandbox, web: WebWorld, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    docs.library.put_page("2.41/en/home", "# Home\n\nAlways here.")
    for day in range(1, 9):
        for number in range(rng.randrange(1, 4)):
            change(docs, rng, 4 * day + number)
        if rng.random() < 0.4:
            docs.faults.fail_next(
                path=f"/docs-site/{rng.choice(PATHS)}",
                status=429,
                headers={"Retry-After": "9999"},
            )
            try:
                web.harvest(recheck_every=timedelta(0))
            except ForumUnavailableError:
                web.later(minutes=1)
            docs.faults.clear()
        web.harvest(recheck_every=timedelta(0))
        with Store.open(tmp_path / f"fresh{day}.db") as store:
            fresh = WebWorld(web.url, store, web.clock)
            fresh.harvest()
            assert web.keys == fresh.keys, (day, docs.library.pages)
            assert held(web) == held(fresh)
            assert web.set_aside() == {}
