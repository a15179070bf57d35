"""Who asks to be forgotten leaves everything, and no harvest brings them back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from shutil import rmtree
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
from kb.index.known import title_hashes
from kb.store import Decision, Mark, Profile
from kb.types import LoosePart, Part, TopicId
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


def test_no_query_that_many_searched_in_vain_names_them(app: App) -> None:
    with app.open_store() as store, store.transaction():
        store.searches.miss(NOW.date(), f"email {NAME}", 5, 5)
        store.searches.miss(NOW.date(), "email server", 5, 5)

    forget(app, NAME, ["forum"])

    assert traces(app, NAME) == []
    with app.open_store(readonly=True) as store:
        found = store.searches.misses(date.min, date.max, 9)
    assert [each.query for each in found] == ["email server"]


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


def test_a_reply_that_may_have_been_sent_is_looked_for_and_not_sent(
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
        [kept] = store.ledger.in_state("forum", "claimed")
    gone = link(answered, 2)
    left = {name: gone[name] for name in ("source", "key", "part", "url")}
    assert (kept.topic_id, kept.body) == (900, "")
    assert list(kept.suggestions) == [left | {"forgotten": True}]


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


def test_what_was_read_of_a_profile_can_be_had_and_goes(
    app: App, community: Community
) -> None:
    """Also where nothing else is held of the name it was read under."""
    answered, asked = topics_of(community)
    member, ben = community.user(NAME), community.user("ben")
    with app.open_store() as store, store.transaction():
        for user_id, name in ((member.id, f"{NAME}_before"), (ben.id, "ben")):
            store.profiles.keep("forum", Profile(user_id, name, "Dodoma", NOW))
        store.profiles.keep("forum", Profile(4711, "Stranger", "Lima", NOW))
        for topic_id in (answered, asked):
            store.verdicts.mark("forum", topic_id, "not_a_question", "staff", NOW)

    items = {item["what"]: item for item in held(app)}
    [alone] = export(app, "stranger", ["forum"])
    forget(app, NAME, ["forum"])
    forget(app, "stranger", ["forum"])

    assert (items["profile"]["name"], items["profile"]["region"]) == (
        f"{NAME}_before",
        "Dodoma",
    )
    assert items["verdict"]["topic_id"] == asked, "of what they asked alone"
    assert (alone["what"], alone["region"]) == ("profile", "Lima")
    with app.open_store(readonly=True) as store:
        assert list(store.profiles.of("forum")) == [ben.id]
        # That there is no answer wanted stays known, as decisions do.
        assert list(store.verdicts.of("forum")) == [answered, asked]
    assert traces(app, NAME, "stranger") == []


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


# -- what is met in no post that is held ---------------------------------------


def begin(community: Community, by: str, *replies: str) -> TopicId:
    """A topic with answers, each of which names its author."""
    topic = community.add_topic(
        f"What does the vuvuzela of {by} sound like?",
        "I would like to hear it before I buy one.",
        user=by,
        category="support",
    )
    for name in replies:
        community.add_post(topic.id, f"It is loud, says {name} to all.", user=name)
    return TopicId(topic.id)


def is_held(app: App, topic_id: TopicId) -> bool:
    with app.open_store(readonly=True) as store:
        return store.documents.find("forum", str(topic_id)) is not None


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("how", ["hide_post", "withdraw_post"])
def test_a_topic_leaves_also_when_its_first_post_was_gone_before(
    app: App, community: Community, how: str, *, early: bool
) -> None:
    begun = begin(community, NAME, "ben")
    if not early:
        app.harvest("forum")
    getattr(community, how)(community.posts_of(begun)[0].id)
    app.harvest("forum")
    assert is_held(app, begun)

    [report] = forget(app, NAME, ["forum"])
    app.harvest("forum", full=True)

    assert (report.topics, report.unknown) == (2, 0)
    assert not is_held(app, begun)
    assert traces(app, "vuvuzela", NAME) == []


def test_a_topic_of_others_stays_though_its_first_post_is_hidden(
    app: App, community: Community
) -> None:
    begun = begin(community, "amina", NAME, "ben")
    community.hide_post(community.posts_of(begun)[0].id)
    app.harvest("forum")

    [report] = forget(app, NAME, ["forum"])

    assert report.topics == 1
    with app.open_store(readonly=True) as store:
        found = store.documents.find("forum", str(begun))
        assert found is not None
        document = store.documents.load(found.id)
    assert document is not None
    assert [part.author for part in document.parts] == ["ben"]


def test_topics_of_which_nothing_says_who_began_them_are_told(
    app: App, community: Community
) -> None:
    """As of one that was read before their authors were kept."""
    begun = begin(community, NAME, "ben")
    community.hide_post(community.posts_of(begun)[0].id)
    app.harvest("forum")
    with app.open_store() as store:
        store.db.conn.execute("UPDATE left_out SET author_id = NULL")

    [report] = forget(app, NAME, ["forum"])

    assert (report.topics, report.unknown) == (1, 1)
    assert is_held(app, begun)
    app.harvest("forum")
    assert not is_held(app, begun)


def test_what_they_begin_and_hide_later_is_not_read(
    app: App, community: Community
) -> None:
    forget(app, NAME, ["forum"])
    begun = begin(community, NAME, "ben")
    community.hide_post(community.posts_of(begun)[0].id)

    app.harvest("forum")

    assert not is_held(app, begun)


def test_whoever_takes_the_name_later_is_somebody_else(
    app: App, community: Community
) -> None:
    forget(app, NAME, ["forum"])
    member = community.user(NAME)
    member.username = "renamed_since"
    community.index_user(member)
    community.add_user(NAME)
    begun = begin(community, NAME)
    theirs = begin(community, "renamed_since", "ben")

    app.harvest("forum")

    assert (is_held(app, begun), is_held(app, theirs)) == (True, False)


def test_names_of_any_letters_are_met(app: App, community: Community) -> None:
    community.add_user("Éloïse_Ünal")
    begun = begin(community, "amina", "Éloïse_Ünal")
    community.add_post(
        begun,
        f'[quote="Éloïse_Ünal, post:2, topic:{begun}"]\nIt is loud\n[/quote]\n\nTrue.',
        user="ben",
    )
    app.harvest("forum")

    [report] = forget(app, "ÉLOÏSE_ÜNAL", ["forum"])

    assert (report.accounts, report.posts) == (1, 1)
    assert traces(app, "éloïse", "Éloïse", "it is loud") == []


def keep_loose(app: App, topic_id: TopicId, *parts: Part) -> None:
    with app.open_store() as store, store.transaction():
        store.loose.add("forum", [LoosePart(str(topic_id), part) for part in parts])


def loose_parts() -> tuple[Part, Part]:
    quote = f'<aside class="quote" data-username="{NAME}"><p>A {WORD}</p></aside>'
    return (
        Part(
            2, f"<p>A {WORD}.</p>", external_id=9001, author="old_name", author_id=777
        ),
        Part(3, f"{quote}<p>True.</p>", external_id=9002, author="ben", author_id=3),
    )


def test_posts_that_wait_for_their_topic_are_searched_as_well(
    app: App, community: Community
) -> None:
    theirs, quoting = loose_parts()
    theirs = replace(theirs, author=NAME)
    keep_loose(app, TopicId(900), theirs, quoting)
    items = held(app)

    forget(app, NAME, ["forum"])

    loose = [item for item in items if item.get("key") == "900"]
    assert [(item["what"], item["body"]) for item in loose] == [("post", theirs.body)]
    with app.open_store(readonly=True) as store:
        [left] = store.loose.of("forum", "900")
    assert isinstance(left, Part)
    assert (left.author, left.body) == ("ben", "<p>True.</p>")
    assert traces(app, WORD) == []


def test_who_is_known_by_a_wish_alone_is_found_by_it(app: App) -> None:
    theirs, _ = loose_parts()
    keep_loose(app, TopicId(900), theirs)
    with app.open_store() as store, store.transaction():
        store.members.wish(
            "forum", username="new", user_id=777, answers=False, origin="field", at=NOW
        )
        store.ledger.record(decided(TopicId(901), author_id=777, title=WORD))

    [report] = forget(app, "new", ["forum"])

    assert (report.accounts, report.decisions) == (1, 1)
    with app.open_store(readonly=True) as store:
        person = store.forgetting.person("forum", "old_name")
        assert store.loose.of("forum", "900") == ()
        assert store.members.forgotten("forum").covers("old_name", None)
    assert person.ids == {777}
    assert remember(app, "old_name", ["forum"]) == ["forum"]
    with app.open_store(readonly=True) as store:
        assert store.members.all("forum") == []


def test_links_of_the_bot_to_their_posts_can_be_had(
    app: App, community: Community
) -> None:
    answered, asked = topics_of(community)
    links = (link(answered, 1), link(answered, 2), link(asked, 2))
    with app.open_store() as store, store.transaction():
        store.ledger.record(decided(TopicId(900), suggestions=links))
        store.ledger.record(decided(TopicId(901), suggestions=links[:1]))

    assert [item for item in held(app) if item["what"] == "suggestion"] == [
        {
            "source": "forum",
            "what": "suggestion",
            "forum": "forum",
            "topic_id": 900,
            "links": list(links[1:]),
        }
    ]


def test_links_into_an_archive_leave_decisions_of_the_forum(app: App) -> None:
    """The ledger is the forum's, whatever source is linked."""
    old = link(TopicId(5), 1) | {"source": "history", "title": WORD}
    with app.open_store() as store, store.transaction():
        store.ledger.record(decided(TopicId(900), suggestions=(old,), body=WORD))

        store.forgetting.unlink("history", at=NOW)

        kept = store.ledger.get("forum", TopicId(900))
    assert kept is not None
    assert (kept.suggestions, kept.body) == ((), "")


