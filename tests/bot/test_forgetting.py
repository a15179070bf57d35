"""Who asks to be forgotten leaves everything, and no harvest brings them back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot.app import App
from bot.cli import main
from bot.cli_base import Session
from bot.config_sources import ArchiveSource
from bot.forgetting import (
    ForgetReport,
    export,
    forget,
    remember,
    sources_of_people,
)
from bot.sandbox import Community, Sandbox
from kb.errors import ConfigError, KBError
from kb.store import Decision, Mark
from kb.types import TopicId
from tests.bot.making import NOW
from tests.bot.test_app import app_for

# No other text of these tests, and none of ours, holds this word.
WORD = "xylorimba"
NAME = "quetzalcoatl"


@pytest.fixture
def app(tmp_path: Path, box: Sandbox, community: Community) -> App:
    """A forum where one member answered, asked and was quoted; harvested, indexed."""
    community.add_user(NAME)
    community.add_topics(3, posts=2, category="support")
    answered = community.add_topic(
        "How do I tune the instrument that I play?",
        "It sounds odd since last week, and I do not know why.",
        user="amina",
        category="support",
    )
    post = community.add_post(
        answered.id,
        f"Your {WORD} needs new keys, see [them](https://docs.example/keys).",
        user=NAME,
    )
    community.add_post(
        answered.id,
        f'[quote="{NAME}, post:{post.number}, topic:{answered.id}"]\n'
        f"Your {WORD} needs new keys\n[/quote]\n\nThank you, that was it.",
        user="ben",
    )
    asked = community.add_topic(
        f"Where can I buy a {WORD} that is not new?",
        "I look for one that somebody has played before.",
        user=NAME,
        category="support",
    )
    community.add_post(asked.id, "There is a market on Sundays.", user="ben")
    made = app_for(tmp_path, box)
    refresh(made)
    assert traces(made, WORD)
    return made


def refresh(app: App) -> None:
    app.harvest("forum")
    app.index()


def traces(app: App, *words: str) -> list[str]:
    """The files of the installation that hold one of *words*."""
    with app.open_store() as store:
        store.db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return [
        str(path.relative_to(app.data_dir))
        for path in sorted(app.data_dir.rglob("*"))
        if path.is_file()
        and any(word.encode() in path.read_bytes().lower() for word in words)
    ]


def topics_of(community: Community) -> tuple[TopicId, TopicId]:
    """Where they answered, and what they asked."""
    answered, asked = sorted(community.topics)[-2:]
    return TopicId(answered), TopicId(asked)


def decided(topic_id: TopicId, **more: Any) -> Decision:
    values: dict[str, Any] = {
        "title": "A title",
        "mode": "public",
        "state": "decided",
        "reasons": ("because",),
        "decided_at": NOW,
    }
    return Decision("forum", topic_id, **(values | more))


def link(topic_id: TopicId, part: int) -> dict[str, Any]:
    return {
        "kind": "thread",
        "title": "A title",
        "url": f"https://forum.example/t/{topic_id}/{part}",
        "source": "forum",
        "key": str(topic_id),
        "part": part,
    }


def test_nothing_of_theirs_is_left_in_any_file(app: App, community: Community) -> None:
    [report] = forget(app, NAME.upper(), ["forum"])

    assert report == ForgetReport(
        source="forum", accounts=1, posts=2, topics=1, decisions=0, replies=()
    )
    assert traces(app, WORD, NAME) == []


def test_what_others_wrote_stays_without_its_quotes(
    app: App, community: Community
) -> None:
    answered, asked = topics_of(community)
    forget(app, NAME, ["forum"])

    with app.open_store(readonly=True) as store:
        kept = store.documents.find("forum", str(answered))
        assert kept is not None
        document = store.documents.load(kept.id)
        assert store.documents.find("forum", str(asked)) is None
    assert document is not None
    assert [part.author for part in document.parts] == ["amina", "ben"]
    assert [item.cause for item in document.left_out] == ["forgotten author"]
    assert "quote" not in document.parts[1].body
    assert "that was it" in document.parts[1].body


@pytest.mark.parametrize("full", [False, True])
def test_no_harvest_brings_them_back(
    app: App, community: Community, *, full: bool
) -> None:
    answered, asked = topics_of(community)
    forget(app, NAME, ["forum"])
    community.add_post(answered, f"And a word more on the {WORD}.", user=NAME)
    community.add_post(asked, "On Mondays as well, by the way.", user="ben")
    member = community.user(NAME)
    member.username = "renamed_since"
    community.index_user(member)

    app.harvest("forum", full=full)
    app.index()

    assert traces(app, WORD, NAME, "renamed_since") == []
    report = app.verify("forum", sample=None)
    assert (report.different, report.failed) == ((), ())


def test_their_topics_stay_known_as_decided_so_that_none_is_answered_twice(
    app: App, community: Community
) -> None:
    answered, asked = topics_of(community)
    theirs = community.user(NAME).id
    posted = decided(
        asked, state="claimed", body=f"On the {WORD}", author_id=theirs, title=WORD
    )
    quoting = decided(
        TopicId(900),
        state="claimed",
        body=f"See the {WORD}",
        suggestions=(link(answered, 2), link(answered, 1)),
    )
    with app.open_store() as store, store.transaction():
        for decision in (posted, quoting):
            store.ledger.record(decision)
            store.ledger.settle("forum", decision.topic_id, "posted", at=NOW)
        store.feedback.replace(
            "forum", TopicId(900), [Mark(TopicId(900), "like", theirs, 1, False, NOW)]
        )

    [report] = forget(app, NAME, ["forum"])

    assert (report.decisions, report.replies) == (1, (TopicId(900),))
    assert traces(app, WORD, NAME) == []
    with app.open_store(readonly=True) as store:
        first, second = (store.ledger.get("forum", t) for t in (asked, TopicId(900)))
        marks = store.feedback.of("forum", TopicId(900))
    assert first is not None
    assert second is not None
    assert (first.state, first.title, first.body) == ("posted", "", "")
    assert first.reasons == ("its author was forgotten",)
    assert (second.state, second.body) == ("posted", "")
    gone = link(answered, 2)
    left = {name: gone[name] for name in ("source", "key", "part", "url")}
    assert list(second.suggestions) == [left | {"forgotten": True}, link(answered, 1)]
    assert marks == []


def test_a_reply_that_was_about_to_quote_them_is_not_sent(
    app: App, community: Community
) -> None:
    answered, _ = topics_of(community)
    with app.open_store() as store, store.transaction():
        store.ledger.record(
            decided(
                TopicId(900),
                state="claimed",
                body=f"See the {WORD}",
                suggestions=(link(answered, 2),),
            )
        )

    forget(app, NAME, ["forum"])

    with app.open_store(readonly=True) as store:
        [kept] = store.ledger.in_state("forum", "refused")
    assert (kept.topic_id, kept.body, kept.suggestions) == (900, "", ())


def test_forgetting_twice_changes_nothing_more(app: App) -> None:
    forget(app, NAME, ["forum"])
    with app.open_store(readonly=True) as store:
        generation = store.generation

    [again] = forget(app, NAME, ["forum"])

    assert (again.posts, again.topics) == (0, 0)
    with app.open_store(readonly=True) as store:
        assert store.generation == generation


def test_who_is_not_known_yet_is_not_read_later(app: App, community: Community) -> None:
    forget(app, "newcomer", ["forum"])
    community.add_user("newcomer")
    community.add_topic(
        "Something about the glockenspiel of a newcomer",
        "A glockenspiel is a set of bars.",
        user="newcomer",
        category="support",
    )
    refresh(app)

    assert traces(app, "glockenspiel") == []


def test_taken_back_it_is_read_again(app: App, community: Community) -> None:
    forget(app, NAME, ["forum"])

    assert remember(app, NAME, ["forum"]) == ["forum"]
    refresh(app)
    answered = traces(app, WORD)
    app.harvest("forum", full=True)

    assert answered
    with app.open_store(readonly=True) as store:
        assert store.documents.find("forum", str(topics_of(community)[1])) is not None
    assert remember(app, NAME, ["forum"]) == []


def held(app: App, sources: Sequence[str] = ("forum",)) -> list[dict[str, Any]]:
    return list(export(app, NAME, sources))


def test_all_that_is_held_can_be_had(app: App, community: Community) -> None:
    answered, asked = topics_of(community)
    member = community.user(NAME)
    with app.open_store() as store, store.transaction():
        store.ledger.record(decided(asked, author_id=member.id))
        store.feedback.replace(
            "forum", asked, [Mark(asked, "like", member.id, 1, False, NOW)]
        )
        store.members.wish(
            "forum",
            username=NAME,
            user_id=member.id,
            answers=False,
            origin="message",
            at=NOW,
        )

    items = held(app)

    assert [item["what"] for item in items] == [
        "wish",
        "post",
        "post",
        "decision",
        "mark",
    ]
    posts = {item["url"].rpartition("/t/")[2]: item for item in items[1:3]}
    assert sorted(posts) == [f"{answered}/2", f"{asked}/1"]
    post = posts[f"{answered}/2"]
    assert WORD in post["body"]
    assert (post["author"], len(post["links"])) == (NAME, 1)


def test_of_who_was_forgotten_only_the_wish_is_held(app: App) -> None:
    forget(app, NAME, ["forum"])

    [item] = held(app)

    assert (item["what"], item["answers"], item["indexed"]) == ("wish", False, False)


def test_nothing_held_is_told(app: App) -> None:
    with pytest.raises(KBError, match="nothing is held of a member called nobody"):
        list(export(app, "nobody", ["forum"]))


def test_an_archive_forgets_as_well(tmp_path: Path, box: Sandbox) -> None:
    posts = [
        {"post_number": 1, "created_at": "2024-01-01T00:00:00Z", "cooked": "<p>Q</p>"},
        {"post_number": 2, "created_at": "2024-01-02T00:00:00Z", "cooked": "<p>A</p>"},
    ]
    lines = []
    for number, (asker, helper) in enumerate([("amina", NAME), (NAME, "ben")], 1):
        for post, author in zip(posts, (asker, helper), strict=True):
            post["username"] = author
        topic = {
            "id": number,
            "title": f"Topic {number}",
            "created_at": "2024-01-01T00:00:00Z",
            "posts": posts,
        }
        lines.append(json.dumps(topic))
    file = tmp_path / "history.jsonl"
    file.write_text("\n".join(lines), "utf-8")
    base = app_for(tmp_path, box)
    history = ArchiveSource(
        type="archive", path=file, forum_url="https://forum.example"
    )
    config = base.config.model_copy(update={"sources": {"history": history}})
    app = App(config)
    app.harvest("history")

    [report] = forget(app, NAME, ["history"])
    again = app.harvest("history", full=True)

    assert (report.posts, report.topics) == (2, 1)
    assert (again.inserted, again.skipped) == (0, {"forgotten author": 1})
    assert traces(app, NAME) == []


# -- the commands ------------------------------------------------------------


def run(app: App, *args: str, stdin: str = "") -> Any:
    session = Session()
    session.__dict__["app"] = app
    return CliRunner().invoke(main, args, obj=session, input=stdin)


def test_it_asks_before_it_forgets(app: App) -> None:
    refused = run(app, "forget", NAME, stdin="n\n")
    assert refused.exit_code == 1
    assert traces(app, WORD)

    done = run(app, "forget", NAME, "--json", stdin="y\n")

    assert done.exit_code == 0
    assert json.loads(done.stdout)["posts"] == 2
    assert traces(app, WORD) == []


def test_an_export_goes_to_a_file(app: App, tmp_path: Path) -> None:
    file = tmp_path / "held.jsonl"

    done = run(app, "export", NAME, "--out", str(file))

    assert done.exit_code == 0, done.output
    items = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [item["what"] for item in items] == ["post", "post"]


def test_a_source_without_authors_is_refused(app: App) -> None:
    done = run(app, "export", NAME, "--source", "docs")

    assert done.exit_code == 2
    assert "expected a forum or an archive" in done.stderr
    with pytest.raises(ConfigError):
        sources_of_people(app, ["nowhere"])


def test_forgotten_is_told_by_number_after_a_new_name(app: App) -> None:
    """The tombstone holds no name."""
    forget(app, NAME, ["forum"])

    with app.open_store(readonly=True) as store:
        gone = store.members.forgotten("forum")
        [member] = store.members.all("forum")

    assert gone.covers("anything", member.user_id)
    assert not gone.covers("anything", None)
    assert NAME not in repr(replace(member))
