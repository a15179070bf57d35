"""Benchmarks run, and what they count is true, on small data too."""

from __future__ import annotations

import argparse
import doctest
import gzip
import importlib
import json
import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from benchmarks.ranking import baraza, peers, scoring, table
from benchmarks.ranking.__main__ import main
from benchmarks.ranking.rows import ROWS, missing
from benchmarks.ranking.scoring import Interval, KindScores, difference, score
from bot.app import App
from bot.config import load_config
from bot.replay import replay
from bot.timeline import PostWritten
from kb.instant.keeping import Keeper
from kb.question import Question
from kb.signals import Group
from kb.types import PUBLIC, DocumentId, IndexablePassage, Kind, PassageId
from tests.conftest import CHECKOUT, shared_path


@pytest.mark.slow
@pytest.mark.parametrize("generation", ["2022", "2026"])
def test_a_harvest_is_measured_beside_the_way_of_one_request_a_topic(
    generation: str,
) -> None:
    command = (sys.executable, "benchmarks/harvest.py", "--json", "--topics", "60")
    result = subprocess.run(
        [*command, "--generation", generation],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        check=True,
    )
    told = json.loads(result.stdout)
    figures = told["generations"][generation]
    ours, part, whole = figures["ours"], figures["peer"], figures["peer_complete"]

    assert figures["topics"] == 60
    assert ours["posts_stored"] == ours["posts_visible"] == whole["posts"]
    assert ours["posts_too_many"] == 0
    assert part["posts"] < whole["posts"]
    assert 60 < part["requests"] < whole["requests"]
    assert ours["requests_per_topic"] == round(ours["requests"] / 60, 3)
    assert figures["idle_poll_requests"] <= 2
    assert all(count > 0 for count in figures["edits"]["found_after_requests"])
    assert told["memory"]["topics"] == [12, 60]
    assert 0 < told["memory"]["idle_mib"][0] <= told["memory"]["peak_mib"][0]


START = datetime(2024, 1, 1, tzinfo=UTC)
ASKED = "The backup with pg_dump stops at night."
PAGES = [
    {
        "path": f"manage/{name}",
        "url": f"https://docs.example.org/manage/{name}.html",
        "markdown": f"# {name.title()}\n\n## How to\n\n{text}\n",
    }
    for name, text in (
        ("backup", "Run pg_dump every night for a backup of the database."),
        ("analytics", "The nightly export fills the analytics tables."),
    )
]
CONFIG = """
community: {name: Ranking, contact: https://example.org}
data_dir: data
embedding: {model: hashing}
"""


def stamp(day: float) -> str:
    return (START + timedelta(days=day)).isoformat()


def topic(number: int, day: float, title: str, *posts: str) -> dict[str, Any]:
    """A topic whose posts come an hour after each other."""
    written = [
        {
            "id": number * 100 + place,
            "post_number": place,
            "username": "amina",
            "created_at": stamp(day + (place - 1) / 24),
            "cooked": f"<p>{text}</p>",
        }
        for place, text in enumerate(posts, start=1)
    ]
    return {"id": number, "title": title, "created_at": stamp(day), "posts": written}


def forum() -> list[dict[str, Any]]:
    return [
        topic(1, 1, "Backup of the database fails", "pg_dump stops.", "See its log."),
        topic(2, 2, "Analytics tables stay empty", "Since the export.", "Restart it."),
        topic(3, 3, "Charts show a wrong period", "On the dashboard.", "Clear them."),
        topic(11, 20, "pg_dump backup fails", ASKED),
        topic(12, 28, "Wrong period on charts", "The dashboard's charts are wrong."),
    ]


def labels() -> list[dict[str, Any]]:
    """The second question is a week after the first, in a step of its own."""
    return [
        label(11, 20, [1], ["manage/backup"]),
        label(12, 28, [3], []),
    ]


def label(
    number: int, day: float, threads: Sequence[int], docs: Sequence[str]
) -> dict[str, Any]:
    return {
        "topic_id": number,
        "created_at": stamp(day),
        "threads": threads,
        "docs": docs,
    }


def write_lines(path: Path, rows: Sequence[object]) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(
        gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode()
    )
    return path


def read_lines(path: Path) -> list[dict[str, Any]]:
    return list(scoring.read_rows(path))


