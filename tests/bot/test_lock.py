"""One instance per data folder; a refusal names who has it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.lock import Owner, owner, single_instance
from kb.errors import AlreadyRunningError, StoreError

HOLDER = """
import sys, time
from pathlib import Path
from bot.lock import single_instance
with single_instance(Path(sys.argv[1]), "baraza run"):
    print("held", flush=True)
    time.sleep(60)
"""


def hold(folder: Path) -> subprocess.Popen[str]:
    """Another process that holds *folder*."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str], number: int = signal.SIGKILL) -> None:
    process.send_signal(number)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_a_second_instance_is_refused_and_told_who_runs(tmp_path: Path) -> None:
    process = hold(tmp_path)
    try:
        with (
            pytest.raises(AlreadyRunningError) as refused,
            single_instance(tmp_path, "baraza harvest"),
        ):
            pass
    finally:
        end(process)

    assert f"baraza run (process {process.pid} on " in str(refused.value)


def test_a_killed_process_does_not_block_the_next(tmp_path: Path) -> None:
    end(hold(tmp_path))

    with single_instance(tmp_path, "baraza harvest") as mine:
        assert mine.pid == os.getpid()


def test_a_killed_process_is_not_shown_as_running(tmp_path: Path) -> None:
    end(hold(tmp_path))

    assert owner(tmp_path) is None


def test_the_owner_is_known_while_it_runs_and_gone_afterwards(tmp_path: Path) -> None:
    def clock() -> datetime:
        return datetime(2026, 6, 1, 12, tzinfo=UTC)

    with single_instance(tmp_path, "baraza index", clock=clock) as mine:
        assert owner(tmp_path) == mine
        assert (mine.pid, mine.command) == (os.getpid(), "baraza index")
        assert mine.since == "2026-06-01T12:00:00+00:00"

    assert owner(tmp_path) is None


def test_the_lock_is_free_again_after_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        single_instance(tmp_path, "baraza index"),
    ):
        raise ZeroDivisionError

    with single_instance(tmp_path, "baraza index"):
        pass


def test_a_damaged_note_names_nobody_and_blocks_nobody(tmp_path: Path) -> None:
    process = hold(tmp_path)
    (tmp_path / "baraza.lock.json").write_text('{"pid":')
    try:
        with (
            pytest.raises(
                AlreadyRunningError, match="already running: another process"
            ),
            single_instance(tmp_path, "baraza harvest"),
        ):
            pass
    finally:
        end(process)

    with single_instance(tmp_path, "baraza harvest"):
        pass


def test_a_data_folder_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    blocked = tmp_path / "data"
    blocked.write_text("not a folder")

    with (
        pytest.raises(StoreError, match="cannot be locked"),
        single_instance(blocked, "baraza harvest"),
    ):
        pass


def test_an_owner_reads_as_a_sentence() -> None:
    mine = Owner(12, "kb1", "2026-06-01T12:00:00+00:00", "baraza run")

    assert str(mine) == (
        "baraza run (process 12 on kb1, since 2026-06-01T12:00:00+00:00)"
    )
