"""Link rot: what does not answer any more is found, told, and not linked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from bot.app import App, StoppedError
from bot.checking import AskAny, CheckReport, SeenAlive, check, names_to_check
from bot.cli import main
from bot.config import load_config, parse_config
from bot.forum import LiveForum
from bot.policy import PolicySettings
from bot.responder import Responder
from bot.sandbox import Community, Library, Sandbox, Settings
from bot.service import Service
from bot.sources import Sources
from indexer.alive import ALIVE, Verdict
from kb.errors import ConfigError
from kb.store import Store, Target
from kb.types import Document, DocumentId, Kind
from tests.bot.conftest import BOT, FakeClock
from tests.bot.making import NOW, hit
from tests.bot.test_forum import ask, own_posts
from tests.indexer.loopback import Loopback, Reply, as_text
from tests.kb.stored import insert, page

WEEK = timedelta(days=7)
GONE = "404, it is not there"


@pytest.fixture
def site() -> Iterator[Loopback]:
    with Loopback() as running:
        running.on("/robots.txt", as_text("User-agent: *\nDisallow: /hidden"))
        running.on("/good", as_text("A page."))
        running.on("/better", as_text("A page."))
        running.on("/broken", Reply(500))
        yield running


def config_for(site: Loopback, box: Sandbox | None = None) -> dict[str, Any]:
    sources: dict[str, Any] = {
        "site": {"type": "website", "url": site.url, "requests_per_second": 1000},
    }
    if box is not None:
        sources["forum"] = {
            "type": "forum",
            "url": box.url,
            "requests_per_second": 1000,
        }
        sources["videos"] = {
            "type": "videos",
            "playlists": ["PLsemisUserTrain01"],
            "url": box.videos_url,
            "requests_per_second": 1000,
        }
    return {
        "community": {"name": "Example", "contact": "ops@example.org"},
        "sources": sources,
        "embedding": {"model": "hashing"},
        "bot": {"mode": "off"},
    }


@pytest.fixture
def app(tmp_path: Path, site: Loopback, clock: FakeClock) -> App:
    return App(parse_config(config_for(site), folder=tmp_path), clock=clock)


def at(site: Loopback, key: str, **changes: Any) -> Document:
    document = replace(page(key, "A page."), source="site", url=f"{site.url}/{key}")
    return replace(document, **changes)


def fill(app: App, *documents: Document) -> list[DocumentId]:
    with app.open_store() as store:
        return [insert(store, document) for document in documents]


def seen(app: App, *ids: DocumentId) -> None:
    """What a harvest notes that saw them now."""
    with app.open_store() as store, store.transaction():
        store.documents.verify(ids, at=app.clock())


def counts(report: CheckReport) -> tuple[int, int, int, int]:
    return report.total, report.alive, report.died, report.unknown


def dead_keys(app: App) -> list[str]:
    with app.open_store(readonly=True) as store:
        return [target.key for target in store.targets.dead()]


def asked(site: Loopback) -> list[str]:
    return [each for each in site.requests if "robots" not in each]


# -- a check ---------------------------------------------------------------


def test_a_check_tells_what_is_alive_dead_and_not_known(
    app: App, site: Loopback
) -> None:
    keys = ("good", "gone", "broken", "hidden/x")
    _, gone, *_ = fill(app, *(at(site, key) for key in keys))
    steps: list[CheckReport] = []

    [report] = check(app, ["site"], progress=steps.append)

    assert report == CheckReport(
        "site",
        total=4,
        alive=1,
        died=1,
        unknown=2,
        dead=(
            Target(
                gone,
                source="site",
                kind="docs",
                key="gone",
                title="Gone",
                url=f"{site.url}/gone",
                seen_at=NOW,
                problem=GONE,
                dead_at=NOW,
            ),
        ),
    )
    assert [step.asked for step in steps] == [1, 2, 3, 4]
    with app.open_store(readonly=True) as store:
        found = {
            target.key: target.seen_at
            for target in store.targets.oldest("site", before=NOW + WEEK)
        }
    assert found == {"broken": None, "hidden/x": None, "good": NOW, "gone": NOW}


def test_what_was_seen_lately_is_not_asked_for_unless_everything_is(
    app: App, site: Loopback, clock: FakeClock
) -> None:
    good, better, _ = fill(app, *(at(site, key) for key in ("good", "better", "gone")))
    seen(app, good)
    [first] = check(app, ["site"])
    clock.forward(days=6)
    seen(app, better)
    [second] = check(app, ["site"])
    clock.forward(days=2)
    site.requests.clear()
    [third] = check(app, ["site"])
    again = asked(site)
    [everything] = check(app, ["site"], whole=True)

    assert counts(first) == (2, 1, 1, 0)
    # What is dead is asked for daily: it may have been an hour's mistake.
    assert counts(second) == (1, 0, 1, 0)
    assert [target.key for target in second.dead] == ["gone"]
    assert counts(third) == (2, 1, 1, 0)
    assert again == ["HEAD /good", "HEAD /gone", "GET /gone"]
    assert counts(everything) == (3, 2, 1, 0)


def test_a_check_that_is_told_to_stop_goes_on_from_there(
    app: App, site: Loopback
) -> None:
    fill(app, *(at(site, key) for key in ("good", "gone", "better")))
    app.stopped = lambda: "GET /gone" in site.requests
    with pytest.raises(StoppedError):
        list(check(app, ["site"]))
    assert asked(site) == ["HEAD /good", "HEAD /gone", "GET /gone"]

    app.stopped = lambda: False
    [report] = check(app, ["site"])

    assert counts(report) == (1, 1, 0, 0)
    assert dead_keys(app) == ["gone"]
    assert asked(site)[3:] == ["HEAD /better"]


def test_what_answers_again_is_alive_again(
    app: App, site: Loopback, clock: FakeClock
) -> None:
    fill(app, at(site, "gone"))
    list(check(app, ["site"]))
    assert dead_keys(app) == ["gone"]
    site.on("/gone", as_text("Back."))
    clock.forward(days=8)

    [report] = check(app, ["site"])

    assert counts(report) == (1, 1, 0, 0)
    assert dead_keys(app) == []


def test_what_is_not_public_is_asked_of_its_own_host_alone(
    app: App, site: Loopback
) -> None:
    with Loopback() as other:
        other.on("/page", as_text("A page."))
        inside = other.url.replace("127.0.0.1", "localhost")
        private = {"visibility": "source:site"}
        fill(
            app,
            at(site, "good", **private),
            at(site, "far", url=f"{inside}/page", **private),
        )

        [report] = check(app, ["site"])

        assert counts(report) == (2, 1, 0, 1)
        assert other.requests == []


def test_a_deleted_video_is_found_though_its_page_still_answers(
    tmp_path: Path, site: Loopback, community: Community, clock: FakeClock
) -> None:
    library = Library.sample()
    with Sandbox(community, Settings(), library=library) as box:
        app = App(parse_config(config_for(site, box), folder=tmp_path), clock=clock)
        known = next(iter(library.videos()))
        fill(
            app,
            *(
                at(site, key, source="videos", url=f"{box.videos_url}/watch?v={key}")
                for key in (known, "deleted0000")
            ),
        )

        [report] = check(app, ["videos"])

        assert counts(report) == (2, 1, 1, 0)
        assert dead_keys(app) == ["deleted0000"]
        paths = [request.partition("?")[0] for request in box.requests]
        assert [path for path in paths if "robots" not in path] == [
            "GET /videos/oembed"
        ] * 2


def test_forums_are_not_checked(
    tmp_path: Path, site: Loopback, box: Sandbox, clock: FakeClock
) -> None:
    app = App(parse_config(config_for(site, box), folder=tmp_path), clock=clock)

    assert names_to_check(app.sources) == ["site", "videos"]
    assert names_to_check(app.sources, ["videos"]) == ["videos"]
    with pytest.raises(ConfigError, match=r"sources\.forum\.type: expected another"):
        names_to_check(app.sources, ["forum"])


def waits_of_a_check(
    tmp_path: Path, site: Loopback, clock: FakeClock, **forum: Any
) -> list[int]:
    """What a check of two pages of a checkout waits for, in seconds."""
    config = config_for(site)
    config["sources"] = {
        "docs": {"type": "markdown", "path": ".", "base_url": site.url}
    } | {name: {"type": "forum", **settings} for name, settings in forum.items()}
    waits: list[float] = []
    sources = Sources(
        parse_config(config, folder=tmp_path), clock=clock, sleep=waits.append
    )
    with sources.checker("docs") as checker:
        assert checker.check(f"{site.url}/good") == ALIVE
        assert checker.check(f"{site.url}/better") == ALIVE
    return [round(wait) for wait in waits if round(wait)]


def test_a_host_of_which_nothing_else_is_known_is_asked_once_a_second(
    tmp_path: Path, site: Loopback, clock: FakeClock
) -> None:
    # robots.txt comes first; and nobody really waits here, so it adds up.
    assert waits_of_a_check(tmp_path, site, clock) == [1, 2]


def test_a_host_is_asked_as_its_own_source_says(
    tmp_path: Path, site: Loopback, clock: FakeClock
) -> None:
    forum = {"url": f"{site.url}/forum", "requests_per_second": 1000}

    assert waits_of_a_check(tmp_path, site, clock, forum=forum) == []


# -- the command and the job -----------------------------------------------


def test_the_command_tells_what_is_dead_and_so_does_the_status(
    tmp_path: Path, site: Loopback
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config_for(site)), "utf-8")
    fill(App(load_config(path)), at(site, "good"), at(site, "gone"))

    def baraza(*words: str) -> str:
        result = CliRunner().invoke(main, ["--config", str(path), *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    told = baraza("check").splitlines()
    again = json.loads(baraza("check", "--json", "site"))
    status = json.loads(baraza("status", "--json"))
    lines = baraza("status").splitlines()

    assert told[0] == (
        "site: 2 asked for, 1 alive, 1 dead, 0 not known; 1 left out of search"
    )
    [dead] = told[1:]
    assert dead.startswith(f"  dead: Gone {site.url}/gone, since ")
    assert dead.endswith(f": {GONE}")
    assert (again["total"], len(again["dead"])) == (0, 1)
    assert (again["dead"][0]["key"], again["dead"][0]["problem"]) == ("gone", GONE)
    assert [source["dead"] for source in status["sources"]] == [1]
    assert [target["key"] for target in status["dead"]] == ["gone"]
    assert dead.strip() in lines
    assert any("1 dead (baraza check)" in line for line in lines)


def test_the_job_checks_beside_the_harvests_until_told_to_stop(
    app: App, site: Loopback
) -> None:
    fill(app, at(site, "good"), at(site, "gone"))
    [job] = [each for each in Service(app).jobs() if each.name == "check"]
    assert job.lane == "check"

    app.stopped = lambda: True
    assert job.run() is False
    assert site.requests == []

    app.stopped = lambda: False
    assert job.run() is True
    assert dead_keys(app) == ["gone"]


# -- before the bot links --------------------------------------------------


class Asking:
    """Finds what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.verdicts: dict[str, Verdict] = {}
        self.asked: list[str] = []

    def __call__(self, target: Target) -> Verdict:
        self.asked.append(target.key)
        return self.verdicts.get(target.key, ALIVE)


