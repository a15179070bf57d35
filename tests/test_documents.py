"""The documents stay true: commands, config keys, and nothing of one machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import click
import pytest

from bot.cli import main
from bot.config import Config, load_config
from tests.conftest import CHECKOUT

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_has_help_with_an_example_and_stands_in_the_readme(
    name: str,
) -> None:
    command = main.commands[name]

    assert "Example:" in (command.help or "")
    assert f"`baraza {name}" in README
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help


@pytest.mark.parametrize(
    "section", ["embedding", "chunking", "search", "serve", "webhook"]
)
def test_config_yaml_shows_the_defaults(section: str) -> None:
    shown = getattr(load_config(CHECKOUT / "config.yaml"), section)
    default = Config.model_fields[section].default

    assert shown == default


def test_links_between_the_documents_lead_somewhere() -> None:
    for page in (CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_dependency_is_named_in_the_decisions() -> None:
    project = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    block = project.split("dependencies = [", 1)[1].split("\n]", 1)[0]
    names = re.findall(r'^\s*"([a-z0-9-]+)', block, re.MULTILINE)
    decisions = (CHECKOUT / "docs" / "decisions.md").read_text("utf-8").lower()

    assert len(names) > 15
    assert [name for name in names if name not in decisions] == []


def test_every_dependency_is_pinned() -> None:
    pins = (CHECKOUT / ".ci" / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in pins.splitlines() if not line.startswith("#")]

    assert len(lines) > 50
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []


def test_no_tracked_file_is_large() -> None:
    """Data that the project did not make itself does not belong here."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - whichever git the person uses
        cwd=CHECKOUT,
        capture_output=True,
        check=False,
        text=True,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    large = [
        name
        for name in listed.stdout.split("\0")
        if name and Path(CHECKOUT, name).exists()
        if Path(CHECKOUT, name).stat().st_size > 600_000
    ]
    assert large == []
