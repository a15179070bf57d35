"""From a post on the forum to who linked what, and away again with the post."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from bot.app import App
from bot.cli import main
from bot.config import load_config
from bot.sandbox import Community, Sandbox
from indexer.pipeline import rechunk
from kb.types import TopicId
from tests.bot.conftest import FakeClock
from tests.bot.test_forum import ask
from tests.indexer.samples import by_line

PAGE = "https://docs.example/en/v41/backup.html"
Baraza = Callable[..., str]


@pytest.fixture
def config(tmp_path: Path, box: Sandbox) -> Path:
    for version in (40, 41):
        folder = tmp_path / "docs" / "en" / f"v{version}"
        folder.mkdir(parents=True)
        (folder / "backup.md").write_text("# Backup\n\nRun pg_dump every night.\n")
    path = tmp_path / "config.yaml"
    forum = {
        "type": "forum",
        "url": box.url,
        "requests_per_second": 1000,
    }
    docs = {"type": "markdown", "path": "docs", "base_url": "https://docs.example"}
    values = {
        "community": {"name": "Example Forum", "contact": "ops@example.org"},
        "sources": {"forum": forum, "docs": docs},
        "embedding": {"model": "hashing"},
        "links": {"fold": [{"pattern": r"(?<=/)v\d+(?=/)", "replace": "any"}]},
    }
    path.write_text(yaml.safe_dump(values), "utf-8")
    return path


@pytest.fixture
def baraza(config: Path) -> Baraza:
    def run(*words: str) -> str:
        result = CliRunner().invoke(main, ["--config", str(config), *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


@pytest.fixture
def thread(community: Community, box: Sandbox, clock: FakeClock) -> TopicId:
    """A question that a helper answers with another topic and a page."""
    old = ask(community, "How do I restore a backup?")
    new = ask(community, "Where do my backups go?")
    clock.forward(hours=1)
    community.add_post(
        new,
        f"See [this thread]({box.url}/t/anything/{old}/1?u=ben) and "
        "[the manual](http://www.docs.example/en/v39/backup.html#nightly).",
        user="ben",
    )
    return new


def linked_from(baraza: Baraza, url: str) -> list[str]:
    lines = baraza("links", "--json", url).splitlines()
    return [json.loads(line)["from"] for line in lines]


def test_a_helpers_links_are_shown_from_the_page_and_the_topic(
    baraza: Baraza, box: Sandbox, thread: TopicId
) -> None:
    baraza("harvest")
    post = f"{box.url}/t/{thread}/2"

    assert linked_from(baraza, PAGE) == [post]
    assert linked_from(baraza, f"{box.url}/t/{thread - 1}") == [post]
    told = json.loads(baraza("links", "--json", "docs.example/en/v40/backup.html"))
    assert told == {
        "title": "Where do my backups go?",
        "from": post,
        "kind": "thread",
        "source": "forum",
        "to": "https://docs.example/en/v39/backup.html#nightly",
        "text": "the manual",
        "relation": "link",
        "role": "helper",
        "accepted": False,
        "created_at": told["created_at"],
    }
    assert baraza("links", PAGE).splitlines() == [
        f"{told['created_at'][:10]}  Where do my backups go? (helper)",
        f"            {post}",
        "            “the manual”",
    ]
    assert baraza("links", "https://elsewhere.example/") == "no links found\n"


def test_both_versions_of_a_page_are_what_was_linked(
    baraza: Baraza, config: Path, thread: TopicId
) -> None:
    baraza("harvest")

    with App(load_config(config)).open_store(readonly=True) as store:
        found = store.documents.find("forum", str(thread))
        assert found is not None
        links = store.links.of_document(found.id)
        targets = [
            sorted(
                each.url for each in store.documents.summaries(link.targets).values()
            )
            for link in links
        ]
    assert targets == [
        [found.url.replace(f"/{thread}", f"/{thread - 1}")],
        [PAGE.replace("41", "40"), PAGE],
    ]


@pytest.mark.parametrize("how", ["delete_post", "hide_post"])
def test_the_links_of_a_post_go_with_it(
    baraza: Baraza, box: Sandbox, community: Community, thread: TopicId, how: str
) -> None:
    baraza("harvest")
    reply = community.posts_of(thread)[-1]

    getattr(community, how)(reply.id)
    baraza("harvest")

    assert linked_from(baraza, PAGE) == []
    assert linked_from(baraza, f"{box.url}/t/{thread - 1}") == []


def test_a_topic_that_becomes_private_no_longer_tells_its_links(
    baraza: Baraza, community: Community, thread: TopicId
) -> None:
    baraza("harvest")

    community.set_category(thread, "staff")
    baraza("harvest")

    assert linked_from(baraza, PAGE) == []


def test_other_rules_need_no_other_harvest_of_the_forum(
    baraza: Baraza, box: Sandbox, config: Path, thread: TopicId
) -> None:
    """The next harvest of any source is enough."""
    values: dict[str, Any] = yaml.safe_load(config.read_text("utf-8"))
    baraza("harvest")
    post = f"{box.url}/t/{thread}/2"

    config.write_text(yaml.safe_dump(values | {"links": {}}), "utf-8")
    asked = len(box.requests)
    baraza("harvest", "docs")
    assert linked_from(baraza, PAGE) == []
    assert linked_from(baraza, PAGE.replace("41", "39")) == [post]

    config.write_text(yaml.safe_dump(values), "utf-8")
    baraza("harvest", "docs")
    assert linked_from(baraza, PAGE) == [post]
    assert len(box.requests) == asked


def test_a_store_without_links_gets_them_from_what_it_holds(
    baraza: Baraza, box: Sandbox, config: Path, thread: TopicId
) -> None:
    """As one that an older version wrote: nothing is read again."""
    app = App(load_config(config))
    baraza("harvest")
    with app.open_store() as store:
        with store.transaction():
            store.db.conn.execute("DELETE FROM links")
            store.db.conn.execute("UPDATE documents SET link_key = '', chunker = ''")
            store.db.conn.execute("DELETE FROM meta WHERE key = 'link_rules'")
        assert store.links.counts() == []

        with store.transaction():
            store.links.use(app.config.link_rules())
        rechunk(store, "forum", by_line, "new")

    assert linked_from(baraza, PAGE) == [f"{box.url}/t/{thread}/2"]