@pytest.fixture
def asking() -> Asking:
    return Asking()


@pytest.fixture
def vouch(store: Store, asking: Asking, clock: FakeClock) -> SeenAlive:
    insert(store, page("backup", "Use pg_dump."))
    return SeenAlive(
        store, asking, alive_within=WEEK, clock=clock, trusted=["elsewhere"]
    )


def test_what_was_seen_lately_is_vouched_for_unasked(
    store: Store, vouch: SeenAlive, asking: Asking, clock: FakeClock
) -> None:
    with store.transaction():
        store.documents.verify([DocumentId(1)], at=clock())
    clock.forward(days=7)

    assert vouch.problem_with("handbook", "backup") == ""
    assert asking.asked == []


def test_what_was_found_dead_lately_is_not_asked_for_again(
    store: Store, vouch: SeenAlive, asking: Asking, clock: FakeClock
) -> None:
    with store.transaction():
        url = "https://example.org/backup"
        store.targets.mark(DocumentId(1), url, problem=GONE, at=clock())

    assert vouch.problem_with("handbook", "backup") == GONE
    assert asking.asked == []


@pytest.mark.parametrize(
    ("verdict", "problem", "noted"),
    [
        (ALIVE, "", (NOW, "")),
        (Verdict("dead", GONE), GONE, (NOW, GONE)),
        (
            Verdict("unknown", "it answers 418"),
            "not known to be alive: it answers 418",
            (None, ""),
        ),
    ],
)
def test_what_nobody_saw_lately_is_asked_for_once_and_noted_when_told_to(
    store: Store,
    vouch: SeenAlive,
    asking: Asking,
    verdict: Verdict,
    problem: str,
    noted: tuple[Any, str],
) -> None:
    asking.verdicts["backup"] = verdict

    found = [vouch.problem_with("handbook", "backup") for _ in range(2)]
    before = store.targets.get(DocumentId(1))
    vouch.note()
    after = store.targets.get(DocumentId(1))

    assert found == [problem] * 2
    assert asking.asked == ["backup"]
    assert before is not None
    assert after is not None
    assert (before.seen_at, before.problem) == (None, "")
    assert (after.seen_at, after.problem) == noted