def test_a_draft_that_was_not_shown_yet_never_is(
    app: App, community: Community
) -> None:
    answered, asked = topics_of(community)
    quoting = (link(answered, 2),)
    with app.open_store() as store, store.transaction():
        for topic_id, links in (
            (asked, ()),
            (TopicId(900), quoting),
            (TopicId(901), ()),
        ):
            store.ledger.record(
                decided(topic_id, state="drafted", suggestions=links, body="Read this")
            )
            key = f"{topic_id}.2"
            store.messages.claim("forum", "draft", key, f"A {WORD}", at=NOW)

    forget(app, NAME, ["forum"])

    with app.open_store(readonly=True) as store:
        left = {
            key: (message.state, message.body)
            for key in (f"{asked}.2", "900.2", "901.2")
            if (message := store.messages.get("forum", "draft", key)) is not None
        }
    closed = ("closed", "")
    assert left == {
        f"{asked}.2": closed,
        "900.2": closed,
        "901.2": ("claimed", f"A {WORD}"),
    }


def test_vectors_leave_also_where_no_index_is(app: App) -> None:
    rmtree(app.index_folder)
    before = count_vectors(app)

    forget(app, NAME, ["forum"])

    with app.open_store(readonly=True) as store:
        wanted = {*store.passages.content_hashes(), *title_hashes(store)}
    assert before > count_vectors(app) == len(wanted)


def count_vectors(app: App) -> int:
    with closing(sqlite3.connect(app.cache_path)) as connection:
        rows = connection.execute("SELECT count(*) FROM embeddings").fetchone()
    return int(rows[0])


def test_all_names_of_an_account_are_taken_back_together(app: App) -> None:
    theirs, _ = loose_parts()
    for number, name in enumerate(("old_name", "new_name")):
        part = replace(theirs, author=name, external_id=9001 + number)
        keep_loose(app, TopicId(900 + number), part)
    forget(app, "new_name", ["forum"])
    with app.open_store(readonly=True) as store:
        gone = store.members.forgotten("forum")
    assert gone.covers("old_name", None)
    assert gone.covers("newer_name", 777)

    assert remember(app, "old_name", ["forum"]) == ["forum"]

    with app.open_store(readonly=True) as store:
        assert store.members.all("forum") == []


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
