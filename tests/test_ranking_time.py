"""The benchmark of ranking one question runs, and knows all that takes time."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT


@pytest.mark.slow
def test_the_time_of_a_question_is_told_stage_by_stage() -> None:
    command = (sys.executable, "benchmarks/latency.py", "--json")
    result = subprocess.run(
        [*command, "--passages", "600", "--questions", "10"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        check=True,
    )
    told = json.loads(result.stdout)

    assert told["passages"] >= 600
    assert told["questions"] == 10
    assert told["links"] > 0
    assert told["kinds"] == ["docs", "thread"]
    assert 0 < told["clock_ms"]["median"] <= told["clock_ms"]["p90"]
    assert set(told["stages_ms"]) == {
        *("embedding", "words", "meaning", "documents by words", "links"),
        *("facts", "signals", "ranking", "folding", "rest"),
    }
    assert all(ms > 0 for ms in told["stages_ms"].values())
