"""The replay sees the past only, writes what the scorer reads, and forgets no error."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.config import Config, parse_config
from bot.labels import read_labels
from bot.replay import ReplayReport, replay
from kb.errors import ConfigError, RecordError, SourceError
from kb.model import load_model, plain_model, shipped_model, starting_model
from kb.types import Kind
from tests.conftest import shared_path

START = datetime(2024, 1, 1, tzinfo=UTC)
SUBJECTS = {
    1: "Backup of the PostgreSQL database with pg_dump fails at night",
    2: "Analytics tables stay empty after the nightly export",
    3: "Program rules hide a data element on the Android tablet",
    4: "Import of organisation units from CSV answers E1063",
    5: "Validation rules report negative stock in the monthly data set",
    6: "Charts on the dashboard show the wrong period",
}


def stamp(day: float) -> str:
    return (START + timedelta(days=day)).isoformat().replace("+00:00", "Z")


def topic(number: int, day: float, title: str, *posts: str) -> dict[str, Any]:
    return {
        "id": number,
        "title": title,
        "created_at": stamp(day),
        "posts": [
            {
                "id": number * 100 + place,
                "post_number": place,
                "username": "amina",
                "created_at": stamp(day + place / 24 - 1 / 24),
                "cooked": f"<p>{text}</p>",
            }
            for place, text in enumerate(posts, start=1)
        ],
    }


def forum() -> list[dict[str, Any]]:
    old = [
        topic(n, n, title, f"{title}. What can I do?", "Look at the server's log.")
        for n, title in SUBJECTS.items()
    ]
    asked = [
        topic(11, 20, "pg_dump backup fails", "The backup with pg_dump stops."),
        topic(12, 21, "CSV import answers E1063", "Organisation units, E1063."),
        topic(13, 22, "Empty analytics tables", "They stay empty since the export."),
    ]
    return old + asked


PAGES = [
    {
        "path": "manage/backup",
        "url": "https://docs.example.org/manage/backup.html",
        "markdown": "# Backup\n\n## With pg_dump\n\nRun pg_dump every night.\n",
    },
    {
        "path": "use/analytics",
        "url": "https://docs.example.org/use/analytics.html",
        "markdown": "# Analytics tables\n\nThe export fills them every night.\n",
    },
]


def write_lines(path: Path, rows: Sequence[object]) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def label(number: int, day: float, *threads: int, docs: Sequence[str] = ()) -> object:
    return {
        "topic_id": number,
        "created_at": stamp(day),
        "threads": threads,
        "docs": docs,
    }


LABELS = [
    label(12, 21, 4),
    label(11, 20, 1, docs=["manage/backup"]),
    label(13, 22, 2, docs=["use/analytics"]),
]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return parse_config(
        {
            "community": {"name": "Replay", "contact": "https://example.org"},
            "data_dir": "data",
            "embedding": {"model": "hashing"},
        },
        folder=tmp_path,
    )


def run(
    config: Config,
    folder: Path,
    topics: Sequence[object],
    *,
    name: str = "run.jsonl",
    docs: bool = True,
    labels: Sequence[object] = LABELS,
    **options: Any,
) -> tuple[ReplayReport, list[dict[str, Any]]]:
    out = folder / name
    report = replay(
        config,
        archive=write_lines(folder / f"{name}.topics.jsonl.gz", topics),
        docs=write_lines(folder / "docs.jsonl", PAGES) if docs else None,
        labels=write_lines(folder / "labels.jsonl", labels),
        forum_url="https://forum.example.org",
        out=out,
        **options,
    )
    return report, [json.loads(line) for line in out.read_text().splitlines()]


def first(row: dict[str, Any], kind: str) -> Any:
    return row[kind][0]["id"]


def test_each_labelled_topic_gets_a_row_in_the_order_of_time(
    config: Config, tmp_path: Path
) -> None:
    """The best thread and page come first, under the ids that the labels use."""
    report, rows = run(config, tmp_path, forum())

    assert [row["topic_id"] for row in rows] == [11, 12, 13]
    assert [first(row, "threads") for row in rows] == [1, 4, 2]
    assert [first(rows[0], "docs"), first(rows[2], "docs")] == [
        "manage/backup",
        "use/analytics",
    ]
    assert all(set(row["confidence"]) == {"threads", "docs"} for row in rows)
    assert (report.topics, report.missing, report.threads, report.pages) == (3, 0, 9, 2)


def test_scores_fall_and_no_topic_suggests_itself_or_a_later_one(
    config: Config, tmp_path: Path
) -> None:
    _, rows = run(config, tmp_path, forum())

    for row in rows:
        scores = [item["score"] for item in row["threads"]]
        assert scores == sorted(scores, reverse=True)
        assert all(item["id"] < row["topic_id"] for item in row["threads"])


def test_what_comes_later_changes_nothing(config: Config, tmp_path: Path) -> None:
    """Rows are the same to the last digit when all later posts are cut away."""
    _, whole = run(config, tmp_path, forum(), name="whole.jsonl")
    cut = [t for t in forum() if t["created_at"] <= stamp(20)]
    _, early = run(config, tmp_path, cut, name="cut.jsonl", labels=LABELS[1:2])

    assert early == whole[:1]


def test_a_planted_leak_is_not_seen(config: Config, tmp_path: Path) -> None:
    """A late reply in an old thread repeats the question to the word; it is ignored."""
    _, clean = run(config, tmp_path, forum(), name="clean.jsonl")
    leaky = forum()
    leaky[5]["posts"].append(
        {
            "id": 9999,
            "post_number": 3,
            "username": "jo",
            "created_at": stamp(20.001),
            "cooked": "<p>pg_dump backup fails. The backup with pg_dump stops.</p>",
        }
    )
    _, rows = run(config, tmp_path, leaky, name="leaky.jsonl")

    assert rows[0] == clean[0]
    # The leak is one: the next question, asked after it, does see the reply.
    assert rows[1] != clean[1]


def test_a_post_older_than_its_topic_counts_from_the_topics_start(
    config: Config, tmp_path: Path
) -> None:
    """Posts can be moved into a younger topic; it must not appear before its time."""
    topics = forum()
    moved = topic(20, 25, "Moved here", "pg_dump backup fails again and again")
    moved["posts"][0]["created_at"] = stamp(1)
    _, rows = run(config, tmp_path, [*topics, moved])

    assert 20 not in [item["id"] for row in rows for item in row["threads"]]


def test_a_topic_of_the_same_moment_is_no_candidate(
    config: Config, tmp_path: Path
) -> None:
    """Somebody asked the same to the word, and neither could know of the other."""
    _, alone = run(config, tmp_path, forum(), name="alone.jsonl")
    twin = topic(14, 20, "pg_dump backup fails", "The backup with pg_dump stops.")
    _, rows = run(config, tmp_path, [*forum(), twin])

    assert rows[0] == alone[0]
    # The next question, asked after it, does see the twin.
    assert 14 in [item["id"] for item in rows[1]["threads"]]


def test_a_topic_older_than_its_label_does_not_suggest_itself(
    config: Config, tmp_path: Path
) -> None:
    """Its own posts are there by then, and nothing fits the question better."""
    _, rows = run(config, tmp_path, forum(), labels=[label(11, 20.5, 1)])

    assert 11 not in [item["id"] for item in rows[0]["threads"]]
    assert first(rows[0], "threads") == 1


def test_a_second_run_embeds_nothing_and_is_the_same(
    config: Config, tmp_path: Path
) -> None:
    cold, first_rows = run(config, tmp_path, forum())
    warm, second_rows = run(config, tmp_path, forum(), name="again.jsonl")

    assert cold.embedded > 0
    assert warm.embedded == 0
    assert first_rows == second_rows


def test_without_documentation_only_threads_are_ranked(
    config: Config, tmp_path: Path
) -> None:
    report, rows = run(config, tmp_path, forum(), docs=False)

    assert [row["docs"] for row in rows] == [[], [], []]
    assert all(set(row["confidence"]) == {"threads"} for row in rows)
    assert report.pages == 0


def test_labels_without_a_topic_in_the_archive_are_counted(
    config: Config, tmp_path: Path
) -> None:
    report, rows = run(config, tmp_path, forum(), labels=[*LABELS, label(777, 30, 1)])

    assert report.missing == 1
    assert [row["topic_id"] for row in rows] == [11, 12, 13]


def test_broken_records_of_the_archive_are_skipped_counted_and_logged(
    config: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = topic(30, 3, "Broken", "no cooked")
    del broken["posts"][0]["cooked"]
    report, rows = run(config, tmp_path, [*forum(), broken])

    assert report.skipped == 1
    assert [row["topic_id"] for row in rows] == [11, 12, 13]
    assert [r.getMessage() for r in caplog.records if r.name == "bot.replay"] == [
        "key=30 skipped: run.jsonl.topics.jsonl.gz:10: posts[0].cooked: expected str, "
        "but it is missing"
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([], "labels.jsonl:1: line: expected an object"),
        ({"topic_id": "7"}, "labels.jsonl:1: topic_id: expected a whole number"),
        (
            {"topic_id": 7, "created_at": "2024-01-01T00:00:00"},
            "labels.jsonl:1: created_at: expected an ISO 8601 time with zone",
        ),
        (
            {"topic_id": 7, "created_at": None},
            "labels.jsonl:1: created_at: expected an ISO 8601 time with zone",
        ),
        (
            {"topic_id": 7, "created_at": stamp(1), "threads": 4},
            "labels.jsonl:1: threads: expected a list of ids",
        ),
        (
            {"topic_id": 7, "created_at": stamp(1), "threads": [4, None]},
            "labels.jsonl:1: threads: expected a list of ids",
        ),
        (
            {"topic_id": 7, "created_at": stamp(1), "docs": "manage/backup"},
            "labels.jsonl:1: docs: expected a list of ids",
        ),
        (
            {"topic_id": 7, "created_at": stamp(1), "docs": [["manage/backup"]]},
            "labels.jsonl:1: docs: expected a list of ids",
        ),
    ],
)
def test_a_malformed_label_is_named_with_its_field(
    tmp_path: Path, row: object, message: str
) -> None:
    path = write_lines(tmp_path / "labels.jsonl", [row])

    with pytest.raises(RecordError) as caught:
        read_labels(path)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "line",
    ['{"topic_id": ' + "9" * 5_000 + "}", "[" * 100_000],
    ids=["digits", "nested"],
)
def test_labels_that_python_refuses_to_read_are_clear_errors(
    tmp_path: Path, line: str
) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(line)

    with pytest.raises(RecordError, match=r"labels\.jsonl:1: line: expected JSON"):
        read_labels(path)


def test_a_damaged_gzip_file_of_labels_is_a_clear_error(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "labels.jsonl.gz", LABELS * 50)
    data = bytearray(path.read_bytes())
    data[20:60] = b"\xff" * 40
    path.write_bytes(data)

    with pytest.raises(SourceError, match="cannot be read"):
        read_labels(path)


def test_no_label_at_all_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text("\n")

    with pytest.raises(SourceError, match="holds no labels"):
        read_labels(path)


def test_an_archive_without_any_labelled_topic_is_an_error(
    config: Config, tmp_path: Path
) -> None:
    """A damaged archive, or that of another forum, gives no figures at all."""
    with pytest.raises(SourceError, match="none of the 1 labelled topics is in it"):
        run(config, tmp_path, forum(), labels=[label(777, 30, 1)])
    assert not (tmp_path / "run.jsonl").exists()


def test_a_run_cannot_replace_what_is_no_file(config: Config, tmp_path: Path) -> None:
    """It is said before anything is read: embedding may take half an hour."""
    with pytest.raises(SourceError, match="/dev/null: cannot be written: no file"):
        replay(
            config,
            archive=tmp_path / "missing.jsonl.gz",
            docs=None,
            labels=write_lines(tmp_path / "labels.jsonl", LABELS),
            forum_url="https://forum.example.org",
            out=Path("/dev/null"),
        )


def test_a_forum_url_that_is_none_is_refused(config: Config, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--forum-url: expected an address"):
        replay(
            config,
            archive=write_lines(tmp_path / "topics.jsonl", forum()),
            docs=None,
            labels=write_lines(tmp_path / "labels.jsonl", LABELS),
            forum_url="forum.example.org",
            out=tmp_path / "run.jsonl",
        )


def test_labels_that_are_no_json_or_missing_are_clear_errors(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"topic_id": 1\n')
    with pytest.raises(RecordError, match=r"labels\.jsonl:1: line: expected JSON"):
        read_labels(path)
    with pytest.raises(SourceError, match="cannot be read"):
        read_labels(tmp_path / "missing.jsonl")
    cut_off = write_lines(tmp_path / "cut.jsonl.gz", LABELS)
    cut_off.write_bytes(cut_off.read_bytes()[:-12])
    with pytest.raises(SourceError, match="cannot be read"):
        read_labels(cut_off)


def test_a_run_that_fails_leaves_the_earlier_file_as_it_was(
    config: Config, tmp_path: Path
) -> None:
    out = tmp_path / "run.jsonl"
    out.write_text("earlier\n")
    with pytest.raises(SourceError):
        replay(
            config,
            archive=tmp_path / "missing.jsonl.gz",
            docs=None,
            labels=write_lines(tmp_path / "labels.jsonl", LABELS),
            forum_url="https://forum.example.org",
            out=out,
        )
    assert out.read_text() == "earlier\n"
    assert sorted(p.name for p in tmp_path.glob("*.part")) == []


def test_the_shared_scorer_reads_the_run(config: Config, tmp_path: Path) -> None:
    """All three questions find their thread, both documented ones their page."""
    scorer = shared_path("bench/score.py")
    run(config, tmp_path, forum())
    result = subprocess.run(
        [
            sys.executable,
            str(scorer),
            str(tmp_path / "labels.jsonl"),
            str(tmp_path / "run.jsonl"),
            "--json",
        ],
        capture_output=True,
        check=True,
        text=True,
    )
    figures = json.loads(result.stdout)
    assert (figures["threads"]["P@1"], figures["threads"]["queries"]) == (1.0, 3.0)
    assert (figures["docs"]["P@1"], figures["docs"]["queries"]) == (1.0, 2.0)


# -- learning on the way -----------------------------------------------------------

FORUM = "https://forum.example.org"
MANUAL = "https://docs.example.org/manage/backup.html"
TOPICS = 72


def grown(*, until: float = 1_000, turned_from: float = 1_000) -> list[dict[str, Any]]:
    """A topic a day, each answered half a day later: as a rule with an older topic of
    the same subject, and with a page.

    Args:
        until: What is written from this day on is left out.
        turned_from: From this day on, whatever people link is another.
    """
    topics = []
    for number in range(1, TOPICS + 1):
        subject = SUBJECTS[number % 6 + 1]
        linked = number - 1 if number + 0.5 >= turned_from else number - 6
        page = PAGES[number % 2]["url"]
        answer = f'<a href="{page}">This</a>'
        if linked >= 1:
            answer += f' and <a href="{FORUM}/t/{linked}">that</a>.'
        asked = topic(number, number, f"{subject} ({number})", f"{subject}?", answer)
        asked["posts"][1]["created_at"] = stamp(number + 0.5)
        asked["posts"] = [p for p in asked["posts"] if p["created_at"] < stamp(until)]
        if asked["posts"]:
            topics.append(asked)
    return topics


GROWN_LABELS = [label(number, number, number - 6) for number in range(7, TOPICS + 1)]


def test_what_is_linked_later_changes_no_earlier_row(
    config: Config, tmp_path: Path
) -> None:
    """To the last digit, though weights and confidence are learned all the way."""
    report, whole = run(
        config, tmp_path, grown(), name="whole.jsonl", labels=GROWN_LABELS
    )
    _, turned = run(
        config,
        tmp_path,
        grown(turned_from=65),
        name="turned.jsonl",
        labels=GROWN_LABELS,
    )
    _, cut = run(
        config, tmp_path, grown(until=65.2), name="cut.jsonl", labels=GROWN_LABELS
    )
    _, unlearned = run(
        config,
        tmp_path,
        grown(until=65.2),
        name="unlearned.jsonl",
        labels=GROWN_LABELS[-8:-7],
        start=plain_model().only(()),
    )

    assert report.lessons == TOPICS
    earlier = [row for row in whole if row["topic_id"] <= 65]
    assert len(earlier) == 59
    assert cut == earlier
    assert turned[:59] == earlier
    # The next question is asked after the first link that is another.
    assert turned[59:] != whole[59:]
    # And what was linked before it did teach something.
    assert unlearned[0]["topic_id"] == 65
    assert unlearned[0]["threads"] != cut[-1]["threads"]


def test_the_report_is_the_same_whether_the_model_is_saved_or_not(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thresholds are those of the end, with all questions that came by then."""
    monkeypatch.setattr("kb.thresholds.MIN_KIND", 40)
    path, pages = tmp_path / "report.html", []
    for saved in (None, tmp_path / "model"):
        run(
            config,
            tmp_path,
            grown(),
            labels=GROWN_LABELS,
            report=path,
            save_model=saved,
        )
        pages.append(re.sub(r"Made [\d :-]+ UTC", "", path.read_text("utf-8")))

    assert pages[0] == pages[1]
    counted = {
        group.threshold.n
        for each in load_model(tmp_path / "model").thresholds
        for group in each.groups
    }
    assert max(counted) == TOPICS


