"""kill -9 at any moment costs time and nothing else."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox import Community, Library, PostType, Sandbox
from bot.sandbox.faults import RandomKind
from bot.sandbox.grown import Growth, grow
from kb.store import Store
from kb.types import Document
from tests.indexer.harvest_child import harvest
from tests.indexer.samples import content

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
KILLS = 10
# Long enough that a kill hits a harvest at work, and not after its end.
LATENCY_S = 0.01
# What a tired forum and the network before it do.
FAULTS: tuple[RandomKind, ...] = (
    "429",
    "429-tracker",
    "429-nginx",
    "500",
    "truncate",
    "drop",
)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    community = Community.sample()
    # A harvest takes so few requests that it needs many posts to be caught at work.
    community.add_topics(200, posts=5)
    with Sandbox(community=community) as running:
        yield running


def kill_after(box: Sandbox, requests: int, delay_s: float, *args: str) -> bool:
    """Start a harvest and kill it when it has sent so many requests, and a little
    later; returns whether it was still at work."""
    done = len(box.recorded)
    box.faults.fail_next(100_000, delay_s=LATENCY_S)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.indexer.harvest_child", box.url, *args], cwd=ROOT
    )
    while len(box.recorded) - done < requests and process.poll() is None:
        time.sleep(0.001)
    time.sleep(delay_s)
    process.kill()
    code = process.wait()
    box.faults.clear()
    assert code in {0, -signal.SIGKILL}
    return code != 0


def kill_at_random(box: Sandbox, database: Path, rng: random.Random, most: int) -> bool:
    """Start a harvest and kill it at some moment before it has sent *most* requests
    or soon after; returns whether it was still at work."""
    done, requests = len(box.recorded), rng.randrange(1, most)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.indexer.harvest_child", box.url, str(database)],
        cwd=ROOT,
    )
    while len(box.recorded) - done < requests and process.poll() is None:
        time.sleep(0.001)
    time.sleep(rng.uniform(0, 2 * LATENCY_S))
    process.kill()
    code = process.wait()
    assert code in {0, -signal.SIGKILL}
    return code != 0


def held(database: Path) -> list[object]:
    """All that a database holds of the forum, in a form that can be compared."""
    with Store.open(database) as store:
        assert store.db.conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [
            # Being read by us makes a topic's views grow.
            (replace(item[0], views=0, verified_at=None), *item[1:])
            if isinstance(item, tuple) and isinstance(item[0], Document)
            else item
            for item in content(store, "forum")
        ]


def test_a_harvest_killed_at_ten_moments_ends_as_an_undisturbed_one(
    box: Sandbox, tmp_path: Path
) -> None:
    calm = tmp_path / "calm.db"
    before = len(box.requests)
    report = harvest(box.url, calm)
    total = len(box.requests) - before
    expected = held(calm)
    assert report.inserted > 20

    rng = random.Random(20261123)
    kills, met = 0, set()
    for attempt in range(3 * KILLS):
        database = tmp_path / f"killed-{attempt}.db"
        moment = rng.randrange(1, total - 4)
        if not kill_after(box, moment, rng.uniform(0, LATENCY_S), str(database)):
            continue
        with Store.open(database) as store:
            waiting = sum(
                len(store.loose.of("forum", k)) for k in store.loose.keys("forum")
            )
            met.add((len(store.documents.states("forum")), waiting))
        report = harvest(box.url, database)
        assert report.complete
        assert held(database) == expected
        kills += 1
        if kills == KILLS:
            break
    assert kills == KILLS
    assert len(met) > KILLS // 2  # they were caught at work, at different stages


def test_a_refresh_killed_again_and_again_ends_as_an_undisturbed_one(
    box: Sandbox, tmp_path: Path
) -> None:
    """After edits, deletions and new topics, on one database, four times in a row."""
    calm, database = tmp_path / "calm.db", tmp_path / "killed.db"
    harvest(box.url, calm)
    harvest(box.url, database)
    _change(box.community)

    rng = random.Random(7)
    for _ in range(4):
        kill_after(
            box,
            rng.randrange(2, 40),
            rng.uniform(0, LATENCY_S),
            str(database),
            "--full",
        )
    before = held(calm)
    first, second = (harvest(box.url, path, full=True) for path in (calm, database))

    assert first.deleted > 0
    assert second.complete
    assert held(database) == held(calm) != before


def test_twenty_kills_and_a_fault_in_twenty_answers_lose_no_post(
    tmp_path: Path,
) -> None:
    """A backfill of a forum with long topics, gaps, hidden and private posts."""
    kills, met = 20, 0
    growth = Growth(topics=400, posts=2_960, longest=250, seed=7)
    calm, database = tmp_path / "calm.db", tmp_path / "disturbed.db"
    with Sandbox(grow(Community.empty(), growth), library=Library()) as box:
        harvest(box.url, calm)
        total = len(box.recorded)
        # Every answer is late, so that a kill finds a harvest at work; one in twenty
        # is spoilt instead.
        late: list[RandomKind] = ["delay"] * (19 * len(FAULTS))
        box.faults.at_random(1.0, 20, [*late, *FAULTS], delay_s=LATENCY_S)
        rng = random.Random(20261125)
        for _ in range(kills):
            # Together they leave something to do for the last one.
            met += kill_at_random(box, database, rng, max(3, total // kills))
        report = harvest(box.url, database)
        again = harvest(box.url, database)
        shown = _shown(box.community)

    assert report.complete
    assert _stored(database) == shown
    assert sum(len(posts) for posts in shown.values()) > 2_800
    assert held(database) == held(calm)
    assert met == kills  # all of them met a harvest at work
    assert (again.inserted, again.updated, again.deleted) == (0, 0, 0)


def _stored(database: Path) -> dict[str, set[tuple[int, int | None]]]:
    """Numbers and ids of the posts that a database holds, by topic."""
    with Store.open(database) as store:
        documents = [
            store.documents.load(state.id)
            for state in store.documents.states("forum").values()
        ]
    return {
        document.key: {(part.number, part.external_id) for part in document.parts}
        for document in documents
        if document is not None
    }


def _shown(community: Community) -> dict[str, set[tuple[int, int | None]]]:
    """The same of what a forum shows to visitors as text, topics without left out."""
    about = {category.topic_id for category in community.categories.values()}
    shown: dict[str, set[tuple[int, int | None]]] = {}
    for topic in community.topics.values():
        if topic.id in about or not community.may_list(topic, None):
            continue
        posts: set[tuple[int, int | None]] = {
            (post.number, post.id)
            for post in community.seen_posts(topic, None)
            if post.type in {PostType.REGULAR, PostType.MODERATOR_ACTION}
            and not (post.hidden or post.user_deleted)
        }
        if posts:
            shown[str(topic.id)] = posts
    return shown


def _change(community: Community) -> None:
    public = [
        topic
        for topic in community.topics.values()
        if community.may_list(topic, None) and len(community.posts_of(topic.id)) > 1
    ]
    for topic in public[:10]:
        community.edit_post(
            community.posts_of(topic.id)[0].id, "Put in quite another way."
        )
    for topic in public[10:13]:
        community.delete_topic(topic.id)
    for topic in public[13:16]:
        community.delete_post(community.posts_of(topic.id)[-1].id)
    for topic in public[16:20]:
        community.add_post(topic.id, "Something more to say about that.")
    community.retitle(public[20].id, "A title that says more than the old one")
    community.privatise(public[21].id)