def arguments(folder: Path, topics: Sequence[object], *more: str) -> list[str]:
    (folder / "config.yaml").write_text(CONFIG)
    files = {
        "archive": write_lines(folder / "topics.jsonl.gz", topics),
        "docs": write_lines(folder / "docs.jsonl", PAGES),
        "labels": write_lines(folder / "labels.jsonl", labels()),
        "config": folder / "config.yaml",
        "out": folder / "runs",
    }
    named = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    return [*named, "--forum-url", "https://forum.example.org", *more]


def run_of(name: str, folder: Path, topics: Sequence[object]) -> list[dict[str, Any]]:
    """The run of one row; skips the test where the row cannot be made."""
    reason = missing(name)
    if reason is not None:
        pytest.skip(reason)
    folder.mkdir()
    main(arguments(folder, topics, "--rows", name))
    return read_lines(folder / "runs" / f"{name}.jsonl.gz")


@pytest.mark.parametrize("name", ROWS)
def test_each_way_of_ranking_finds_what_is_meant(name: str, tmp_path: Path) -> None:
    rows = run_of(name, tmp_path / "run", forum())

    assert [row["topic_id"] for row in rows] == [11, 12]
    assert [row["threads"][0]["id"] for row in rows] == [1, 3]
    assert rows[0]["docs"][0]["id"] == "manage/backup"
    for row in rows:
        found = [item["id"] for item in row["threads"]]
        scores = [item["score"] for item in row["threads"]]
        assert len(set(found)) == len(found)
        assert scores == sorted(scores, reverse=True)
        assert row["confidence"]["threads"] == scores[0]


@pytest.mark.parametrize("name", ROWS)
def test_no_way_of_ranking_sees_what_comes_later(name: str, tmp_path: Path) -> None:
    """A late reply repeats the question to the word, and so does a later topic."""
    clean = run_of(name, tmp_path / "clean", forum())
    leaky = forum()
    late = topic(3, 20.01, "", ASKED)["posts"][0]
    leaky[2]["posts"].append(late | {"id": 399, "post_number": 3})
    leaky.append(topic(13, 20.02, "pg_dump backup fails", ASKED))
    rows = run_of(name, tmp_path / "leaky", leaky)

    def ids(row: dict[str, Any]) -> list[int]:
        return [item["id"] for item in row["threads"]]

    assert ids(rows[0]) == ids(clean[0])
    if name != "txtai":
        # txtai's word counts know of the days until the end of its step.
        assert rows[0] == clean[0]
    # The leak is one: the next question, asked after it, is ranked otherwise.
    assert rows[1] != clean[1]


def test_our_own_rows_are_the_runs_of_a_replay(tmp_path: Path) -> None:
    """All in one walk, and each group of signals switched off has a row."""
    topics = forum()
    answer = '<a href="https://forum.example.org/t/1">See there</a>'
    topics[3]["posts"].append(topic(11, 21, "", "", answer)["posts"][1])
    main(arguments(tmp_path, topics, "--rows", "baraza,without-words,without-links"))
    config = load_config(tmp_path / "config.yaml")

    for name, left_out in (
        ("baraza", []),
        ("without-words", ["words"]),
        ("without-links", ["links"]),
    ):
        out = tmp_path / f"{name}.jsonl"
        replay(
            config,
            archive=tmp_path / "topics.jsonl.gz",
            docs=tmp_path / "docs.jsonl",
            labels=tmp_path / "labels.jsonl",
            forum_url="https://forum.example.org",
            out=out,
            without=left_out,
        )
        assert read_lines(tmp_path / "runs" / f"{name}.jsonl.gz") == read_lines(out)

    ours, wordless = (
        read_lines(tmp_path / "runs" / f"{name}.jsonl.gz")
        for name in ("baraza", "without-words")
    )
    assert [row["threads"][0]["id"] for row in ours] == [1, 3]
    assert wordless != ours
    assert set(baraza.TITLES) == {"baraza", *(f"without-{each}" for each in Group)}


def test_a_question_is_no_candidate_for_itself(tmp_path: Path) -> None:
    """Not even where its label is younger than its own posts."""
    given = arguments(tmp_path, forum(), "--rows", "bm25,topic-vectors")
    write_lines(tmp_path / "labels.jsonl", [label(11, 20.5, [1], [])])
    main(given)

    for name in ("bm25", "topic-vectors"):
        [row] = read_lines(tmp_path / "runs" / f"{name}.jsonl.gz")
        assert row["threads"][0]["id"] == 1