def test_what_was_learned_is_kept_with_its_forum_and_its_time(
    config: Config, tmp_path: Path
) -> None:
    path = tmp_path / "models" / "learned.json"
    report, _ = run(
        config, tmp_path, grown(), labels=GROWN_LABELS[-2:], save_model=path
    )

    model = load_model(path)

    assert report.lessons == TOPICS
    assert (model.learned_on, str(model.learned_until)) == (
        FORUM,
        str(START + timedelta(days=TOPICS + 0.5, seconds=1)),
    )
    assert model.of(Kind.THREAD).examples == TOPICS - 6
    assert model.of(Kind.DOCS).examples == TOPICS
    assert {each.asked for each in model.thresholds} == {0.3, 0.4, 0.5, 0.6, 0.7}
    # It begins where that forum's own history is not measured.
    again, _ = run(
        config, tmp_path, forum(), name="again.jsonl", docs=False, start=model
    )
    assert again.started_from == f"weights learned on {FORUM}"


def test_shipped_weights_never_know_what_is_replayed() -> None:
    """Those of the same forum may be used on what came after they were learned."""
    shipped = replace(
        shipped_model(),
        learned_on=f"https://other.example {FORUM}",
        learned_until=START,
    )
    day = timedelta(days=1)

    def taken(forum_url: str, first: Any, **changes: Any) -> bool:
        model = replace(shipped, **changes)
        return starting_model([forum_url], first, shipped=model) is model

    assert not taken(FORUM, START - day)
    assert not taken("http://FORUM.example.org/", START - day)
    assert not taken("https://other.example", START - day)
    assert not taken(FORUM, START + day, learned_until=None)
    assert taken(FORUM, START)
    assert taken("https://third.example", START - day)
    assert taken(FORUM, START - day, learned_on="")
    assert starting_model([FORUM], START - day, shipped=shipped) == plain_model()


