"""The archive: read lazily, resumed where it stopped, broken lines set aside."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from indexer.source import Batch
from indexer.sources import lines as lines_module
from indexer.sources.archive import ArchiveSource
from kb.errors import SourceError
from kb.store import SourceState
from kb.types import Document, DocumentId, Kind, Part, StoredState

FORUM = "https://forum.example.org"
SLICER = Path(__file__).resolve().parents[2].parent / "shared/bench/slicer"


def post(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": 100 + number,
        "post_number": number,
        "username": "ana",
        "created_at": f"2024-05-0{number}T10:00:00.000Z",
        "cooked": f"<p>Post {number}</p>",
        **changes,
    }


def topic(topic_id: int, *posts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "id": topic_id,
        "title": f"Topic {topic_id}",
        "created_at": "2024-05-01T10:00:00.000Z",
        "posts": list(posts) or [post(1)],
        **changes,
    }


def line(record: object) -> bytes:
    return json.dumps(record).encode() + b"\n"


def state(*, cursor: str | None = None, walk: int = 1) -> SourceState:
    return SourceState("archive", cursor, walk, walk - 1, None, None, None)


def source(path: Path, **settings: Any) -> ArchiveSource:
    return ArchiveSource("archive", path, forum_url=FORUM, **settings)


def archive(tmp_path: Path, *records: bytes, name: str = "topics.jsonl") -> Path:
    path = tmp_path / name
    data = b"".join(records)
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def walk(
    it: ArchiveSource, known: Sequence[Document] = (), **kwargs: Any
) -> list[Batch]:
    stored = {
        document.key: StoredState(DocumentId(1), document.revision, "", "")
        for document in known
    }
    return list(it.walk(kwargs.pop("state", state()), stored, **kwargs))


def documents(batches: Sequence[Batch]) -> list[Document]:
    return [document for batch in batches for document in batch.documents]


def aside(batches: Sequence[Batch]) -> list[tuple[str, str]]:
    return [item for batch in batches for item in batch.set_aside]


@pytest.mark.parametrize("name", ["topics.jsonl", "topics.jsonl.gz"])
def test_a_topic_becomes_a_thread(tmp_path: Path, name: str) -> None:
    reply = post(
        2,
        user_id=5,
        like_count=3,
        accepted_answer=True,
        reply_to_post_number=1,
        updated_at="2024-06-01T00:00:00+02:00",
    )
    path = archive(tmp_path, line(topic(7, reply, post(1))), name=name)

    [document] = documents(walk(source(path, language="en", visibility="category:x")))

    assert document == Document(
        source="archive",
        kind=Kind.THREAD,
        key="7",
        url="https://forum.example.org/t/7",
        title="Topic 7",
        parts=(
            Part(
                number=1,
                body="<p>Post 1</p>",
                external_id=101,
                author="ana",
                created_at=datetime(2024, 5, 1, 10, tzinfo=UTC),
            ),
            Part(
                number=2,
                body="<p>Post 2</p>",
                external_id=102,
                author_id=5,
                author="ana",
                created_at=datetime(2024, 5, 2, 10, tzinfo=UTC),
                updated_at=datetime(2024, 5, 31, 22, tzinfo=UTC),
                likes=3,
                accepted=True,
                reply_to=1,
            ),
        ),
        language="en",
        visibility="category:x",
        created_at=datetime(2024, 5, 1, 10, tzinfo=UTC),
        updated_at=datetime(2024, 5, 2, 10, tzinfo=UTC),
        solved=True,
        revision=document.revision,
    )


@pytest.mark.parametrize("name", ["topics.jsonl", "topics.jsonl.gz"])
def test_an_interrupted_walk_goes_on_after_its_last_batch(
    tmp_path: Path, name: str
) -> None:
    path = archive(tmp_path, *(line(topic(n)) for n in range(1, 451)), name=name)

    whole = walk(source(path))
    resumed = walk(source(path), state=state(cursor=whole[0].cursor))

    assert [len(batch.documents) for batch in whole] == [200, 200, 50]
    assert [d.key for d in documents(whole)] == [str(n) for n in range(1, 451)]
    assert resumed == whole[1:]
    assert walk(source(path), state=state(cursor=whole[2].cursor)) == []


def test_the_next_walk_and_a_changed_file_are_read_from_the_start(
    tmp_path: Path,
) -> None:
    path = archive(tmp_path, line(topic(1)), line(topic(2)))
    cursor = walk(source(path))[-1].cursor

    next_walk = walk(source(path), state=state(cursor=cursor, walk=2))
    os.utime(path, ns=(1, 1))
    changed = walk(source(path), state=state(cursor=cursor))
    foreign = walk(source(path), state=state(cursor='{"page": 3}'))

    assert [d.key for d in documents(next_walk)] == ["1", "2"]
    assert [d.key for d in documents(changed)] == ["1", "2"]
    assert [d.key for d in documents(foreign)] == ["1", "2"]


def test_unchanged_topics_are_not_given_again(tmp_path: Path) -> None:
    before = documents(
        walk(source(archive(tmp_path, *map(line, [topic(1), topic(2)]))))
    )
    path = archive(tmp_path, line(topic(1)), line(topic(2, title="New")))

    [batch] = walk(source(path), before)
    [full] = walk(source(path), before, full=True)
    [again] = walk(source(path), before, again={"1"})
    [elsewhere] = walk(ArchiveSource("archive", path, forum_url="https://b"), before)

    assert (batch.unchanged, [d.title for d in batch.documents]) == (("1",), ["New"])
    assert [d.key for d in full.documents] == ["1", "2"]
    assert [d.key for d in again.documents] == ["1", "2"]
    assert [d.key for d in elsewhere.documents] == ["1", "2"]


def test_of_topics_with_one_id_the_last_wins(tmp_path: Path) -> None:
    old, new = topic(1, title="Old"), topic(1, title="New")
    many = [line(topic(n)) for n in range(2, 250)]
    path = archive(tmp_path, line(old), line(old), *many, line(new))

    first = documents(walk(source(path)))
    # Stored is the last; the first is given again, and so must the last be.
    second = documents(walk(source(path), first))

    assert [d.title for d in first if d.key == "1"] == ["Old", "New"]
    assert [d.title for d in second] == ["Old", "New"]


def test_of_posts_with_one_number_the_last_wins(tmp_path: Path) -> None:
    path = archive(tmp_path, line(topic(1, post(1, cooked="a"), post(1, cooked="b"))))

    [document] = documents(walk(source(path)))

    assert [part.body for part in document.parts] == ["b"]


def test_an_empty_topic_is_skipped(tmp_path: Path) -> None:
    path = archive(tmp_path, line({**topic(1), "posts": []}), line(topic(2)))

    [batch] = walk(source(path))

    assert batch.skipped == (("1", "no posts"),)
    assert [d.key for d in batch.documents] == ["2"]


@pytest.mark.parametrize(
    ("broken", "key", "problem"),
    [
        (line({**topic(5), "title": None}), "5", "title: expected str, got null"),
        (
            line(topic(5, post(1), post(2, cooked=None))),
            "5",
            "posts[1].cooked: expected str, got null",
        ),
        (
            line(topic(5, {"post_number": 1, "created_at": "2024-01-01T00:00:00Z"})),
            "5",
            "posts[0].cooked: expected str, but it is missing",
        ),
        (
            line(topic(5, post(1, post_number="x"))),
            "5",
            "posts[0].post_number: expected int, got str",
        ),
        (
            line(topic(5, created_at="soon")),
            "5",
            "created_at: expected a time, got 'soon'",
        ),
        (line({**topic(5), "posts": {}}), "5", "posts: expected list, got object"),
        (line(topic(0)), "topics.jsonl:2", "id: expected int >= 1, got 0"),
        (line(topic(2**64)), "topics.jsonl:2", "id: is too large"),
        (line({"title": "x"}), "topics.jsonl:2", "id: expected int, but it is missing"),
        (b"[1, 2]\n", "topics.jsonl:2", "answer: expected object, got list"),
        (
            b'{"id": 5, "title": \n',
            "5",
            "line: not JSON: Expecting value at character 20",
        ),
        (
            b"nonsense\n",
            "topics.jsonl:2",
            "line: not JSON: Expecting value at character 0",
        ),
        (b'{"id": 5, "title": "\xff"}\n', "5", "line: not UTF-8 at byte 20"),
    ],
)
def test_a_broken_line_is_set_aside_and_the_others_are_read(
    tmp_path: Path, broken: bytes, key: str, problem: str
) -> None:
    path = archive(tmp_path, line(topic(1)), broken, b"\n", line(topic(3)))
    it = source(path)

    batches = walk(it)

    assert [d.key for d in documents(batches)] == ["1", "3"]
    assert aside(batches) == [(key, f"topics.jsonl:2: {problem}")]
    # What cannot be told by its key may be stored: nothing is known to have left.
    assert it.is_exhaustive == (not key.startswith("topics"))


def test_nesting_without_end_is_set_aside(tmp_path: Path) -> None:
    path = archive(tmp_path, b'{"id": 5, "posts": ' + b"[" * 200_000, line(topic(3)))

    [(key, reason)] = aside(walk(source(path)))

    assert key == "5"
    assert reason.startswith("topics.jsonl:1: line: not JSON")


def test_a_broken_line_does_not_replace_a_good_one(tmp_path: Path) -> None:
    path = archive(tmp_path, line(topic(5)), line({**topic(5), "title": 1}))

    batches = walk(source(path))

    assert [d.title for d in documents(batches)] == ["Topic 5"]
    assert aside(batches) == [
        ("topics.jsonl:2", "topics.jsonl:2: title: expected str, got int")
    ]


def test_a_line_of_any_length_is_read_past(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE_BYTES", 1000)
    long = topic(5, title="x" * 5000)
    path = archive(tmp_path, line(topic(1)), line(long), line(topic(3)))

    batches = walk(source(path))

    assert [d.key for d in documents(batches)] == ["1", "3"]
    assert aside(batches) == [("5", "topics.jsonl:2: line: longer than 1000 bytes")]


def test_a_gzip_file_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    texts = [os.urandom(2000).hex() for _ in range(100)]
    records = [line(topic(n, title=text)) for n, text in enumerate(texts, start=1)]
    path = archive(tmp_path, *records, name="topics.jsonl.gz")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    it = source(path)

    batches = walk(it)

    read = len(documents(batches))
    [(key, reason)] = aside(batches)
    assert 20 < read < 80
    assert key == f"topics.jsonl.gz:{read + 1}"
    assert reason.startswith(f"{key}: line: the gzip file is cut off or damaged")
    assert not it.is_exhaustive
    # Going on where it ends, the same walk must not forget that.
    resumed = source(path)
    walk(resumed, state=state(cursor=batches[-1].cursor))
    assert not resumed.is_exhaustive


def test_a_byte_order_mark_and_a_missing_last_line_break_do_no_harm(
    tmp_path: Path,
) -> None:
    path = archive(tmp_path, b"\xef\xbb\xbf", line(topic(1)), line(topic(2))[:-1])

    it = source(path)

    assert [d.key for d in documents(walk(it))] == ["1", "2"]
    assert it.is_exhaustive


def test_a_file_that_is_no_archive_is_an_error(tmp_path: Path) -> None:
    empty = archive(tmp_path, b"\n\n")

    for path, problem in [
        (tmp_path / "none.jsonl", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (empty, "it holds no records"),
    ]:
        with pytest.raises(SourceError) as caught:
            walk(source(path))
        assert str(caught.value) == f"archive: {path}: {problem}"


@pytest.mark.skipif(not SLICER.is_dir(), reason="no real archive here")
def test_a_real_archive_is_read_whole() -> None:
    it = source(SLICER / "dev_topics.jsonl.gz")

    batches = walk(it)

    assert aside(batches) == []
    assert len(documents(batches)) == 10_994
    assert sum(len(d.parts) for d in documents(batches)) == 60_879
    assert it.is_exhaustive
