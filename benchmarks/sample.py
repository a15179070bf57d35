"""An installation on the sample community, as benchmarks set one up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bot.sandbox import Sandbox
from bot.sandbox.load import SAMPLE

BOT = "baraza"
KEY, SECRET = "BARAZA_BENCH_KEY", "BARAZA_BENCH_SECRET"


def write_config(
    folder: Path, box: Sandbox, *, resources: bool = False, **more: Any
) -> Path:
    """A config of the sample forum and its documentation, whose bot answers at once.

    Args:
        resources: With its courses and videos.
        more: Sections beside these.
    """
    at_once = {"requests_per_second": 500}
    sources: dict[str, Mapping[str, Any]] = {
        "forum": {
            "type": "forum",
            "url": box.url,
            "webhook_secret_env": SECRET,
            **at_once,
        },
        "docs": {
            "type": "website",
            "url": box.docs_url,
            "rules": [{"pattern": r"/(?P<version>\d[^/]*)/(?P<language>[a-z]{2})/"}],
            **at_once,
        },
    }
    if resources:
        playlists = [playlist.id for playlist in box.library.playlists]
        sources["courses"] = {"type": "courses", "url": box.academy_url, **at_once}
        sources["videos"] = {
            "type": "videos",
            "url": box.videos_url,
            "playlists": playlists,
            **at_once,
        }
    settings = {
        "community": {
            "name": "Sample Community",
            "contact": "you@localhost",
            "languages": ["en", "fr", "es", "pt"],
        },
        "sources": sources,
        "bot": {
            "mode": "public",
            "grace": "0s",
            "settle": "0s",
            "forum": "forum",
            "username": BOT,
            "api_key_env": KEY,
            "max_replies_per_hour": 100,
        },
        **more,
    }
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(settings), "utf-8")
    return config


def questions(part: str) -> list[dict[str, Any]]:
    """What members ask, see ``new_questions.yaml``."""
    data = yaml.safe_load((SAMPLE / "new_questions.yaml").read_text("utf-8"))
    return list(data[part])
