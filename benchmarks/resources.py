"""What reading a community's whole documentation, courses and videos takes.

    python benchmarks/resources.py --data FOLDER [--languages en fr] [--keep FOLDER]

Collected pages, course units and videos are served as their sites would serve them,
over HTTP by another process, and are read and indexed by ``baraza harvest`` and
``baraza index``, twice: the second time nothing changed. Then questions are asked.

FOLDER holds ``docs_LANGUAGE.jsonl.gz`` (``url``, ``markdown``),
``academy_units.jsonl.gz`` (``course_key``, ``course``, ``chapter``, ``section``,
``unit``, ``text``) and ``videos.jsonl.gz`` (``youtube``, ``title``, ``transcript``).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from collected import transcripts

_HERE = Path(__file__).resolve().parent
QUESTIONS = (
    "How do I enrol a tracked entity through the API?",
    "programme rules not working on Android",
    "configurer l'analyse des données",
    "SEMIS attendance training video",
    "How do I enrol a tracked entity through the API in 2.40?",
)
_RULES = [
    {"pattern": "^docs-site/(?P<language>[a-z]{2})/"},
    {
        "pattern": r"/dhis-core-version-(?P<version>2(?P<minor>\d\d))/",
        "version": r"2.\g<minor>",
    },
    {"pattern": "/dhis-core-version-(?P<version>master)/"},
]
_PROGRAM = Path(sys.executable).with_name("baraza")
_KEY = "BARAZA_BENCHMARK_KEY"


class Site:
    """A running `benchmarks/site.py`."""

    def __init__(self, folder: Path, languages: Sequence[str]) -> None:
        command = [sys.executable, str(_HERE / "site.py"), str(folder), *languages]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.addresses: dict[str, Any] = self._heard()

    def requests(self) -> tuple[int, int]:
        """``(all, conditional)`` so far; robots.txt is not counted."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        total, conditional = self._heard()
        return total, conditional

    def _heard(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the site ended with code {self._process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        # The end of its input is its sign to stop.
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def running(folder: Path, languages: Sequence[str]) -> Iterator[Site]:
    site = Site(folder, languages)
    try:
        yield site
    finally:
        site.close()


def write_config(folder: Path, data: Path, addresses: Mapping[str, Any]) -> Path:
    spoken = folder / "transcripts"
    spoken.mkdir(exist_ok=True)
    for video, text in transcripts(data).items():
        (spoken / f"{video}.txt").write_text(text, "utf-8")
    # On this machine there is nobody to be polite to.
    common = {"requests_per_second": 1000, "language": "en"}
    values = {
        "community": {"name": "Benchmark", "contact": "you@localhost"},
        "data_dir": "data",
        "sources": {
            "docs": {
                "type": "website",
                "url": addresses["docs"],
                "rules": _RULES,
                **common,
            },
            "academy": {"type": "courses", "url": addresses["academy"], **common},
            "videos": {
                "type": "videos",
                "url": addresses["videos"],
                "api_url": addresses["videos"],
                "api_key_env": _KEY,
                "playlists": addresses["playlists"],
                "transcripts": "transcripts",
                **common,
            },
        },
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False), "utf-8")
    return path


def run(config: Path, *command: str) -> tuple[str, float]:
    """What a command prints, and the seconds that it took."""
    started = time.monotonic()
    result = subprocess.run(
        [str(_PROGRAM), *command, "--config", str(config)],
        env={**os.environ, _KEY: "a-key-of-the-benchmark"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return result.stdout, time.monotonic() - started


def measure(site: Site, config: Path) -> None:
    for name in ("first", "second"):
        before = site.requests()
        said, harvest_s = run(config, "harvest")
        after = site.requests()
        indexed, index_s = run(config, "index")
        print(f"{name} refresh: {harvest_s + index_s:.0f} s")
        print(f"  harvest {harvest_s:.1f} s, {after[0] - before[0]} requests, ", end="")
        print(f"{after[1] - before[1]} of them conditional")
        print("".join(f"    {line}\n" for line in said.splitlines()), end="")
        print(f"  index {index_s:.1f} s: {indexed.strip()}")


def main() -> None:
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the collected files")
    parser.add_argument("--languages", nargs="*", default=["en"], help="of the pages")
    parser.add_argument("--keep", type=Path, help="work here, and leave it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with running(arguments.data, arguments.languages) as site:
            config = write_config(folder, arguments.data, site.addresses)
            measure(site, config)
            for question in QUESTIONS:
                said, took_s = run(config, "ask", question, "-k", "5")
                print(f"\n{question} ({took_s:.1f} s)\n{said}", end="")


if __name__ == "__main__":
    main()
