"""``baraza sandbox``: its addresses, keys and options, as a person meets them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from click.testing import CliRunner

from bot.cli import main
from tests.conftest import CHECKOUT

KEYS = ("forum", "documentation", "courses", "videos", "admin key", "bot key")


@contextmanager
def running(*options: str) -> Iterator[dict[str, str]]:
    """What the command prints when it has started, by name."""
    code = "import sys; from bot.cli import main; main(sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "sandbox", *options],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline().partition(": ") for _ in KEYS]
        yield {name: value.split()[0] for name, _colon, value in lines}
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def get(url: str, **options: Any) -> httpx.Response:
    return httpx.get(url, trust_env=False, **options)


def tags_of_a_topic(shown: dict[str, str]) -> Any:
    return get(f"{shown['forum']}/t/102.json").json()["tags"]


def status_of_many(shown: dict[str, str]) -> Any:
    return [get(f"{shown['forum']}/robots.txt").status_code for _ in range(51)][-1]


def status_of_a_reply(shown: dict[str, str]) -> Any:
    return httpx.post(
        f"{shown['forum']}/posts.json",
        headers={"Api-Key": shown["admin key"], "Api-Username": "amina_k"},
        data={"topic_id": 167, "raw": "A reply that is long enough to be taken."},
        trust_env=False,
    ).status_code


def test_it_is_a_forum_of_today_and_every_address_it_prints_opens() -> None:
    with running() as shown:
        pages = [get(shown[name]) for name in KEYS[:4]]
        found = (tags_of_a_topic(shown)[0]["name"], status_of_a_reply(shown))
        often = status_of_many(shown)

    assert tuple(shown) == KEYS
    assert [page.status_code for page in pages] == [200] * 4
    assert ["<h1>" in page.text for page in pages] == [True] * 4
    assert found == ("analytics", 200)
    assert often == 200


def test_options_make_it_older_stricter_and_read_only() -> None:
    with running("--generation", "2022", "--limits", "--read-only") as shown:
        found = (tags_of_a_topic(shown), status_of_a_reply(shown))
        often = status_of_many(shown)

    assert found == (["analytics", "postgresql"], 503)
    assert often == 429


def test_each_option_is_shown_with_an_example() -> None:
    text = CliRunner().invoke(main, ["sandbox", "--help"]).output
    _usage, _example, rest = text.partition("Example:")
    examples, _options, options = rest.partition("Options:")

    for name in ("--port", "--generation", "--limits", "--read-only"):
        assert name in examples
        assert name in options


def test_an_unknown_generation_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["sandbox", "--generation", "2019"])

    assert result.exit_code == 2