def test_topics_of_other_forums_are_left_to_their_harvests(
    store: Store, vouch: SeenAlive, asking: Asking
) -> None:
    insert(store, replace(page("9", "A topic."), source="elsewhere", kind=Kind.THREAD))

    assert vouch.problem_with("elsewhere", "9") == ""
    assert asking.asked == []


def test_what_was_deleted_meanwhile_is_not_vouched_for(
    vouch: SeenAlive, asking: Asking
) -> None:
    assert vouch.problem_with("handbook", "lost") == "it has left the knowledge base"
    assert asking.asked == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"expires_at": NOW + WEEK}, ""),
        ({"expires_at": NOW}, "it is over"),
        ({"visibility": "source:handbook"}, "it is not public"),
        ({"listed": False}, "it is not public"),
    ],
)
@pytest.mark.parametrize("source", ["handbook", "elsewhere"])
def test_what_is_over_or_not_public_any_more_is_not_vouched_for(
    store: Store,
    vouch: SeenAlive,
    asking: Asking,
    source: str,
    changes: dict[str, Any],
    problem: str,
) -> None:
    insert(store, replace(page("academy", "Days."), source=source, **changes))

    assert vouch.problem_with(source, "academy") == problem
    assert asking.asked == ([] if problem or source == "elsewhere" else ["academy"])


