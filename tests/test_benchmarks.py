"""The benchmark of a harvest runs, and what it counts is true, on a small forum too."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT


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
