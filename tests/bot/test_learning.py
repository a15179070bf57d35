"""Learning from a community's links: what is saved, told, and never used."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.app import App, StoppedError
from bot.learning import LearnReport, learn
from bot.sandbox import Community, Sandbox
from bot.service import Service
from bot.show_ranking import learn_lines
from kb.model import load_model, plain_model, shipped_model, starting_model
from kb.store import Decision, Mark
from kb.types import Kind, TopicId
from tests.bot.conftest import FakeClock
from tests.bot.making import NOW
from tests.bot.test_app import app_for
from tests.bot.test_forum import ask

# Words that tell one subject from the others.
SUBJECTS = re.findall(
    r"\w+",
    """
    backup map chart user login email import export period indicator program event
    tracker sharing translation dashboard pivot legend sms android sync cache proxy
    tomcat postgres restore upgrade metadata category dataset
    """,
)


def named(subject: str) -> str:
    """Several words of a subject's own."""
    return " ".join(f"{subject}{end}" for end in ("", "ware", "net", "book"))


def linked_history(
    community: Community, box: Sandbox, clock: FakeClock, *, count: int
) -> None:
    """So many answered questions, each with a link to an older one of its subject."""
    subjects = SUBJECTS[:count]
    older = {}
    for subject in subjects:
        clock.forward(hours=6)
        older[subject] = ask(community, f"About {named(subject)} in general")
    for subject in subjects:
        clock.forward(hours=6)
        topic_id = ask(community, f"{named(subject)} failed")
        clock.forward(hours=1)
        url = f"{box.url}/t/{older[subject]}"
        community.add_post(topic_id, f"See {url} for that.", user="ben")
    clock.forward(days=1)


def installed(
    tmp_path: Path, box: Sandbox, community: Community, clock: FakeClock, count: int
) -> App:
    linked_history(community, box, clock, count=count)
    app = app_for(tmp_path, box)
    app.clock = clock
    app.harvest("forum")
    return app


@pytest.fixture
def app(tmp_path: Path, box: Sandbox, community: Community, clock: FakeClock) -> App:
    return installed(tmp_path, box, community, clock, len(SUBJECTS))


def test_what_was_learned_ranks_from_then_on(
    app: App, box: Sandbox, clock: FakeClock
) -> None:
    report = learn(app)

    model = load_model(app.model_path)
    assert (report.saved, report.questions, report.threads) == (True, 30, 60)
    assert model.learned_on == box.url
    assert model.learned_until == clock()
    # Of documentation nothing was learned here, whatever the start knew of it.
    assert {k: m.examples for k, m in model.kinds.items()} == {
        Kind.THREAD: 30,
        Kind.DOCS: 0,
    }
    assert model.of(Kind.DOCS).weights == shipped_model().of(Kind.DOCS).weights
    assert model.of(Kind.THREAD).weights != shipped_model().of(Kind.THREAD).weights
    assert [each.asked for each in model.thresholds] == [0.3, 0.4, 0.5, 0.6, 0.7]
    assert app.ranking_model() == model
    assert app.policy_settings().thresholds == model.thresholds[1]


def test_it_is_told_how_the_newest_questions_were_ranked_for(app: App) -> None:
    report = learn(app)

    [threads] = [each for each in report.kinds if each.kind is Kind.THREAD]
    figures, before = threads.figures, threads.before
    assert figures is not None
    assert before is not None
    assert figures.questions == before.questions == 6
    # The subject of each is named in one older thread alone: that is not hard.
    assert min(figures.recall, before.recall) == 1.0
    sizes = [abs(each.weight) for each in threads.weights]
    assert sizes == sorted(sizes, reverse=True)
    [docs] = [each for each in report.kinds if each.kind is Kind.DOCS]
    assert (docs.examples, docs.is_learned, docs.figures) == (0, False, None)

    text = learn_lines(report)
    assert "thread: learned from 30 questions" in text
    assert "docs page: only 0 questions" in text
    assert "on the 6 newest questions" in text
    assert max(map(len, text.splitlines())) <= 80


def test_it_is_told_how_often_it_would_speak_where_nobody_linked_anything(
    app: App,
) -> None:
    """Some of the older half, which was answered with nothing, are met beside the
    others, and those of the last days are told of; here there are none."""
    report = learn(app)
    [threads] = [each for each in report.kinds if each.kind is Kind.THREAD]
    assert threads.figures is not None
    assert threads.before is not None
    assert (threads.figures.unanswered, threads.figures.spoken) == (0, None)
    assert "nobody" not in learn_lines(report)

    figures = replace(threads.figures, unanswered=40, spoken=0.125)
    told = learn_lines(replace(report, kinds=(replace(threads, figures=figures),)))
    assert "that nobody answered with a link" in " ".join(told.split())
    assert "5 of 40 tried would have got one" in " ".join(told.split())
    assert "the order is as good as before" in told
    better = replace(figures, ndcg=threads.before.ndcg + 0.25)
    told = learn_lines(replace(report, kinds=(replace(threads, figures=better),)))
    assert "the order is better than before, by 0.250 of nDCG@10" in told