def test_the_report_is_a_page_with_figures_and_escaped_titles(
    config: Config, tmp_path: Path
) -> None:
    """Of the later half of what was measured."""
    topics = forum()
    topics[-1]["title"] = "Empty <script>alert(1)</script> analytics tables"
    path = tmp_path / "pages" / "report.html"
    labels = [*LABELS[:2], label(13, 22, 5, docs=["use/analytics"])]
    report, _ = run(config, tmp_path, topics, labels=labels, report=path)

    text = path.read_text("utf-8")

    assert report.report == str(path)
    assert str(report).endswith(f"run.jsonl\n{path}")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; analytics" in text
    # Of threads, the right one of the last question stands behind a wrong one.
    figures = dict(
        re.findall(r"<tr><th scope=.row.>([^<]+)</th><td>([^<]+)</td>", text)
    )
    assert figures["Questions that people answered with links"] == "2"
    assert re.search(r"First suggestion right</th><td>50.%</td><td>100.%</td>", text)
    assert "Replay" in text


def test_a_report_cannot_replace_what_is_no_file(
    config: Config, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match="cannot be written: no file"):
        run(config, tmp_path, forum(), report=tmp_path)
    assert not (tmp_path / "run.jsonl").exists()


def test_signals_can_be_left_out(config: Config, tmp_path: Path) -> None:
    """By their own name or by that of a group; a wrong name is told with its option."""
    _, whole = run(config, tmp_path, forum())
    _, less = run(
        config, tmp_path, forum(), name="less.jsonl", without=("words", "log_age")
    )

    assert [row["topic_id"] for row in less] == [11, 12, 13]
    assert less != whole
    with pytest.raises(ConfigError) as caught:
        run(config, tmp_path, forum(), name="bad.jsonl", without=("words", "stars"))
    assert str(caught.value).startswith("--without: no signal or group 'stars'; ")
    assert "words" in str(caught.value)
    assert not (tmp_path / "bad.jsonl").exists()


