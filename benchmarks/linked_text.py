"""A forum and its documentation in made-up words, linked as helpers link."""

from __future__ import annotations

import json
import random
import re
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

FORUM_URL = "https://forum.example.org"
DOCS_URL = "https://docs.example.org/en/latest"

_SYLLABLES = re.findall("..", "tarimokelusandervonipaelkamishobe")
_START = datetime(2020, 1, 1, tzinfo=UTC)
POSTS = 10
SECTIONS = 12
# The share of replies that link, and of those the share that links to a page.
LINKING, TO_PAGES = 0.15, 0.5
MEMBERS = 3_000


class _Words:
    """Words as unevenly common as in prose."""

    def __init__(self, seed: int) -> None:
        self.source = random.Random(seed)  # noqa: S311 - text, not secrets
        # The same words in threads and pages, whatever the seed of their order.
        letters = random.Random(0)  # noqa: S311 - text, not secrets
        self._words = [
            "".join(letters.choices(_SYLLABLES, k=letters.randint(1, 4)))
            for _ in range(20_000)
        ]
        self._weights = list(
            accumulate(1 / (rank + 10) for rank in range(len(self._words)))
        )

    def text(self, shortest: int, longest: int) -> str:
        count = self.source.randint(shortest, longest)
        chosen = self.source.choices(self._words, cum_weights=self._weights, k=count)
        return " ".join(chosen)


def generated_docs(path: Path, pages: int, seed: int = 5) -> None:
    """Pages of some sections, as JSON Lines of ``path`` and ``markdown``."""
    words = _Words(seed)
    with path.open("w", encoding="utf-8") as file:
        for number in range(pages):
            sections = (
                f"## {words.text(2, 5)}\n\n{words.text(30, 100)}"
                for _ in range(SECTIONS)
            )
            body = f"# {words.text(2, 5)}\n\n{words.text(20, 60)}\n\n"
            markdown = body + "\n\n".join(sections)
            page = {"path": f"page-{number}", "markdown": markdown}
            file.write(json.dumps(page) + "\n")


def generated_archive(path: Path, passages: int, pages: int, seed: int = 7) -> None:
    """Topics of ten posts; replies link to older topics and to the pages."""
    words = _Words(seed)
    with path.open("w", encoding="utf-8") as file:
        for number in range(1, passages // POSTS + 2):
            created = _START + timedelta(hours=number)
            posts = [
                _post(words, number, place, created, pages)
                for place in range(1, POSTS + 1)
            ]
            topic = {
                "id": number,
                "title": words.text(5, 11),
                "created_at": created.isoformat(),
                "posts": posts,
            }
            file.write(json.dumps(topic) + "\n")


def _post(
    words: _Words, topic: int, place: int, created: datetime, pages: int
) -> dict[str, object]:
    source = words.source
    body = words.text(55, 140) if place == 1 else words.text(20, 80)
    if place > 1 and topic > 1 and source.random() < LINKING:
        # Few are linked by many, as on any forum.
        rank = source.random() ** 3
        target = (
            f"{DOCS_URL}/page-{int(rank * pages)}.html"
            if source.random() < TO_PAGES
            else f"{FORUM_URL}/t/{1 + int(rank * (topic - 1))}"
        )
        body += f' <a href="{target}">{words.text(2, 4)}</a>'
    member = source.randrange(MEMBERS)
    return {
        "id": topic * POSTS + place,
        "post_number": place,
        "user_id": member,
        "username": f"member{member}",
        "created_at": (created + timedelta(minutes=place)).isoformat(),
        "cooked": f"<p>{body}</p>",
    }
