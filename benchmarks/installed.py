"""A harvested and indexed installation for benchmarks of searching; made, or found."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import yaml
from ask import fill_cache
from linked_text import DOCS_URL, FORUM_URL, generated_archive, generated_docs

from bot.app import App
from bot.config import load_config
from indexer.sources.lines import read_lines

_BASE = Path(__file__).with_name("slicer.yaml")
_DOCS_PAGES = 170


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--passages", type=int, default=65_000, help="at least")
    parser.add_argument("--folder", type=Path, help="find or keep the installation")
    parser.add_argument("--archive", type=Path, help="topics as JSON Lines")
    parser.add_argument("--forum-url", default=FORUM_URL, help="where the topics are")
    parser.add_argument("--docs", type=Path, help="pages as JSON Lines")
    parser.add_argument("--docs-url", default=DOCS_URL, help="where the pages are")
    parser.add_argument("--vectors", type=Path, help="an embedding cache to begin with")
    parser.add_argument("--max-tokens", type=int, default=200, help="of a passage")
    parser.add_argument("--model", default="packaged", help="embedding.model")


def installed(options: argparse.Namespace, folder: Path) -> Path:
    """The config of an installation that can be searched.

    What lies in *folder* is taken as it is, unless an archive is given: then it is
    brought up to date with that. The model is the real one for questions; passages
    that are not in its cache get random vectors, which cost a search the same.
    """
    config = folder / "config.yaml"
    if options.archive is None and (folder / "data" / "index" / "CURRENT").exists():
        return config
    archive = options.archive or folder / "topics.jsonl"
    docs = options.docs or folder / "docs.jsonl"
    if options.docs is None and not docs.exists():
        generated_docs(docs, _pages(options.passages))
    if options.archive is None and not archive.exists():
        generated_archive(archive, options.passages, _pages(options.passages))
    _write_config(config, archive, _unpacked(docs, folder / "pages"), options)
    app = App(load_config(config))
    for source in app.config.sources:
        app.harvest(source)
    if options.vectors is not None and not app.cache_path.exists():
        shutil.copyfile(options.vectors, app.cache_path)
    fill_cache(app)
    app.index()
    return config


def _pages(passages: int) -> int:
    return min(_DOCS_PAGES, passages // 20 + 1)


def _unpacked(docs: Path, pages: Path) -> Path:
    for each in read_lines(docs, source=docs.name):
        line = json.loads(each.data)
        page = pages / f"{line['path']}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(line["markdown"], encoding="utf-8")
    return pages


def _write_config(
    config: Path, archive: Path, pages: Path, options: argparse.Namespace
) -> None:
    settings: dict[str, Any] = yaml.safe_load(_BASE.read_text(encoding="utf-8"))
    settings["data_dir"] = "data"
    settings["embedding"] = {"model": options.model}
    settings["chunking"] = {"max_tokens": options.max_tokens}
    settings["sources"] = {
        "history": {
            "type": "archive",
            "path": str(archive.resolve()),
            "forum_url": options.forum_url,
        },
        "docs": {
            "type": "markdown",
            "path": str(pages.resolve()),
            "base_url": options.docs_url,
        },
    }
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