def written(number: int, document: int, text: str) -> PostWritten:
    passage = IndexablePassage(
        id=PassageId(number),
        document_id=DocumentId(document),
        kind=Kind.THREAD,
        title="A thread",
        heading="",
        text=text,
        language="en",
        visibility=PUBLIC,
        opening=number == document,
        content_hash=str(number),
        created_at=START,
    )
    return PostWritten(START, DocumentId(document), (passage,), number)


def test_whole_threads_grow_with_their_replies() -> None:
    """Words of the first post and of the reply count together, and only once."""
    whole = peers.DocumentsByWords(10)
    question = Question("", "crash on export")
    whole.take_in([written(1, 1, "crash"), written(2, 2, "crash of the export")])
    before = whole.rank(question, Kind.THREAD, START)
    whole.take_in([written(3, 1, "during export")])
    after = whole.rank(question, Kind.THREAD, START)

    assert [document for document, _ in before] == [2, 1]
    assert [document for document, _ in after] == [1, 2]


def test_the_figures_are_told_beside_a_run_that_was_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run from elsewhere is a row like any other, and can be the reference."""
    ours = [{"topic_id": 11, "threads": [2, 1], "confidence": {"threads": 0.5}}]
    path = write_lines(tmp_path / "ours.jsonl.gz", ours)
    main(arguments(tmp_path, forum(), "--rows", "bm25", "--run", f"baraza={path}"))
    shown = capsys.readouterr().out
    main(
        arguments(
            tmp_path, forum(), "--rows", "bm25", "--run", f"baraza={path}", "--json"
        )
    )
    told = json.loads(capsys.readouterr().out)

    assert told["threads"]["questions"] == 2
    assert told["threads"]["reference"] == "baraza"
    assert told["threads"]["rows"]["baraza"] == {
        "nDCG@10": pytest.approx(0.6309 / 2, abs=1e-4),
        "R@5": 0.5,
        "MRR@10": 0.25,
        "P@1": 0.0,
        "P@1|top10%": 0.0,
    }
    of_bm25 = told["threads"]["rows"]["bm25"]
    assert of_bm25["P@1"] == 1.0
    assert of_bm25["difference"]["mean"] == pytest.approx(1 - 0.6309 / 2, abs=1e-4)
    assert "| threads, n = 2 | nDCG@10 | R@5 |" in shown
    assert "| BM25, best passage | 1.000 | 1.000 |" in shown


def test_only_questions_since_a_day_are_ranked_and_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(
        arguments(
            tmp_path, forum(), "--rows", "bm25", "--since", "2024-01-25", "--json"
        )
    )
    told = json.loads(capsys.readouterr().out)

    [row] = read_lines(tmp_path / "runs" / "bm25.jsonl.gz")
    assert row["topic_id"] == 12
    assert {kind: of_kind["questions"] for kind, of_kind in told.items()} == {
        "threads": 1
    }


def test_a_row_that_cannot_be_made_is_said_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if missing("txtai") is None:
        pytest.skip("txtai is installed")
    main(arguments(tmp_path, forum(), "--rows", "txtai,bm25", "--json"))
    printed = capsys.readouterr()

    assert "txtai: left out: txtai is not installed here" in printed.err
    assert list(json.loads(printed.out)["threads"]["rows"]) == ["bm25"]


def made_up_run(wanted: Sequence[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """Rankings with repeats, ties, gaps and lacking topics, some of them right."""
    rng = random.Random(seed)
    pools = {
        kind: [item for row in wanted for item in row[kind]]
        for kind in ("threads", "docs")
    }
    run = []
    for row in wanted:
        if rng.random() < 0.1:
            continue
        answer: dict[str, Any] = {"topic_id": row["topic_id"], "confidence": {}}
        for kind, pool in pools.items():
            ids = [*rng.choices(pool, k=rng.randint(0, 15)), *row[kind][:1]]
            rng.shuffle(ids)
            bare = rng.random() < 0.5
            answer[kind] = ids if bare else [{"id": i, "score": 1.0} for i in ids]
            if rng.random() < 0.8:
                answer["confidence"][kind] = rng.randint(0, 9) / 10
        run.append(answer)
    return run


@pytest.mark.parametrize("seed", [1, 2])
def test_the_figures_are_those_of_the_common_scorer(seed: int, tmp_path: Path) -> None:
    scorer = shared_path("bench/score.py")
    path = shared_path("bench/slicer/dev_labels.jsonl.gz")
    wanted = read_lines(path)
    run = write_lines(tmp_path / "run.jsonl", made_up_run(wanted, seed))
    result = subprocess.run(
        [sys.executable, str(scorer), str(path), str(run), "--json"],
        stdout=subprocess.PIPE,
        check=True,
    )
    theirs = json.loads(result.stdout)

    ours = score(wanted, read_lines(run))
    assert set(ours) == set(theirs) == {"threads", "docs"}
    for kind, scores in ours.items():
        assert scores.questions == theirs[kind]["queries"]
        summary = scores.summary()
        assert summary == pytest.approx({name: theirs[kind][name] for name in summary})
        assert 0 < summary["nDCG@10"] < 1


def test_a_topic_without_links_of_a_kind_is_not_counted_for_it() -> None:
    scores = score(
        [label(1, 1, [7], []), label(2, 2, [8], [])],
        [{"topic_id": 1, "threads": [7, 7, 9], "docs": ["x"]}],
    )

    assert list(scores) == ["threads"]
    assert scores["threads"].metrics["nDCG@10"] == [1.0, 0.0]


def test_the_interval_of_a_difference_is_that_of_pairs() -> None:
    """Questions differ far more than the two ways do, which must not widen it."""
    rng = random.Random(5)
    base = [rng.random() for _ in range(400)]
    better = [value + 0.05 + rng.gauss(0, 0.1) for value in base]
    apart = difference(better, base, resamples=2_000)

    mean = sum(b - a for a, b in zip(base, better, strict=True)) / 400
    assert apart.mean == pytest.approx(mean)
    # 1.96 standard errors of the pairs on either side: 0.1 / sqrt(400) each.
    assert apart.high - apart.low == pytest.approx(2 * 1.96 * 0.005, rel=0.15)
    assert apart.low < mean < apart.high
    assert difference(better, base, resamples=2_000) == apart
    with pytest.raises(ValueError, match="shorter"):
        difference(better, base[1:])


def test_the_table_names_the_rows_and_leaves_the_reference_alone() -> None:
    def scores(*values: float) -> dict[str, KindScores]:
        metrics = {name: list(values) for name in scoring.METRICS}
        return {"docs": KindScores(metrics, [0.9, 0.1])}

    told = table.figures({"bm25": scores(1, 0), "baraza": scores(1, 0)}, "baraza")
    told["docs"]["rows"]["bm25"]["difference"] = dict(mean=-0.25, low=-0.5, high=0.125)

    assert table.shown(told, {"baraza": "Baraza"}) == "\n".join(
        (
            "| docs, n = 2 | nDCG@10 | R@5 | MRR@10 | P@1 "
            "| P@1 of the surest 10 % | nDCG@10 against Baraza (95 %) |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
            "| bm25 | 0.500 | 0.500 | 0.500 | 0.500 | 1.000 "
            "| -0.250 (-0.500 to +0.125) |",
            "| Baraza | 0.500 | 0.500 | 0.500 | 0.500 | 1.000 |  |",
        )
    )
    assert Interval(-0.25, -0.5, 0.125) == Interval(
        **told["docs"]["rows"]["bm25"]["difference"]
    )


@pytest.mark.parametrize("module", [peers, scoring, table], ids=lambda m: m.__name__)
def test_the_examples_of_the_ranking_benchmark_are_true(module: Any) -> None:
    result = doctest.testmod(module)

    assert result.attempted > 0
    assert result.failed == 0


# -- languages -------------------------------------------------------------------


@pytest.fixture
def languages(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`benchmarks/languages.py`, which is a program and no package."""
    monkeypatch.syspath_prepend(str(CHECKOUT / "benchmarks"))
    return importlib.import_module("languages")


