"""The file of a bridge: what comes back from it, and what is refused."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.bridge import Bridge, Sense, WordTable, load_bridge, shipped_bridge
from kb.bridge import bridge as module
from kb.errors import BridgeError
from kb.words import words
from tests.kb.bridge.parallel import bridge, table

# A busy machine is no failure.
untimed = settings(deadline=None)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SMALL = Bridge(
    {
        ("fr", "en"): WordTable(
            "fr",
            "en",
            7,
            {"données": (Sense("data", 0.9),), "les": ()},
            {"tableau de bord": (Sense("dashboard", 1.0),)},
        )
    },
    mark="a1",
    learned_at=NOON,
)
SENSES = st.lists(st.builds(Sense, st.text(), st.floats(0.001, 0.333)), max_size=3).map(
    tuple
)
WORD = st.text("abcdé", min_size=1, max_size=4)
WORDS = st.dictionaries(WORD, SENSES, max_size=4)
OF_WORDS = st.builds(WordTable, st.just("fr"), st.just("en"), st.just(1), WORDS)
TABLES = st.builds(
    WordTable,
    st.just("fr"),
    st.just("en"),
    st.integers(0, 9),
    st.dictionaries(st.text(), SENSES, max_size=4),
    st.dictionaries(st.text(), SENSES, max_size=4),
)


def content(**changes: object) -> dict[str, Any]:
    """What `SMALL` is written as, with changes."""
    fr_en = {
        "source": "fr",
        "target": "en",
        "texts": 7,
        "words": {"données": ["data", 0.9], "les": []},
        "terms": {"tableau de bord": ["dashboard", 1.0]},
    }
    whole = {"format": 1, "mark": "a1", "learned_at": NOON.isoformat()}
    return {**whole, "tables": [fr_en], **changes}


def of_table(**changes: object) -> dict[str, Any]:
    (fr_en,) = content()["tables"]
    return content(tables=[{**fr_en, **changes}])


def packed(content: object) -> bytes:
    return gzip.compress(json.dumps(content).encode())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bridge.json.gz"


def refused(path: Path, data: bytes) -> str:
    """What is said of a file without its path; that and the fix are always there."""
    path.write_bytes(data)
    with pytest.raises(BridgeError) as caught:
        load_bridge(path)
    assert caught.value.path == path
    said = str(caught.value)
    fix = "; run baraza learn bridge, or delete it"
    assert said.startswith(f"{path}: ")
    assert said.endswith(fix)
    return said.removeprefix(f"{path}: ").removesuffix(fix)


# -- there and back ----------------------------------------------------------------


def test_what_was_saved_is_loaded_and_makes_the_same_file_again(
    path: Path, tmp_path: Path
) -> None:
    for each in (Bridge(), SMALL, bridge()):
        each.save(path)
        loaded = load_bridge(path)
        loaded.save(tmp_path / "again")

        assert loaded == each
        assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_what_is_written_by_hand_is_read(path: Path) -> None:
    path.write_bytes(packed(content()))
    assert load_bridge(path) == SMALL


@untimed
@given(TABLES)
def test_any_table_comes_back(each: WordTable) -> None:
    made = Bridge({("fr", "en"): each})
    written = module._written(made).model_dump_json().encode()
    assert module._read(gzip.compress(written), Path("x")) == made


def test_the_bridge_that_comes_along_reads_and_leads_into_english_and_back() -> None:
    shipped = shipped_bridge()

    assert {"fr", "es", "pt"} <= shipped.targets("en")
    for language in ("fr", "es", "pt"):
        assert "en" in shipped.targets(language)
    french = shipped.table("fr", "en")
    assert french is not None
    term = french.term(["tableau", "de", "bord"])
    assert term is not None
    assert term[0].text == "dashboard"
    english = shipped.table("en", "fr")
    assert english is not None
    for word, meant in (("dashboard", "tableau de bord"), ("password", "mot de passe")):
        assert [s.text for s in english.senses(word) or ()][:1] == [meant]
    assert shipped is shipped_bridge()


# -- what is refused ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (content(format=2), "has format 2, not 1"),
        (content(format="new"), "format: Input should be a valid integer"),
        (content(mark=None), "mark: Input should be a valid string"),
        (content(more=1), "more: Extra inputs are not permitted"),
        (content(tables={}), "tables: Input should be"),
        (
            content(learned_at="2026-03-01T12:00:00"),
            "learned_at: Input should have timezone info",
        ),
        (of_table(source="../x"), "tables.0.source: String should match"),
        (of_table(target="EN"), "tables.0.target: String should match"),
        (of_table(texts=-1), "tables.0.texts: Input should be greater than"),
        (of_table(words=[]), "tables.0.words: Input should be"),
        (of_table(terms={"a": [None]}), "tables.0.terms.a.0"),
        (of_table(words={"a": [1.0, "b"]}), "expected a text and a probability"),
        (of_table(words={"a": ["b", "c"]}), "expected a text and a probability"),
        (of_table(words={"a": ["b"]}), "is no bridge"),
        (of_table(words={"a": ["b", 0.0]}), "expected a probability in (0, 1]"),
        (of_table(words={"a": ["b", 1.5]}), "expected a probability in (0, 1]"),
        (of_table(words={"a": ["b", -1.0]}), "expected a probability in (0, 1]"),
        (
            of_table(words={"a": [x for n in range(99) for x in (f"b{n}", 0.5)]}),
            "expected probabilities that add up to 1, got 49.500",
        ),
        (of_table(terms={"a": ["b", 0.7, "c", 0.7]}), "add up to 1, got 1.400"),
        (of_table(words={"a": ["b", float("nan")]}), "expected a probability in"),
        (of_table(words={"a": ["b", float("inf")]}), "expected a probability in"),
        ([], "it: Input should be"),
        (None, "it: Input should be"),
    ],
)
def test_wrong_values_are_named(path: Path, changed: object, expected: str) -> None:
    assert expected in refused(path, packed(changed))


def test_what_is_no_gzip_or_no_json_is_refused(path: Path) -> None:
    whole = packed(content())
    broken = bytearray(whole)
    broken[len(broken) // 2] ^= 0xFF

    assert "is no bridge" in refused(path, b"not packed")
    assert "cut off" in refused(path, b"")
    assert "cut off" in refused(path, whole[: len(whole) // 2])
    assert "cut off" in refused(path, whole[:-1])
    assert refused(path, bytes(broken))
    assert "Invalid JSON" in refused(path, gzip.compress(b"{"))
    assert "Invalid JSON" in refused(path, gzip.compress(b"\xff\xfe"))
    assert "Invalid JSON" in refused(path, gzip.compress(b"[" * 100_000))


def test_a_bomb_is_not_unpacked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes may stand for gigabytes; what is read of them is bounded."""
    monkeypatch.setattr(module, "_MAX_BYTES", 1_000_000)
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    bomb = b"".join(packer.compress(b" " * 1_000_000) for _ in range(20))

    assert "far too large" in refused(path, bomb + packer.flush())


