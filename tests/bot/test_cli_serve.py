"""The commands that show search on other sites, and how the endpoint is set up."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.app import App
from bot.cli import main
from bot.config import parse_config
from bot.serving import api_settings
from kb.errors import ConfigError

CONFIG = {
    "community": {
        "name": "Example",
        "contact": "ops@example.org",
        "languages": ["fr", "en"],
    },
    "sources": {"forum": {"type": "forum", "url": "https://forum.example.org"}},
    "embedding": {"model": "hashing"},
}


def run(folder: Path, *args: str, **serve: object) -> Result:
    config = folder / "config.yaml"
    config.write_text(json.dumps(CONFIG | {"serve": serve}))
    return CliRunner().invoke(main, [*args, "--config", str(config)])


def test_the_line_for_other_sites_names_where_visitors_reach_it(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        "widget",
        public_url="https://search.example.org",
        origins=["https://site.example.org"],
    )

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (
        '<script src="https://search.example.org/widget.js" async></script>\n'
    )


def test_a_missing_address_is_told_with_the_key_that_has_it(tmp_path: Path) -> None:
    done = run(tmp_path, "widget")

    assert done.exit_code == 2
    assert "serve.public_url: expected where visitors reach" in done.stderr


def test_sites_that_may_not_show_it_yet_are_told_of(tmp_path: Path) -> None:
    done = run(tmp_path, "widget", "--url", "https://search.example.org")

    assert done.exit_code == 0
    assert "serve.origins" in done.stderr


def test_the_component_for_discourse_is_a_zip_with_the_address(tmp_path: Path) -> None:
    out = tmp_path / "component.zip"

    done = run(
        tmp_path,
        *("widget", "--url", "https://search.example.org", "--discourse", str(out)),
    )

    assert done.exit_code == 0
    with zipfile.ZipFile(out) as archive:
        assert "about.json" in archive.namelist()
        assert b"https://search.example.org" in archive.read("settings.yml")


def test_a_component_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    out = tmp_path / "config.yaml" / "component.zip"

    done = run(
        tmp_path,
        *("widget", "--url", "https://search.example.org", "--discourse", str(out)),
    )

    assert done.exit_code == 1
    assert "cannot write" in done.stderr


def test_the_endpoint_is_set_up_as_the_config_says(tmp_path: Path) -> None:
    serve = {
        "public_url": "https://search.example.org",
        "ask_url": "https://forum.example.org/ask",
        "origins": ["https://Site.example.org", "*"],
        "requests_per_minute": 7,
        "search_timeout": "2s",
        "metrics": "off",
    }
    app = App(parse_config(CONFIG | {"serve": serve}, folder=tmp_path))

    settings = api_settings(app)

    assert (settings.community, settings.languages) == ("Example", ("fr", "en"))
    assert settings.public_url == "https://search.example.org"
    assert settings.ask_url == "https://forum.example.org/ask"
    assert settings.origins == ("https://site.example.org", "*")
    assert (settings.requests_per_minute, settings.search_timeout_s) == (7, 2.0)
    assert settings.metrics == "off"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("origins", ["site.example.org"], "serve.origins"),
        ("origins", ["https://site.example.org/path"], "without a path"),
        ("trusted_proxies", ["everybody"], "address or network"),
        ("min_searchers", 1, "0 (nothing is counted) or 2 and more"),
        ("min_searchers", 65, "serve.min_searchers"),
        ("metrics", "maybe", "serve.metrics"),
        ("requests_per_minute", -1, "serve.requests_per_minute"),
        ("search_timeout", "soon", "serve.search_timeout"),
        ("public_url", "search", "serve.public_url"),
    ],
)
def test_what_is_wrong_in_the_config_is_named(
    tmp_path: Path, key: str, value: object, message: str
) -> None:
    with pytest.raises(ConfigError) as told:
        parse_config(CONFIG | {"serve": {key: value}}, folder=tmp_path)

    assert message in str(told.value)