def test_what_is_asked_of_pages_in_another_language_is_told(languages: Any) -> None:
    """A page counts in whatever version, and each question's first five."""
    ask = languages.Asking
    asked = [
        ask(Question("", "un"), frozenset({"/en/a.html"})),
        ask(Question("", "deux"), frozenset({"/en/b.html", "/en/c.html"})),
        ask(Question("", "trois"), frozenset({"/en/f.html"})),
    ]
    ranked = [f"/en/{letter}.html" for letter in "abcdef"]

    found = languages.score("all", lambda _question: ranked, asked)

    assert (found.questions, found.first, found.among) == (3, 0.333, 0.667)
    versions = [
        f"https://docs.example/en/use/dhis-core-version-{v}/maps.html"
        for v in ("240", "master")
    ]
    assert {languages.page_of(url) for url in versions} == {"/en/use/maps.html"}


def test_a_question_that_was_held_out_is_about_the_pages_that_have_its_english(
    languages: Any,
) -> None:
    texts = [
        ("Open the data entry", "Abrir la entrada de datos"),
        ("Export the data values", "Exportar los valores de datos"),
        ("Share the new map", "Compartir el nuevo mapa"),
        ("Share it", "Compartir"),
    ]
    pages = {
        "/a": "how to open the data entry. share the new map.",
        "/b": "reopen the data entryway; export the data values",
        "/c": "share it",
    }

    found = {
        each.question.body: set(each.pages)
        for each in languages.held_out({("en", "es"): texts}, "es", pages, None)
    }

    expected = {
        translation: {page}
        for (english, translation), page in zip(texts, ("/a", "/b", "/a"), strict=False)
        if languages.is_held_out(english)
    }
    assert found == expected
    # What is held out is so in all languages, and in whatever case.
    for english, _ in texts:
        assert languages.is_held_out(english) == languages.is_held_out(english.upper())
    some = [f"text number {number}" for number in range(500)]
    assert 70 < sum(map(languages.is_held_out, some)) < 130


