"""The index on disk: built, brought up to date, opened, refused, killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import pytest
from filelock import FileLock

from kb.embed import Float32, HashingEmbedder, ModelRef
from kb.errors import (
    AlreadyRunningError,
    CorruptIndexError,
    EmbeddingError,
    IndexMissingError,
    SearchIndexError,
    StaleIndexError,
)
from kb.index import (
    IndexReport,
    OpenIndex,
    Stamp,
    build_index,
    current_directory,
    embed_ahead,
    open_index,
)
from kb.index.stamp import read_stamp
from kb.lexical import TantivyIndex
from kb.store import EmbeddingCache, Store
from kb.types import IndexablePassage, Kind, PassageId
from tests.kb.stored import delete, insert, page, passage_ids, rewrite


class CountingEmbedder(HashingEmbedder):
    """Remembers the texts that it had to read; fails on the word *poison*."""

    def __init__(self, dim: int = 32) -> None:
        super().__init__(dim)
        self.read: list[str] = []

    def embed_passages(
        self,
        texts: Sequence[str],
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Float32:
        if any("poison" in text for text in texts):
            raise EmbeddingError(self.model_id, "cannot read poison")
        self.read.extend(texts)
        return super().embed_passages(texts, progress=progress)


@dataclass
class Desk:
    """A store, a cache and an index folder, and the two calls with them."""

    store: Store
    cache: EmbeddingCache
    folder: Path
    embedder: CountingEmbedder = field(default_factory=CountingEmbedder)

    def build(
        self,
        *,
        rebuild: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> IndexReport:
        report = build_index(
            self.store,
            self.embedder,
            self.cache,
            self.folder,
            lexical=TantivyIndex,
            rebuild=rebuild,
            progress=progress,
        )
        # Time passes differently every time; titles have tests of their own.
        return replace(report, seconds=0.0, titles_embedded=0)

    def open(
        self, opener: Callable[[Path], TantivyIndex] = TantivyIndex.open
    ) -> OpenIndex[TantivyIndex]:
        return open_index(
            self.folder,
            store_uuid=self.store.uuid,
            store_generation=self.store.generation,
            model_id=self.embedder.model_id,
            dim=self.embedder.dim,
            lexical_opener=opener,
        )

    def words(self, query: str) -> list[PassageId]:
        """Ids that the word index finds, ascending."""
        index = self.open()
        try:
            return sorted(hit.passage_id for hit in index.lexical.search(query, 50))
        finally:
            index.close()

    def nearest(self, query: str, kind: Kind, k: int = 1) -> list[int]:
        index = self.open()
        try:
            vector = self.embedder.embed_query(query)[None]
            found: list[int] = index.vectors[kind].search(vector, k)[1][0].tolist()
            return found
        finally:
            index.close()

    def directories(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("gen-*"))


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Iterator[Desk]:
    with EmbeddingCache.open(tmp_path / "data" / "embeddings.db") as cache:
        yield Desk(store, cache, tmp_path / "data" / "index")


def content(stamp: Stamp) -> Stamp:
    """A stamp without its checksums: Tantivy names its files at random."""
    return replace(stamp, files={})


# -- building ------------------------------------------------------------------


def test_passages_are_found_by_words_and_by_likeness_in_their_kind(desk: Desk) -> None:
    manual = insert(desk.store, page("backup", "Dump the database nightly", "Restore"))
    thread = insert(desk.store, page("help", "Cannot log in", kind=Kind.THREAD))

    report = desk.build()

    assert report == IndexReport(3, 3, 3, 0, desk.store.generation, True, 0.0)
    [first, _] = passage_ids(desk.store, manual)
    [question] = passage_ids(desk.store, thread)
    assert desk.words("database") == [first]
    assert desk.nearest("nightly database dump", Kind.DOCS) == [first]
    assert desk.nearest("log in", Kind.THREAD) == [question]
    index = desk.open()
    index.close()
    assert {kind: len(vectors) for kind, vectors in index.vectors.items()} == {
        Kind.DOCS: 2,
        Kind.THREAD: 1,
    }
    assert index.lag == 0


def test_an_empty_store_has_an_index_that_finds_nothing(desk: Desk) -> None:
    assert desk.build() == IndexReport(0, 0, 0, 0, 0, True, 0.0)

    index = desk.open()
    index.close()

    assert (dict(index.vectors), index.stamp.newest) == ({}, None)
    assert desk.words("anything") == []


def test_only_what_changed_is_embedded_and_swapped(desk: Desk) -> None:
    backup = insert(desk.store, page("backup", "Dump nightly", "Restore by hand"))
    insert(desk.store, page("users", "Add a user"))
    desk.build()
    desk.embedder.read.clear()

    rewrite(desk.store, backup, page("backup", "Dump nightly", "Restore with a tool"))
    insert(desk.store, page("maps", "Draw a map"))
    report = desk.build()

    # The unchanged paragraph has a new id here, and its old vector.
    assert report == IndexReport(4, 2, 3, 2, desk.store.generation, False, 0.0)
    assert desk.embedder.read == [
        "Backup\nRestore with a tool",
        "Maps\nDraw a map",
        "Maps",
    ]
    dump, restore = passage_ids(desk.store, backup)
    assert desk.words("tool") == [restore]
    assert desk.words("hand") == []
    assert desk.nearest("Backup Dump nightly", Kind.DOCS) == [dump]


def test_nothing_changed_means_nothing_done(desk: Desk) -> None:
    insert(desk.store, page("backup", "Dump nightly"))
    desk.build()
    before = desk.directories()

    report = desk.build()

    assert report == IndexReport(1, 0, 0, 0, desk.store.generation, False, 0.0)
    assert desk.directories() == before


def test_a_passage_that_came_and_went_between_two_builds_leaves_no_trace(
    desk: Desk,
) -> None:
    insert(desk.store, page("backup", "Dump nightly"))
    desk.build()
    brief = insert(desk.store, page("brief", "Quicksilver"))
    delete(desk.store, brief)

    report = desk.build()

    assert report == IndexReport(1, 0, 0, 0, desk.store.generation, False, 0.0)
    assert desk.words("quicksilver") == []


def test_the_last_passage_of_a_kind_takes_its_vector_file_along(desk: Desk) -> None:
    insert(desk.store, page("backup", "Dump nightly"))
    video = insert(desk.store, page("tour", "A short tour", kind=Kind.VIDEO))
    desk.build()

    delete(desk.store, video)
    desk.build()

    index = desk.open()
    index.close()
    assert list(index.vectors) == [Kind.DOCS]
    assert not list(index.directory.glob("vectors-video*"))


def test_adding_up_ends_like_building_anew(desk: Desk) -> None:
    rng = random.Random(4)
    alive = []
    for step in range(12):
        words = rng.sample(["map", "user", "dump", "chart", "login", "sync"], 3)
        alive.append(insert(desk.store, page(f"p{step}", *words)))
        if step % 3 == 2:
            delete(desk.store, alive.pop(rng.randrange(len(alive))))
        if step % 2:
            desk.build()
    desk.build()

    def answers() -> list[object]:
        return [
            (desk.words(word), desk.nearest(word, Kind.DOCS, k=40))
            for word in ("map", "user", "dump", "chart", "login", "sync")
        ]

    added_up = (answers(), desk.open().stamp.vectors)
    report = desk.build(rebuild=True)

    assert (report.full, report.embedded) == (True, 0)
    assert (answers(), desk.open().stamp.vectors) == added_up


def test_vectors_of_deleted_text_leave_the_cache_for_every_model(desk: Desk) -> None:
    keep = page("keep", "Stays")
    insert(desk.store, keep)
    gone = insert(desk.store, page("gone", "Private matter"))
    desk.build()
    desk.embedder = CountingEmbedder(dim=16)
    desk.build()
    [hashed] = [
        passage.content_hash for passage in desk.store.passages.of_document(gone)
    ]
    models = ["hashing-16-v1", "hashing-32-v1"]
    assert [len(desk.cache.get(model, [hashed])) for model in models] == [1, 1]

    delete(desk.store, gone)
    desk.build()

    assert [len(desk.cache.get(model, [hashed])) for model in models] == [0, 0]
    kept = next(desk.store.passages.indexable()).content_hash
    assert [len(desk.cache.get(model, [kept])) for model in models] == [1, 1]


def test_no_old_directory_keeps_deleted_text(desk: Desk) -> None:
    gone = insert(desk.store, page("gone", "Private matter"))
    desk.build()
    delete(desk.store, gone)

    desk.build()

    assert desk.directories() == [f"gen-{desk.store.generation}-2"]


def test_equal_texts_are_embedded_once(desk: Desk) -> None:
    for key in ("a", "b", "c"):
        insert(desk.store, replace(page(key, "Same text"), title="Same title"))

    report = desk.build()

    assert (report.passages, report.embedded) == (3, 1)


def test_a_cached_vector_of_the_wrong_length_is_made_anew(desk: Desk) -> None:
    insert(desk.store, page("backup", "Dump nightly"))
    [passage] = desk.store.passages.indexable()
    damaged = HashingEmbedder(5).embed_query("x")
    desk.cache.put(desk.embedder.model_id, {passage.content_hash: damaged})

    assert desk.build().embedded == 1


@pytest.mark.parametrize("damage", [float("nan"), float("inf"), 7.0])
def test_a_damaged_cached_vector_is_made_anew(desk: Desk, damage: float) -> None:
    insert(desk.store, page("a", "x"))
    [passage] = desk.store.passages.indexable()
    vector = desk.embedder.embed_query(passage.input)
    broken = vector.copy()
    broken[0] = damage
    desk.cache.put(desk.embedder.model_id, {passage.content_hash: broken})

    assert desk.build().embedded == 1
    [known] = desk.cache.get(desk.embedder.model_id, [passage.content_hash]).values()
    assert known.tolist() == vector.tolist()


def test_progress_counts_up_to_all_passages_cached_or_not(desk: Desk) -> None:
    insert(desk.store, page("backup", *(f"Step {n}" for n in range(5))))
    desk.build()
    insert(desk.store, page("more", *(f"Step {n}" for n in range(3))))
    incremental: list[tuple[int, int]] = []
    again: list[tuple[int, int]] = []

    desk.build(progress=lambda done, total: incremental.append((done, total)))
    desk.build(rebuild=True, progress=lambda done, total: again.append((done, total)))

    # Three passages and a title.
    assert incremental == [(0, 4), (1, 4), (2, 4), (3, 4), (3, 4), (4, 4)]
    assert again == [(8, 8)]


def test_a_second_build_at_the_same_time_is_refused(desk: Desk) -> None:
    desk.folder.mkdir(parents=True)
    with (
        FileLock(desk.folder / "build.lock"),
        pytest.raises(AlreadyRunningError, match="another index build"),
    ):
        desk.build()


def test_what_is_harvested_during_a_build_comes_with_the_next(
    desk: Desk, store_path: Path
) -> None:
    """The build sees one state of the store; nothing is lost or indexed twice."""
    insert(desk.store, page("backup", "Dump nightly"))

    def harvest(done: int, total: int) -> None:
        with Store.open(store_path) as other:
            if other.generation == 1:
                insert(other, page("late", "Came late"))

    first = desk.build(progress=harvest)
    index = desk.open()
    index.close()
    second = desk.build()

    assert (first.passages, first.generation, index.lag) == (1, 1, 1)
    assert (second.passages, second.added, second.full) == (2, 1, False)


# -- a failed build leaves the index in use as it was ---------------------------


def test_a_failing_model_leaves_the_old_index_and_the_finished_batches(
    desk: Desk,
) -> None:
    insert(desk.store, page("backup", "Dump nightly"))
    desk.build()
    before = current_directory(desk.folder)
    insert(desk.store, page("many", *(f"Harmless {n}" for n in range(512))))
    bad = insert(desk.store, page("bad", "poison"))

    with pytest.raises(EmbeddingError, match="cannot read poison"):
        desk.build()

    assert (current_directory(desk.folder), len(desk.directories())) == (before, 1)
    assert len(desk.words("dump")) == 1
    delete(desk.store, bad)
    desk.embedder.read.clear()
    assert desk.build().added == 512
    assert desk.embedder.read == ["Many"]


class FullDisk(TantivyIndex):
    """A word index that finds no room."""

    def add(self, passages: Iterable[IndexablePassage]) -> None:
        raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_the_old_index(desk: Desk) -> None:
    insert(desk.store, page("backup", "Dump nightly"))
    desk.build()
    before = current_directory(desk.folder)
    insert(desk.store, page("more", "More text"))

    with pytest.raises(SearchIndexError, match=r"No space left.*still stands"):
        build_index(
            desk.store, desk.embedder, desk.cache, desk.folder, lexical=FullDisk
        )

    assert (current_directory(desk.folder), len(desk.directories())) == (before, 1)
    assert len(desk.words("dump")) == 1


class Forgetful(TantivyIndex):
    """Opens as an index that fails at once when it is built upon."""

    @classmethod
    def open(cls, path: Path) -> Self:
        raise AssertionError("a full build was expected")


@pytest.mark.parametrize("damage", ["vectors", "words", "stamp", "pointer", "gone"])
def test_a_damaged_index_is_made_anew_by_the_next_build(
    desk: Desk, damage: str
) -> None:
    insert(desk.store, page("backup", "Dump nightly"))
    desk.build()
    directory = current_directory(desk.folder)
    assert directory is not None
    if damage == "vectors":
        (directory / "vectors-docs.faiss").write_bytes(b"garbage")
    elif damage == "words":
        for path in (directory / "words").rglob("meta.json"):
            path.unlink()
    elif damage == "stamp":
        (directory / "stamp.json").write_text("{}")
    elif damage == "pointer":
        (desk.folder / "CURRENT").write_text("../../etc")
    else:
        (desk.folder / "CURRENT").write_text("gen-9-9")

    report = build_index(
        desk.store, desk.embedder, desk.cache, desk.folder, lexical=Forgetful
    )

    assert (report.full, report.embedded) == (True, 0)
    assert len(desk.words("dump")) == 1


def test_an_index_of_another_model_is_made_anew(desk: Desk) -> None:
    insert(desk.store, page("backup", "Dump nightly"))
    desk.build()
    desk.embedder = CountingEmbedder(dim=16)

    report = desk.build()

    assert (report.full, report.embedded) == (True, 1)
    assert desk.nearest("dump", Kind.DOCS) != [-1]


def test_the_stamp_knows_how_its_model_is_opened(desk: Desk) -> None:
    insert(desk.store, page("backup", "Dump nightly"))
    ref = ModelRef("org/model", query_prompt="ask: ", multilingual=True)

    build_index(
        desk.store,
        desk.embedder,
        desk.cache,
        desk.folder,
        lexical=TantivyIndex,
        model=ref,
    )

    assert desk.open().stamp.model == ref


def test_only_the_models_that_are_named_keep_their_vectors(desk: Desk) -> None:
    """And none keeps those of texts that left."""
    gone = insert(desk.store, page("gone", "Alpha"))
    insert(desk.store, page("stays", "Beta"))
    other, third = CountingEmbedder(dim=16), CountingEmbedder(dim=8)
    for embedder in (other, third):
        embed_ahead(desk.store, embedder, desk.cache)
    delete(desk.store, gone)

    build_index(
        desk.store,
        desk.embedder,
        desk.cache,
        desk.folder,
        lexical=TantivyIndex,
        keep={other.model_id},
    )

    assert desk.cache.models() == sorted([other.model_id, desk.embedder.model_id])
    for embedder in (other, desk.embedder):
        rows = desk.cache._conn.execute(
            "SELECT count(*) FROM embeddings WHERE model_id = ?", [embedder.model_id]
        )
        assert rows.fetchone() == (2,)


def test_a_store_that_was_restored_and_went_another_way_is_noticed(
    tmp_path: Path, store_path: Path
) -> None:
    """Its ids and generations repeat, with other texts behind them."""
    folder, backup = tmp_path / "index", tmp_path / "backup.db"
    with EmbeddingCache.open(tmp_path / "embeddings.db") as cache:
        with Store.open(store_path) as store:
            insert(store, page("first", "Alpha"))
            store.backup(backup)
            insert(store, page("second", "Beta"))
            Desk(store, cache, folder).build()
        with Store.open(backup) as restored:
            insert(restored, page("other", "Gamma"))
            desk = Desk(restored, cache, folder)

            report = desk.build()

            assert (report.full, report.generation) == (True, 2)
            assert (desk.words("beta"), len(desk.words("gamma"))) == ([], 1)


# -- opening ---------------------------------------------------------------------


def test_a_missing_index_says_how_to_make_one(desk: Desk) -> None:
    with pytest.raises(IndexMissingError, match="run baraza index"):
        desk.open()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"store_uuid": "x"}, "another knowledge base"),
        ({"model_id": "e5@1"}, r"model hashing-32-v1 \(32 dimensions\), not e5@1"),
        ({"dim": 7}, r"not hashing-32-v1 \(7\)"),
        ({"store_generation": 0}, "restored from a backup"),
        ({"lexical_format": "words-x"}, "word index has format .*, not words-x"),
        ({"texts_format": "texts-x"}, "document index has format .*, not texts-x"),
    ],
)
def test_an_index_made_from_something_else_is_refused(
    desk: Desk, change: dict[str, str | int], problem: str
) -> None:
    insert(desk.store, page("backup", "Dump nightly"))
    desk.build()
    wanted: dict[str, str | int] = {
        "store_uuid": desk.store.uuid,
        "store_generation": desk.store.generation,
        "model_id": desk.embedder.model_id,
        "dim": desk.embedder.dim,
    }

    with pytest.raises(StaleIndexError, match=f"{problem}.*; run baraza index"):
        open_index(
            desk.folder,
            lexical_opener=TantivyIndex.open,
            **(wanted | change),  # type: ignore[arg-type]
        )


def test_a_newer_layout_is_refused(desk: Desk) -> None:
    desk.build()
    directory = current_directory(desk.folder)
    assert directory is not None
    stamp = json.loads((directory / "stamp.json").read_text())
    (directory / "stamp.json").write_text(json.dumps(stamp | {"format": 99}))

    with pytest.raises(StaleIndexError, match="format 99, not 2; run baraza index"):
        desk.open()


def test_every_damaged_file_is_named(desk: Desk) -> None:
    insert(desk.store, page("backup", "Dump nightly"))
    insert(desk.store, page("help", "Cannot log in", kind=Kind.THREAD))
    desk.build()
    directory = current_directory(desk.folder)
    assert directory is not None
    files = [*read_stamp(directory).files, "stamp.json"]

    for name in files:
        path = directory / name
        whole = path.read_bytes()
        flipped = whole[:-1] + bytes([whole[-1] ^ 1])
        for damaged in (b"", whole[: len(whole) // 2], b"\xff" * len(whole), flipped):
            path.write_bytes(damaged)
            if damaged == whole:
                continue
            with pytest.raises(CorruptIndexError, match="--rebuild") as caught:
                desk.open()
            assert caught.value.path == path
        path.unlink()
        with pytest.raises(CorruptIndexError, match="--rebuild"):
            desk.open()
        path.write_bytes(whole)
    desk.open().close()
    assert {name.split(".")[0] for name in files} >= {
        "vectors-docs",
        "vectors-thread",
        "stamp",
    }


@pytest.mark.parametrize("text", ["", "\n", "gen-1", "gen-1-1\n", "../gen-1-1", "\xff"])
def test_a_garbled_pointer_is_named(desk: Desk, text: str) -> None:
    desk.build()
    (desk.folder / "CURRENT").write_bytes(text.encode("latin-1"))

    with pytest.raises(CorruptIndexError, match=r"CURRENT: .*--rebuild"):
        desk.open()


@pytest.mark.parametrize(
    "stamp", ["", "[]", "null", "{}", '{"format": 2}', '{"format": 2, "newest": 3}']
)
def test_a_garbled_stamp_is_named(desk: Desk, stamp: str) -> None:
    desk.build()
    directory = current_directory(desk.folder)
    assert directory is not None
    (directory / "stamp.json").write_text(stamp)

    with pytest.raises(CorruptIndexError, match=r"stamp.json: .*--rebuild"):
        desk.open()


def test_an_index_behind_its_store_opens_and_tells_how_far(desk: Desk) -> None:
    insert(desk.store, page("backup", "Dump nightly"))
    desk.build()
    insert(desk.store, page("more", "More"))
    insert(desk.store, page("still", "Still more"))

    index = desk.open()
    index.close()

    assert (index.lag, index.stamp.passages) == (2, 1)


def test_an_open_index_still_answers_after_it_was_replaced(desk: Desk) -> None:
    insert(desk.store, page("backup", "Dump nightly"))
    desk.build()
    index = desk.open()
    insert(desk.store, page("more", "Dump weekly"))

    desk.build()

    assert not index.directory.exists()
    assert len(index.lexical.search("dump", 5)) == 1
    query = desk.embedder.embed_query("dump")[None]
    assert index.vectors[Kind.DOCS].search(query, 2)[1][0, 1] == -1
    index.close()


def test_a_reader_overtaken_while_it_opens_takes_the_new_index(desk: Desk) -> None:
    insert(desk.store, page("backup", "Dump nightly"))
    desk.build()
    insert(desk.store, page("more", "Dump weekly"))
    opened: list[str] = []

    def overtaken(path: Path) -> TantivyIndex:
        opened.append(path.parent.name)
        if len(opened) == 1:
            desk.build()
        return TantivyIndex.open(path)

    index = desk.open(overtaken)
    index.close()

    assert opened == ["gen-1-1", "gen-2-2"]
    assert (index.stamp.passages, index.directory.name) == (2, "gen-2-2")


# -- killed anywhere ---------------------------------------------------------------

# Kills itself at the n-th thing that the interpreter notes: an opened file, a new
# directory, a rename, a batch of the model.
_CHILD = """
import os, signal, sys
from pathlib import Path
from kb.embed import HashingEmbedder
from kb.index import build_index
from kb.lexical import TantivyIndex
from kb.store import EmbeddingCache, Store