def test_what_is_not_there_or_a_folder_is_refused(path: Path) -> None:
    with pytest.raises(BridgeError, match="cannot be read"):
        load_bridge(path)
    path.mkdir()
    with pytest.raises(BridgeError, match="cannot be read"):
        load_bridge(path)


@untimed
@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_do_anything_else(data: bytes, is_packed: bool) -> None:
    with pytest.raises(BridgeError):
        module._read(gzip.compress(data) if is_packed else data, Path("x"))


# -- saving ------------------------------------------------------------------------


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SMALL.save(path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BridgeError) as caught:
        bridge().save(path)

    assert "cannot be written: [Errno 28]" in str(caught.value)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == before


def test_a_folder_is_made_and_one_that_cannot_be_is_told(tmp_path: Path) -> None:
    SMALL.save(tmp_path / "new" / "bridge.json.gz")
    assert load_bridge(tmp_path / "new" / "bridge.json.gz") == SMALL

    (tmp_path / "file").write_text("no folder")
    with pytest.raises(BridgeError, match="cannot be written"):
        SMALL.save(tmp_path / "file" / "bridge.json.gz")


def test_the_draft_of_one_who_was_killed_is_in_nobodys_way(path: Path) -> None:
    path.with_name(f"{path.name}.part").write_bytes(b"half")

    SMALL.save(path)

    assert load_bridge(path) == SMALL
    assert [each.name for each in path.parent.iterdir()] == [path.name]


# -- one over another --------------------------------------------------------------


def test_one_over_another_is_as_if_both_had_been_learned_its_own_counting_more() -> (
    None
):
    own = WordTable(
        "fr",
        "en",
        7,
        {"carte": (Sense("map", 1.0),), "la": ()},
        {"tableau de bord": (Sense("dashboard", 1.0),)},
        {"carte": 2, "la": 9, "tableau de bord": 3},
    )
    other = WordTable(
        "fr",
        "en",
        99,
        {
            "carte": (Sense("card", 0.8), Sense("map", 0.2)),
            "la": (Sense("the", 0.9),),
            "mot": (Sense("word", 1.0),),
        },
        {"tableaux de bord": (Sense("panel", 1.0),)},
        {"carte": 4, "la": 3, "mot": 5, "tableaux de bord": 1},
    )
    alone = {("pt", "en"): table("pt", "en")}

    both = Bridge({("fr", "en"): own}, "a1", NOON).over(
        Bridge({("fr", "en"): other, **alone}, "b2")
    )

    assert (both.mark, both.learned_at) == ("a1", NOON)
    assert both.table("pt", "en") == alone["pt", "en"]
    assert both.table("fr", "en") == WordTable(
        "fr",
        "en",
        7,
        {
            # Of too little weight beside what the own texts say: nothing by itself.
            "la": (),
            "carte": (Sense("map", 0.68), Sense("card", 0.32)),
            "mot": (Sense("word", 1.0),),
        },
        {"tableau de bord": (Sense("dashboard", 0.9),)},
        {"la": 12, "carte": 6, "mot": 5, "tableau de bord": 4},
    )


@untimed
@given(OF_WORDS, OF_WORDS, WORD)
def test_over_another_nothing_is_forgotten_and_nothing_made_up(
    upper: WordTable, lower: WordTable, word: str
) -> None:
    both = upper.over(lower)

    for written in (word, *upper.words, *lower.words):
        (asked,) = words(written)
        assert both.knows(asked) == (upper.knows(asked) or lower.knows(asked))
    told = {s.words for t in (upper, lower) for some in t.words.values() for s in some}
    for senses in both.words.values():
        assert {sense.words for sense in senses} <= told
        assert sum(sense.probability for sense in senses) <= 1.005


def test_one_over_nothing_and_nothing_over_one() -> None:
    assert Bridge().over(SMALL) == Bridge(SMALL.tables)
    assert SMALL.over(Bridge()) == SMALL


def test_the_bridge_that_comes_along_is_what_any_file_must_be() -> None:
    """It is read without the checks that others go through."""
    path = resources.files("kb") / "models" / "bridge.json.gz"

    assert load_bridge(Path(str(path))) == shipped_bridge()
    assert shipped_bridge().learned_at is None