def test_translations_are_taken_out_of_wheels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(CHECKOUT / "benchmarks"))
    bridge: Any = importlib.import_module("bridge")
    wheel = tmp_path / "kolibri-1.0-py3-none-any.whl"
    with ZipFile(wheel, "w") as files:
        files.writestr("x/fr/LC_MESSAGES/django.po", 'msgid "map"\nmsgstr "carte"\n')
        files.writestr("x/de/LC_MESSAGES/django.po", 'msgid "map"\nmsgstr "Karte"\n')
        for code, text in (("en", "Class"), ("pt_BR", "Turma"), ("sw", "Darasa")):
            name = f"kolibri/locale/{code}/LC_MESSAGES/coach-messages.json"
            files.writestr(name, json.dumps({"title": text}))
    folder = tmp_path / "texts"
    folder.mkdir()

    bridge.unpack(wheel, folder)

    assert [path.relative_to(folder) for path in folder.rglob("*.po")] == [
        Path("0/fr.po")
    ]
    rows = (folder / f"{wheel.stem}.jsonl").read_text("utf-8").splitlines()
    assert list(map(json.loads, rows)) == [
        {"lang": "pt", "en": "Class", "text": "Turma"}
    ]


# -- the query endpoint, and instant search ---------------------------------------


def program(name: str) -> Any:
    """One of `benchmarks/`, which are programs and no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(CHECKOUT / "benchmarks"))
        return importlib.import_module(name)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one that is made of generated text, found again by who asks."""
    folder = tmp_path_factory.mktemp("generated")
    options = program("serve").options_of(["--passages", "60", "--model", "hashing"])
    program("installed").installed(options, folder)
    return folder


def test_an_installation_is_made_once_and_has_what_was_asked_for(
    installation: Path,
) -> None:
    options = program("serve").options_of([])
    config = load_config(program("installed").installed(options, installation))

    assert config.embedding.model == "hashing"
    with App(config).open_store(readonly=True) as store:
        assert store.passages.count() >= 60
        assert {*store.documents.languages({PUBLIC})} <= {"en"}
    serving = load_config(program("serve").config_of_service(config_of(installation)))
    assert serving.serve.requests_per_minute == 0
    assert {*serving.sources} == {"history", "docs", "bench-news"}
    # What an operator wrote stays as it is.
    assert {*load_config(config_of(installation)).sources} == {"history", "docs"}


def config_of(installation: Path) -> Path:
    return installation / "config.yaml"


def test_queries_are_in_the_words_of_those_who_ask_and_none_comes_twice(
    installation: Path,
) -> None:
    serve = program("serve")
    with App(load_config(config_of(installation))).open_store(readonly=True) as store:
        asked = serve.queries(store, 40, 1)
        texts = [f"{p.title}\n{p.text}" for p in store.evidence.questions()]

        assert serve.queries(store, 40, 1) == asked != serve.queries(store, 40, 2)
        with pytest.raises(AssertionError, match="distinct queries"):
            serve.queries(store, 100_000, 1)
    assert len(set(asked)) == 40
    for query in asked:
        assert 2 <= len(query.split()) <= 6
        assert any(query in text.casefold() for text in texts)