# -- communities with little -------------------------------------------------------


def test_a_community_without_links_is_ranked_for_and_teaches_nothing(
    config: Config, tmp_path: Path
) -> None:
    """What is kept then are the weights that it began with, under their own name."""
    page, model = tmp_path / "report.html", tmp_path / "model.json"
    report, rows = run(config, tmp_path, forum(), report=page, save_model=model)

    assert report.lessons == 0
    assert [first(row, "threads") for row in rows] == [1, 4, 2]
    assert load_model(model) == shipped_model()
    assert "None: each first suggestion was right." in page.read_text("utf-8")


def test_a_single_topic_gets_an_empty_row(config: Config, tmp_path: Path) -> None:
    """There is nothing older to suggest, and nothing to tell of it."""
    page, model = tmp_path / "report.html", tmp_path / "model.json"
    report, rows = run(
        config,
        tmp_path,
        forum()[:1],
        docs=False,
        labels=[label(1, 1, 4)],
        report=page,
        save_model=model,
    )

    assert rows == [{"topic_id": 1, "threads": [], "docs": [], "confidence": {}}]
    assert (report.topics, report.threads, report.pages, report.lessons) == (1, 1, 0, 0)
    assert "there is nothing to measure" in page.read_text("utf-8")
    assert load_model(model) == shipped_model()


def test_topics_and_pages_without_a_word_do_no_harm(
    config: Config, tmp_path: Path
) -> None:
    """Only a picture, only code, no text at all; and a page that is only a title."""
    topics = forum()
    topics[0]["posts"][0]["cooked"] = '<img src="/uploads/a.png">'
    topics[1]["posts"][0]["cooked"] = "<pre><code>E1063</code></pre>"
    topics += [topic(14, 23, "Image", ""), topic(15, 24, "!", "?")]
    topics[-2]["posts"][0]["cooked"] = ""
    bare = {"path": "bare", "url": "https://docs.example.org/bare", "markdown": "# A"}
    out = tmp_path / "run.jsonl"
    report = replay(
        config,
        archive=write_lines(tmp_path / "topics.jsonl", topics),
        docs=write_lines(tmp_path / "docs.jsonl", [*PAGES, bare]),
        labels=write_lines(
            tmp_path / "labels.jsonl", [*LABELS, label(14, 23, 1), label(15, 24, 1)]
        ),
        forum_url=FORUM,
        out=out,
    )

    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["topic_id"] for row in rows] == [11, 12, 13, 14, 15]
    assert report.topics == 5