def test_learning_again_learns_the_same_and_embeds_nothing(app: App) -> None:
    first = learn(app)
    saved = app.model_path.read_bytes()

    again = learn(app)

    assert first.embedded > 0
    assert again.embedded == 0
    assert app.model_path.read_bytes() == saved


def test_too_little_history_changes_nothing_and_says_so(
    tmp_path: Path, box: Sandbox, community: Community, clock: FakeClock
) -> None:
    app = installed(tmp_path, box, community, clock, 5)

    report = learn(app)

    assert (report.saved, report.questions) == (False, 5)
    assert not app.model_path.exists()
    assert app.ranking_model() == shipped_model()
    assert "too little to learn from: the weights in use stay" in learn_lines(report)


def test_told_to_stop_on_the_way_the_model_in_use_stays(app: App) -> None:
    learn(app)
    saved = app.model_path.read_bytes()
    seen: list[str] = []

    def stop(step: str, done: int, _todo: int) -> None:
        seen.append(step)
        if step == "ranking" and done == 25:
            raise StoppedError

    with pytest.raises(StoppedError):
        learn(app, progress=stop)

    assert {"reading", "embedding", "ranking"} == set(seen)
    assert app.model_path.read_bytes() == saved
    assert [each.name for each in app.data_dir.glob("ranking*")] == ["ranking.json"]


def test_switched_off_signals_are_not_learned(app: App) -> None:
    without = app.config.ranking.model_copy(update={"without": ["words", "links"]})
    app.config = app.config.model_copy(update={"ranking": without})

    learn(app)

    names = set(load_model(app.model_path).of(Kind.THREAD).weights)
    assert "cosine_title" in names
    assert not names & {"bm25_title", "coverage", "linked_by_words", "in_links"}


def test_what_is_private_by_now_teaches_nothing(
    app: App, community: Community, box: Sandbox
) -> None:
    for topic in list(community.topics.values()):
        if topic.title.startswith("About"):
            community.set_category(topic.id, "staff")
    app.harvest("forum", full=True, accept_deletions=True)

    report = learn(app)

    assert (report.saved, report.questions, report.threads) == (False, 0, 30)


def test_another_precision_gets_thresholds_of_its_own(app: App) -> None:
    bot = app.config.bot.model_copy(update={"precision": 0.45})
    app.config = app.config.model_copy(update={"bot": bot})

    learn(app)

    asked = [each.asked for each in load_model(app.model_path).thresholds]
    assert asked == [0.3, 0.4, 0.45, 0.5, 0.6, 0.7]
    assert app.policy_settings().thresholds.asked == 0.45


@pytest.mark.parametrize(
    ("forum", "asked_after", "name"),
    [
        ("https://forum.example/", -1, "plain"),
        ("http://FORUM.example", -1, "plain"),
        ("https://forum.example", 1, "shipped"),
        ("https://other.example", -1, "shipped"),
    ],
)
def test_a_shipped_model_that_knows_the_answers_is_not_started_from(
    forum: str, asked_after: int, name: str
) -> None:
    """Its held-back figures would be those of a ranking that was told."""
    from dataclasses import replace

    shipped = replace(
        plain_model(), learned_on="https://forum.example", learned_until=NOW
    )
    first = NOW + timedelta(days=asked_after)

    model = starting_model([forum], first, shipped=shipped)

    assert ("plain" if model is plain_model() else "shipped") == name
    assert (model is shipped) == (name == "shipped")


def test_the_job_learns_and_does_so_at_the_start_only_once(
    app: App, forum_service: Callable[[App], Service]
) -> None:
    [job] = [each for each in forum_service(app).jobs() if each.name == "learn"]
    assert (job.lane, job.at_start) == ("learn", True)

    assert job.run() is True
    assert app.model_path.exists()
    [job] = [each for each in forum_service(app).jobs() if each.name == "learn"]
    assert not job.at_start

    app.stopped = lambda: True
    assert job.run() is False


@pytest.fixture
def forum_service() -> Callable[[App], Service]:
    return Service


def test_a_report_is_plain_json(app: App) -> None:
    from bot.terminal import plain

    report = learn(app)

    told = json.loads(json.dumps(plain(report)))
    assert told["kinds"][0]["kind"] == "thread"
    assert told["kinds"][0]["weights"][0].keys() == {"name", "weight", "about"}
    assert isinstance(report, LearnReport)


def test_what_people_made_of_replies_has_a_say_in_thresholds(app: App) -> None:
    # As the bot would have it: a topic that nobody answered with a link.
    topic_id = TopicId(1)
    decision = Decision(
        "forum",
        topic_id,
        "?",
        "public",
        "claimed",
        ("sure",),
        NOW,
        suggestions=[{"kind": "thread", "confidence": 0.9}],
        body="See this.",
    )
    with app.open_store() as store, store.transaction():
        store.ledger.record(decision)
        mark = Mark(topic_id, "reaction", 5, 1, False, NOW)
        store.feedback.replace("forum", topic_id, [mark])

    report = learn(app)

    # Not a question more is answered because of it.
    assert (report.ratings, report.questions) == (1, 30)
    assert "thresholds heed 1 rated reply of the bot" in learn_lines(report)
    assert "rated" not in learn_lines(replace(report, ratings=0))