def test_common_queries_come_again_and_again_and_all_of_them_come() -> None:
    distinct = [f"query {number}" for number in range(30)]

    mixed = program("serve").repeating(distinct, 1_000, 1)

    assert len(mixed) == 1_000
    counted = Counter(mixed)
    assert {*counted} == {*distinct}
    assert counted["query 0"] > 3 * counted["query 9"] > counted["query 29"]


class Answering(BaseHTTPRequestHandler):
    """Finds something wherever the address does not say what else to do."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if "vanish" in self.path:
            self.close_connection = True
            return
        found = b"[]" if "nothing" in self.path else b"[{}]"
        body = b'{"hits":%s,"timings":{"rank":1.5,"load":%d}}' % (
            found,
            len(self.path),
        )
        body += b" " * 300_000 if "long" in self.path else b""
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is told."""


@contextmanager
def answering() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def job(port: int, *paths: str, **more: Any) -> Any:
    given = {"clients": 3, "marker": '"hits":[{', "warm": ["/warm"] * 5} | more
    return program("load").Job(port=port, pid=os.getpid(), paths=paths, **given)


def test_each_request_is_counted_and_what_failed_is_told() -> None:
    """An answer counts when it is whole, and found something; whoever is cut off
    goes on with another connection."""
    paths = ["/a", "/nothing", "/missing", "/long", "/vanish", "/b", "/c"]
    with answering() as port:
        load = program("load").ask(job(port, *paths))

    assert len(load.calls) == len(paths)
    assert all(start < end for start, end in load.calls)
    assert load.failures == 3
    assert {told.split(":")[0] for told in load.failed} == {
        "/nothing",
        "/missing",
        "/vanish",
    }
    assert len(load.timings) == len(paths) - 1
    assert sorted(json.loads(told)["load"] for told in load.timings) == [2] * 3 + [
        5,
        8,
        8,
    ]
    assert program("serve").by_stage(load.timings) == {"rank": 1.5, "load": 3.5}


def test_an_endless_job_goes_on_until_it_is_told() -> None:
    out, into = os.pipe()
    with answering() as port, os.fdopen(out) as told, os.fdopen(into, "w") as telling:
        timer = threading.Timer(0.2, print, ("stop",), {"file": telling, "flush": True})
        timer.start()
        load = program("load").ask(job(port, "/a", "/b", endless=True), told)
        timer.join()

    assert len(load.calls) > 2
    assert load.failures == 0
    figures = program("serve").figures(load)
    assert figures["searches"] == len(load.calls)
    assert 0 < figures["p50_ms"] <= figures["p99_ms"] <= figures["max_ms"]


def test_better_than_a_peer_is_above_one() -> None:
    def of(rate: float, ms: float, mb: float) -> dict[str, Any]:
        spread = {"p50_ms": ms, "p95_ms": 2 * ms, "p99_ms": 3 * ms}
        return {
            "cold_start_s": ms,
            "memory_mb": {"after load": {"resident": mb}},
            "alone": spread,
            "many": spread | {"searches/s": rate, "service_cpu_ms": ms},
        }

    ratios = program("serve").ratios(of(100, 5, 400), of(50, 20, 800))

    assert ratios == {
        "searches/s": 2.0,
        "p95_ms": 4.0,
        "service_cpu_ms": 4.0,
        "alone p50_ms": 4.0,
        "alone p99_ms": 4.0,
        "resident_mb": 2.0,
        "cold_start_s": 4.0,
    }


