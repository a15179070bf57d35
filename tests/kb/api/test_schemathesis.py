"""The endpoint, held against its own OpenAPI document by schemathesis."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from kb.api import ApiSettings, create_app
from kb.api.serving import server_config
from tests.kb.api.stand import METRICS_KEY, Stand, served

ROOT = Path(__file__).parents[3]
# Where the document cannot say all, see `tests.kb.api.schemathesis_checks`.
CONFIG = """
hooks = "tests.kb.api.schemathesis_checks"

[[operations]]
include-path = ["/api/search", "/api/related"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "404", "422"]
"""


def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    app = create_app(Stand(), ApiSettings(requests_per_minute=0))
    with served(app, server_config) as url:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--no-color"),
                *("run", f"{url}/openapi.json", "--checks", "all"),
                *("--phases", "examples,coverage,fuzzing", "--max-examples", "5"),
                *(
                    "--seed",
                    "1",
                    "--no-shrink",
                    "--header",
                    f"X-Api-Key: {METRICS_KEY}",
                ),
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "Operations:       9 selected / 9 total" in done.stdout
    assert "❌" not in done.stdout