@pytest.fixture
def answering(
    forum: LiveForum, app: App, clock: FakeClock
) -> Iterator[Callable[..., Responder]]:
    """Responders that find the pages they are told to, of the store of *app*."""
    with ExitStack() as stack:
        store = stack.enter_context(app.open_store())

        def make(*keys: str) -> Responder:
            hits = []
            for number, key in enumerate(keys, start=1):
                target = store.targets.find("site", key)
                assert target is not None
                made = hit(number, source="site", key=key, url=target.url)
                hits.append(made)
            return Responder(
                "forum",
                forum=forum,
                store=store,
                find=lambda _topic, _question: hits,
                languages=["en"],
                settings=PolicySettings(BOT, 0.5),
                mode="public",
                community="Example Forum",
                clock=clock,
                vouch=SeenAlive(
                    store,
                    AskAny(app.sources, stack),
                    alive_within=WEEK,
                    clock=clock,
                ),
            )

        yield make


def test_a_dead_page_is_left_out_of_the_answer_and_of_every_later_search(
    app: App, site: Loopback, community: Community, answering: Callable[..., Responder]
) -> None:
    fill(app, at(site, "gone"), at(site, "good"), at(site, "broken"))
    topic_id = ask(community)

    decision = answering("gone", "good", "broken").respond(topic_id)

    assert decision.state == "posted"
    assert [each["key"] for each in decision.suggestions] == ["good"]
    assert f"left out {site.url}/gone: {GONE}" in decision.reasons
    [unsure] = [each for each in decision.reasons if "/broken: not known" in each]
    assert unsure.startswith(f"left out {site.url}/broken: not known to be alive: ")
    [body] = own_posts(community, topic_id)
    assert f"{site.url}/good" in body
    assert f"{site.url}/gone" not in body
    assert dead_keys(app) == ["gone"]
    # No topic of the forum has to be read again for it.
    with app.open_store(readonly=True) as store:
        assert store.progress.all_set_aside() == []