@pytest.mark.slow
def test_the_query_endpoint_is_measured_as_it_is_served(installation: Path) -> None:
    """Beside txtai, where that is installed with the program."""
    sizes = {"searches": 30, "alone": 10, "warm": 2, "clients": 3} | {
        "starts": 1,
        "repeats": 1,
        "passages": 60,
    }
    command = [sys.executable, "benchmarks/serve.py", "--json", "--folder"]
    command += [str(installation), "--peer", sys.executable]
    command += [text for n, size in sizes.items() for text in (f"--{n}", str(size))]
    result = subprocess.run(command, cwd=CHECKOUT, stdout=subprocess.PIPE, check=True)

    told = json.loads(result.stdout)
    ours = told["services"]["baraza"]
    assert ("txtai" in told["services"]) == ("txtai" not in told["left_out"])
    for name, of in told["services"].items():
        for part, count in (("alone", 10), ("many", 30), ("repeating", 30)):
            assert of[part]["searches"] == count
            assert of[part]["failures"] == 0, (name, of[part]["failed"])
            assert of[part]["service_cpu_ms"] > 0
        memory = of["memory_mb"]["after load"]
        assert 0 < memory["anonymous"] <= memory["resident"] <= memory["peak"]
        assert len(of["starts_s"]) == 1
    assert {"embed", "retrieve", "rank"} <= {*ours["many"]["stages_ms"]}
    assert len(ours["found"]["found_s"]) == 1
    assert ours["found"]["failures"] == 0
    assert ours["found"]["meanwhile"]["searches"] > 0
    lines = "\n".join(program("serve").show(told))
    assert "asked: at least 120" in lines


def answered_forum() -> list[dict[str, Any]]:
    """The first question was answered with a link, that nobody else set."""
    topics = forum()
    answer = '<a href="https://forum.example.org/t/1">See there</a>'
    topics[3]["posts"].append(topic(11, 21, "", "", answer)["posts"][1])
    return topics


def instant_arguments(folder: Path) -> list[str]:
    """Without the config and the folder of runs, which are of other benchmarks."""
    given = arguments(
        folder, answered_forum(), "--docs-url", "https://docs.example.org"
    )
    del given[6:10]
    return [*given, "--folder", str(folder / "made"), "--model", "hashing"]


def test_instant_search_is_scored_beside_other_ways(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    instant = program("instant")
    given = instant_arguments(tmp_path)
    instant.main([*given, "--json"])
    told = json.loads(capsys.readouterr().out)
    instant.main(given)
    shown = capsys.readouterr().out

    assert told["questions"] == 2
    assert told["with"] == {"threads": 2, "docs": 1}
    assert {*told["ways"]} == {"instant", "whole ranking", "BM25", "cosine"}
    for name in ("instant", "whole ranking", "BM25"):
        # Four other topics are there, and two pages.
        assert told["ways"][name]["threads"]["R@5"] == 1.0
        assert told["ways"][name]["docs"]["R@5"] == 1.0
    assert told["ways"]["BM25"]["threads"]["nDCG@10"] == 1.0
    for name in ("instant", "whole ranking"):
        of = told["reliability"][name]["both"]
        assert 0 <= of["ece"] <= 1
        assert of["hits"] == sum(point["n"] for point in of["curve"])
        assert told["reliability"][name]["first"]["hits"] == 2
    assert "whole ranking" in shown
    assert "ECE" in shown


def test_a_question_is_asked_as_if_its_topic_had_never_been_opened(
    tmp_path: Path,
) -> None:
    """Neither is it found, nor does what its replies link count."""
    instant, installed = program("instant"), program("installed")
    parser = argparse.ArgumentParser()
    installed.add_options(parser)
    options, _ = parser.parse_known_args(instant_arguments(tmp_path))
    options.folder.mkdir()
    app = App(load_config(installed.installed(options, options.folder)))
    with app.open_store(readonly=True) as store:
        index = app.open_index(store)
        try:
            embedder = app.models.of(index.directory, index.stamp)
            whole = Keeper(index, store, embedder).refreshed(store)
            linked, own = (
                document.id
                for key in ("1", "11")
                if (document := store.documents.find("history", key)) is not None
            )
            seen = instant.without(whole, own)
        finally:
            index.close()
    threads, before = seen.shelves[Kind.THREAD], whole.shelves[Kind.THREAD]
    place, own_place = threads.places([linked, own])

    assert before.in_links[place] > 0 == threads.in_links[place]
    assert [*whole.graph.out_of(own)] == [linked]
    assert [*whole.graph.into(linked)] == [own]
    assert not seen.graph.out_of(own)
    assert not seen.graph.into(linked)
    assert not seen.graph.answered_with(linked)
    [segment], [as_before] = threads.segments, before.segments
    assert own_place in as_before.documents
    assert own_place not in segment.documents
    assert seen.passages == whole.passages - sum(as_before.documents == own_place)