class Noted(HashingEmbedder):
    def embed_passages(self, texts, *, progress=None):
        sys.audit("test.embed")
        rows = super().embed_passages(texts, progress=progress)
        sys.audit("test.embedded")
        return rows

store, folder, limit = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
events = 0
watched = {"open", "os.mkdir", "os.rename", "os.rmdir", "os.remove",
           "sqlite3.connect", "test.embed", "test.embedded"}

def count(event, args):
    global events
    if event in watched:
        events += 1
        if events == limit:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
with Store.open(store) as s, EmbeddingCache.open(folder.parent / "vectors.db") as c:
    build_index(s, Noted(32), c, folder, lexical=TantivyIndex)
print(events)
"""


def run_child(store_path: Path, folder: Path, limit: int) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(store_path), str(folder), str(limit)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode, done.stdout


def test_a_build_killed_at_any_moment_is_made_good_by_the_next(
    store: Store, store_path: Path, tmp_path: Path
) -> None:
    """Ten kills, each followed by a look at what readers would find."""
    seed = 20260301
    rng = random.Random(seed)
    words = ["map", "user", "dump", "chart", "login", "sync", "rule", "unit"]
    pages = [
        insert(
            store,
            page(f"p{n}", *(" ".join(rng.choices(words, k=4)) for _ in range(40))),
        )
        for n in range(30)
    ]
    calm, rough = tmp_path / "calm" / "index", tmp_path / "rough" / "index"
    code, printed = run_child(store_path, calm, -1)
    assert code == 0
    total = int(printed)

    killed = 0
    for attempt in range(10):
        if attempt == 5:
            # From here on the interrupted builds are incremental ones.
            assert run_child(store_path, rough, -1)[0] == 0
            delete(store, *pages[:3])
            insert(store, page("new", *(f"fresh {n} map" for n in range(600))))
        killed += run_child(store_path, rough, rng.randint(1, total))[0] != 0
        directory = current_directory(rough) if rough.exists() else None
        if directory is not None:
            open_index(
                rough,
                store_uuid=store.uuid,
                store_generation=store.generation,
                model_id="hashing-32-v1",
                dim=32,
                lexical_opener=TantivyIndex.open,
            ).close()
    assert run_child(store_path, rough, -1)[0] == 0
    assert run_child(store_path, calm, -1)[0] == 0

    assert killed >= 5, f"seed {seed}"
    assert len(list(rough.glob("gen-*"))) == 1
    assert answers(store, rough) == answers(store, calm)


def answers(store: Store, folder: Path) -> tuple[Stamp, list[object], list[object]]:
    embedder = HashingEmbedder(32)
    index = open_index(
        folder,
        store_uuid=store.uuid,
        store_generation=store.generation,
        model_id=embedder.model_id,
        dim=embedder.dim,
        lexical_opener=TantivyIndex.open,
    )
    queries = ["map user", "fresh 7", "dump chart login"]
    words: list[object] = [
        [hit.passage_id for hit in index.lexical.search(query, 20)] for query in queries
    ]
    vectors: list[object] = [
        found.tolist()
        for query in queries
        for found in index.vectors[Kind.DOCS].search(
            embedder.embed_query(query)[None], 20
        )
    ]
    index.close()
    return content(index.stamp), words, vectors
