"""The commands about keys: made and shown once, listed, revoked."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from bot.cli import main
from kb.store import Store
from tests.kb.stored import insert, page

VALUES = {
    "community": {"name": "Example Forum", "contact": "ops@example.org"},
    "data_dir": "data",
    "sources": {},
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """An installation that holds something restricted."""
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(VALUES), "utf-8")
    with Store.open(tmp_path / "data" / "baraza.db") as store:
        for key, visibility in (
            ("backup", "public"),
            ("rota", "category:Staff"),
            ("plans", "category:Board\x1b[31m"),
            ("wiki", "source:wiki"),
        ):
            insert(store, page(key, "Text", visibility=visibility))
    return path


def keys(config: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(config), "keys", *words])


def ok(config: Path, *words: str) -> str:
    result = keys(config, *words)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_key_is_shown_once_alone_on_stdout(config: Path) -> None:
    made = keys(config, "add", "wiki", "--scope", "private", "--scope", "metrics")

    assert made.exit_code == 0
    assert re.fullmatch(r"baraza_[\w-]{43}\n", made.stdout)
    assert made.stderr == (
        "This is the key wiki, shown this once: keep it where secrets are kept. It "
        "shows the figures of /metrics and all that is restricted.\n"
    )
    with Store.open(config.parent / "data" / "baraza.db", readonly=True) as store:
        found = store.api_keys.find(made.stdout.strip())
    assert found is not None
    assert found.scopes == {"private", "metrics"}
    assert made.stdout.strip() not in ok(config) + ok(config, "--json")


def test_keys_are_listed_for_people_and_for_machines(config: Path) -> None:
    assert ok(config) == "no keys: everybody sees what is public, and nobody more\n"
    assert ok(config, "--json") == ""
    ok(config, "add", "wiki", "--scope", "category:Staff", "--scope", "metrics")
    ok(config, "add", "grafana", "--scope", "metrics")
    ok(config, "revoke", "grafana")

    lines = ok(config).splitlines()
    values = [json.loads(line) for line in ok(config, "--json").splitlines()]

    day = r"\d{4}-\d\d-\d\d"
    assert re.fullmatch(f"grafana: metrics; made {day}, revoked {day}", lines[0])
    assert re.fullmatch(f"wiki: category:Staff, metrics; made {day}", lines[1])
    assert [(each["name"], each["scopes"]) for each in values] == [
        ("grafana", ["metrics"]),
        ("wiki", ["category:Staff", "metrics"]),
    ]
    assert [each["revoked_at"] is None for each in values] == [False, True]
    assert [set(each) for each in values] == [
        {"name", "scopes", "created_at", "revoked_at"}
    ] * 2


def test_a_category_that_does_not_exist_is_refused_with_those_that_do(
    config: Path,
) -> None:
    result = keys(config, "add", "wiki", "--scope", "category:Staf")

    assert (result.exit_code, result.stdout) == (2, "")
    assert (
        "nothing that is held is restricted to category:Staf; there is: "
        "category:Board[31m, category:Staff, source:wiki" in result.stderr
    )
    assert ok(config, "--json") == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["wiki"], "Missing option '--scope'"),
        (["wiki", "--scope", "admin"], "expected private, category:NAME, source:NAME"),
        (["", "--scope", "private"], "1 to 40 characters"),
        (["a\nb", "--scope", "private"], "1 to 40 characters"),
        (["x" * 41, "--scope", "private"], "1 to 40 characters"),
    ],
)
def test_what_is_no_key_is_wrong_usage(
    config: Path, words: list[str], told: str
) -> None:
    result = keys(config, "add", *words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert ok(config, "--json") == ""


def test_a_name_is_given_once(config: Path) -> None:
    ok(config, "add", "wiki", "--scope", "source:wiki")

    again = keys(config, "add", "wiki", "--scope", "private")

    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr == (
        "baraza: there is, or was, a key called wiki; choose another\n"
    )
    assert [
        json.loads(line)["scopes"] for line in ok(config, "--json").splitlines()
    ] == [["source:wiki"]]


def test_a_revoked_key_lets_nobody_in(config: Path) -> None:
    secret = ok(config, "add", "wiki", "--scope", "private").strip()

    assert ok(config, "revoke", "wiki") == "revoked: wiki lets nobody in any more\n"
    assert ok(config, "revoke", "wiki") == "it was revoked already: wiki\n"
    unknown = keys(config, "revoke", "wik\x1bi")

    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert unknown.stderr == "baraza: there is no key called wiki; see baraza keys\n"
    with Store.open(config.parent / "data" / "baraza.db", readonly=True) as store:
        assert store.api_keys.find(secret) is None


def test_json_goes_with_the_list_alone(config: Path) -> None:
    assert keys(config, "--json", "revoke", "wiki").exit_code == 2


def test_without_a_knowledge_base_the_list_says_what_to_run(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(VALUES), "utf-8")

    result = keys(path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "no knowledge base here; run baraza harvest" in result.stderr


@pytest.mark.parametrize("command", ["add", "revoke"])
def test_each_command_has_help_with_an_example(command: str) -> None:
    result = CliRunner().invoke(main, ["keys", command, "--help"])

    assert result.exit_code == 0
    assert re.search(r"Example:\n +baraza keys ", result.stdout)
