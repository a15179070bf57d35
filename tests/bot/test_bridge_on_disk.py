"""The bridge in use: read again when its file changes, and never a reason to stop."""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.bridging import BridgeOnDisk
from bot.on_disk import OnDisk
from kb.bridge import Bridge, Sense, WordTable, shipped_bridge

OWN_WORDS = {"données": (Sense("records", 1.0),)}
OWN = Bridge(
    {("fr", "en"): WordTable("fr", "en", 1, OWN_WORDS, times={"données": 99_999})},
    mark="own",
)
OTHER = Bridge({("es", "en"): WordTable("es", "en", 1, {"a": ()})}, mark="other")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bridge.json.gz"


def written(path: Path, text: str) -> None:
    """Write as everything here is written: beside it, and then moved there."""
    draft = path.with_name("draft")
    draft.write_text(text, "utf-8")
    os.replace(draft, path)


# -- a file that is read again -----------------------------------------------------


def test_a_file_is_read_once_for_each_state_that_it_is_in(path: Path) -> None:
    read: list[str] = []

    def content(where: Path) -> str:
        read.append(where.read_text("utf-8"))
        return read[-1]

    file = OnDisk(path, content)

    assert [file.content(), file.content()] == [None, None]
    written(path, "one")
    assert [file.content(), file.content()] == ["one", "one"]
    written(path, "two")
    assert [file.content(), file.content()] == ["two", "two"]
    path.unlink()
    assert [file.content(), file.content()] == [None, None]
    written(path, "two")
    assert file.content() == "two"
    assert read == ["one", "two", "two"]


def test_what_cannot_be_used_is_tried_once_until_it_changes(path: Path) -> None:
    tried: list[Path] = []
    file: OnDisk[str] = OnDisk(path, lambda where: tried.append(where))
    written(path, "broken")

    assert [file.content() for _ in range(3)] == [None] * 3
    written(path, "broken again")
    assert [file.content() for _ in range(3)] == [None] * 3
    assert tried == [path, path]


def test_what_is_no_file_is_read_all_the_same_so_that_this_is_told(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("no folder")
    tried: list[Path] = []
    below = tmp_path / "file" / "bridge"
    file: OnDisk[str] = OnDisk(below, lambda where: tried.append(where))

    assert file.content() is None
    assert tried == [below]


def test_threads_that_ask_at_once_read_it_once(path: Path) -> None:
    written(path, "text")
    read: list[int] = []
    at_once = threading.Barrier(8)

    def content(where: Path) -> str:
        read.append(1)
        return where.read_text("utf-8")

    file = OnDisk(path, content)

    def ask(_: int) -> str | None:
        at_once.wait()
        return file.content()

    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(ask, range(8))] == ["text"] * 8
    assert read == [1]


# -- the bridge --------------------------------------------------------------------


def test_before_one_was_learned_the_one_that_comes_along_is_used(path: Path) -> None:
    assert BridgeOnDisk(path, "shipped").current() is shipped_bridge()
    assert BridgeOnDisk(path, "own").current() is None
    assert BridgeOnDisk(path, "off").current() is None


def test_what_was_learned_here_and_what_comes_along_are_one(path: Path) -> None:
    OWN.save(path)

    both = BridgeOnDisk(path, "shipped").current()

    assert both == OWN.over(shipped_bridge())
    table = both.tables["fr", "en"] if both else WordTable("", "")
    # Met more often than what comes along has met it.
    [meaning] = table.senses("donnees") or ()
    assert meaning.text == "records"
    assert table.term(["tableau", "de", "bord"]) is not None
    assert BridgeOnDisk(path, "own").current() == OWN
    assert BridgeOnDisk(path, "off").current() is None


def test_a_new_one_is_used_as_soon_as_it_is_there_and_the_old_one_is_kept_till_then(
    path: Path,
) -> None:
    bridge = BridgeOnDisk(path, "own")
    OWN.save(path)

    first = bridge.current()
    assert first == OWN
    assert bridge.current() is first
    OTHER.save(path)
    assert bridge.current() == OTHER
    path.unlink()
    assert bridge.current() is None


@pytest.mark.parametrize("use", ["shipped", "own"])
def test_one_that_does_not_read_is_told_of_once_and_stops_nobody(
    path: Path, caplog: pytest.LogCaptureFixture, use: str
) -> None:
    written(path, "broken")
    bridge = BridgeOnDisk(path, use)  # type: ignore[arg-type]

    with caplog.at_level(logging.WARNING):
        found = [bridge.current() for _ in range(3)]

    assert found == [shipped_bridge() if use == "shipped" else None] * 3
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert str(path) in record.getMessage()
    assert "run baraza learn bridge" in record.getMessage()
    OWN.save(path)
    assert (bridge.current() or Bridge()).mark == "own"


def test_one_that_is_switched_off_is_not_read(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written(path, "broken")
    assert BridgeOnDisk(path, "off").current() is None
    assert not caplog.records
