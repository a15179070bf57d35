"""``baraza harvest --verify``, progress for machines, and coverage in ``status``."""

from __future__ import annotations

import json

import pytest

from bot.sandbox import Community
from tests.bot.test_cli import Install, clock, install, site
from tests.bot.test_forum import ask

__all__ = ["clock", "install", "site"]


def second_post(community: Community, topic: int) -> int:
    post = community.post_at(topic, 2)
    assert post is not None
    return post.id


def test_what_was_harvested_is_as_on_the_forum(install: Install) -> None:
    install.ok("harvest", "forum")

    told = install.ok("harvest", "--verify", "--all")

    assert told.startswith(
        "forum: 2 topics compared, 2 as on the forum, 0 different, 0 not comparable;"
    )


def test_every_difference_is_told_and_the_next_harvest_mends_it(
    install: Install, community: Community
) -> None:
    install.ok("harvest", "forum")
    edited, silent = list(community.topics)[-2:]
    post_id = second_post(community, edited)
    community.edit_post(post_id, "Let systemd run it.")
    community.delete_topic(silent)
    new = ask(community, "Where are the logs kept?")

    found = install.baraza("harvest", "--verify", "forum", "--all")
    waiting = install.ok("status")
    install.ok("harvest", "forum")
    mended = install.baraza("harvest", "--verify", "forum", "--all")

    assert found.exit_code == 1
    assert found.stdout.splitlines()[1:] == [
        f"  topic {edited}: post 2 (id {post_id}) differs in body",
        f"  topic {silent}: stored, but not there for us any more",
        f"  topic {new}: not stored",
    ]
    assert found.stderr == "baraza: 3 topics not as on the forum; run baraza harvest\n"
    assert "waiting: 3 topics to be read again" in waiting
    assert (mended.exit_code, mended.stderr) == (0, "")


def test_a_comparison_for_machines_tells_its_progress_on_stderr(
    install: Install,
) -> None:
    install.ok("harvest", "forum")

    result = install.baraza("harvest", "--verify", "--sample", "1", "--json")

    [report] = map(json.loads, result.stdout.splitlines())
    first, *_ = map(json.loads, result.stderr.splitlines())
    assert (report["total"], report["checked"], report["different"]) == (1, 1, [])
    assert first["progress"]["total"] == 1
    assert set(first) == {"progress", "requests_per_second", "eta_s"}


def test_a_harvest_for_machines_tells_its_progress_on_stderr(install: Install) -> None:
    result = install.baraza("harvest", "forum", "--json")

    [report] = map(json.loads, result.stdout.splitlines())
    first, *_ = map(json.loads, result.stderr.splitlines())
    assert (report["inserted"], report["remaining"]) == (2, 0)
    assert first["progress"]["source"] == "forum"
    assert set(first) == {"progress", "requests_per_second", "eta_s"}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--all"], "--all goes with --verify; see --full"),
        (["--sample", "5"], "--sample goes with --verify"),
        (["--verify", "--full"], "--verify goes with neither --full nor deletions"),
        (["--verify", "--all", "--sample", "5"], "takes either --all or --sample"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    install: Install, words: list[str], problem: str
) -> None:
    result = install.baraza("harvest", *words)

    assert result.exit_code == 2
    assert problem in result.stderr


def test_only_a_forum_can_be_compared(install: Install) -> None:
    result = install.baraza("harvest", "--verify", "docs")

    assert (result.exit_code, result.stderr) == (
        2,
        "baraza: config: sources.docs.type: expected forum, got markdown: only a "
        "forum can be verified\n",
    )


def test_status_shows_coverage_and_age_of_a_forum_and_none_of_pages(
    install: Install, community: Community
) -> None:
    [topic, *_] = [t for t in community.topics.values() if t.title.startswith("How")]
    community.hide_post(second_post(community, topic.id))
    install.ok("harvest")

    lines = install.ok("status").splitlines()
    [forum, docs] = json.loads(install.ok("status", "--json"))["sources"]

    start = next(n for n, line in enumerate(lines) if line.startswith("source forum"))
    assert lines[start + 1] == "  2 posts held, 1 known and left out (hidden 1)"
    age = lines[start + 2]
    assert age.startswith("  compared with the forum: the oldest topic ")
    assert age.endswith(" 0 longer than 14 days ago or never")
    assert forum["forum"]["left_out"] == {"hidden": 1}
    assert (forum["forum"]["posts"], forum["forum"]["stale"]) == (2, 0)
    assert docs["forum"] is None
