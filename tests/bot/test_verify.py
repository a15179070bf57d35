"""Which differences ``baraza harvest --verify`` tells, and what becomes of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from bot.app import App
from bot.cli import main
from bot.config import load_config
from bot.sandbox import Community, Sandbox

Run = Callable[..., Result]
TOPICS = 8


@pytest.fixture
def config(tmp_path: Path, box: Sandbox) -> Path:
    path = tmp_path / "config.yaml"
    forum = {"type": "forum", "url": box.url, "requests_per_second": 1000}
    docs = {"type": "markdown", "path": "docs", "base_url": "https://docs.example"}
    values = {
        "community": {"name": "Example Forum", "contact": "ops@example.org"},
        "sources": {"forum": forum, "docs": docs},
        "embedding": {"model": "hashing"},
    }
    path.write_text(yaml.safe_dump(values), "utf-8")
    return path


@pytest.fixture
def baraza(config: Path, community: Community) -> Run:
    """The command, on a forum that was harvested."""
    community.add_topics(TOPICS, posts=3, category="support")

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, ["--config", str(config), *words])

    assert run("harvest", "forum").exit_code == 0
    return run


def test_every_difference_is_told_noted_and_mended_by_the_next_harvest(
    baraza: Run, community: Community, config: Path
) -> None:
    one, two, three, four, *_ = sorted(community.topics)
    posts = {key: community.posts_of(key) for key in (one, two, three)}
    community.edit_post(posts[one][1].id, "Quite another text, and long enough.")
    community.delete_post(posts[two][1].id)
    community.retitle(three, "Another title for the same question")
    community.solve(posts[three][2].id)
    community.delete_topic(four)
    new = community.add_topic("A question that nobody has read yet", "What is it?")

    result = baraza("harvest", "--verify", "--all")

    assert result.exit_code == 1
    told = [line.strip() for line in result.stdout.splitlines()[1:]]
    assert told == [
        f"topic {one}: post 2 (id {posts[one][1].id}) differs in body",
        f"topic {two}: post 2 (id {posts[two][1].id}) is stored and not there",
        f"topic {three}: title is 'Another title for the same question' and stored as "
        f"{community_title(three)!r}",
        f"topic {three}: solved is True and stored as False",
        f"topic {three}: post 3 (id {posts[three][2].id}) differs in accepted",
        f"topic {four}: stored, but not there for us any more",
        f"topic {new.id}: not stored",
    ]
    assert "5 topics not as on the forum; run baraza harvest" in result.stderr
    with App(load_config(config)).open_store(readonly=True) as store:
        assert store.looks.count("forum") == 5

    assert baraza("harvest", "forum").exit_code == 0
    assert baraza("harvest", "--verify", "--all").exit_code == 0


def community_title(topic_id: int) -> str:
    """What the sandbox calls the topics that it makes by the dozen."""
    return Community.empty().add_topics(topic_id)[-1].title


def test_a_sample_is_as_large_as_asked_and_json_holds_all_of_it(
    baraza: Run, community: Community
) -> None:
    community.delete_topic(min(community.topics))

    result = baraza("harvest", "--verify", "--sample", "3", "--json")
    whole = json.loads(baraza("harvest", "--verify", "--all", "--json").stdout)

    assert json.loads(result.stdout)["checked"] == 3
    assert [each["key"] for each in whole["different"]] == ["1"]
    assert whole["requests"] > 0


def test_a_topic_that_cannot_be_compared_is_told_and_fails(
    baraza: Run, box: Sandbox
) -> None:
    box.faults.fail_next(1, "/t/2.json", status=418)

    result = baraza("harvest", "--verify", "--all")

    assert result.exit_code == 1
    assert f"{TOPICS - 1} as on the forum, 0 different, 1 not comparable" in (
        result.stdout
    )
    assert "topic 2: " in result.stdout