def test_nothing_is_said_when_all_that_would_be_linked_is_dead(
    app: App, site: Loopback, community: Community, answering: Callable[..., Responder]
) -> None:
    fill(app, at(site, "gone"))
    topic_id = ask(community)

    decision = answering("gone").respond(topic_id)

    assert decision.is_silent
    assert own_posts(community, topic_id) == []
    assert dead_keys(app) == ["gone"]


def test_considering_a_topic_marks_nothing(
    app: App, site: Loopback, community: Community, answering: Callable[..., Responder]
) -> None:
    fill(app, at(site, "gone"), at(site, "good"))
    topic_id = ask(community)

    decision = answering("gone", "good").consider(topic_id)

    assert [each["key"] for each in decision.suggestions] == ["good"]
    with app.open_store(readonly=True) as store:
        seen_at = [store.targets.find("site", key) for key in ("gone", "good")]
    assert [(each.seen_at, each.problem) for each in seen_at if each] == [
        (None, ""),
        (None, ""),
    ]


def test_a_claim_whose_event_is_over_meanwhile_is_not_posted(
    app: App,
    site: Loopback,
    community: Community,
    clock: FakeClock,
    answering: Callable[..., Responder],
) -> None:
    fill(app, at(site, "good", expires_at=NOW + timedelta(hours=1)))
    topic_id = ask(community)
    claimed = replace(answering("good").consider(topic_id), state="claimed")
    with app.open_store() as store, store.transaction():
        assert store.ledger.record(claimed)
    clock.forward(hours=2)

    [settled] = answering("good").reconcile()

    assert settled.state == "refused"
    assert settled.reasons[-1] == (
        f"never posted, and now {site.url}/good must not be linked: it is over"
    )
    assert own_posts(community, topic_id) == []


def test_a_claim_whose_page_died_meanwhile_is_not_posted(
    app: App, site: Loopback, community: Community, answering: Callable[..., Responder]
) -> None:
    fill(app, at(site, "good"))
    topic_id = ask(community)
    claimed = replace(answering("good").consider(topic_id), state="claimed")
    with app.open_store() as store, store.transaction():
        assert store.ledger.record(claimed)
    site.on("/good", Reply(410))

    [settled] = answering("good").reconcile()

    assert settled.state == "refused"
    assert settled.reasons[-1] == (
        f"never posted, and now {site.url}/good must not be linked: 410, it is gone"
    )
    assert own_posts(community, topic_id) == []
    assert dead_keys(app) == ["good"]
