"""Learning the bridge between languages: what is learned from, shown, kept fresh."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from bot.app import App
from bot.bridging import bridge_facts, bridge_is_due, learn_bridge
from bot.calls import Calls
from bot.cli import main
from bot.config import parse_config
from bot.service import Service
from kb.bridge import load_bridge
from tests.bot.conftest import FakeClock

# Enough of each for a word to be told from those around it.
TERMS = {
    "données": "data",
    "carte": "map",
    "rapport": "report",
    "groupe": "group",
    "période": "period",
}
VERBS = {"Ouvrir": "Open", "Garder": "Save", "Supprimer": "Delete", "Chercher": "Find"}


def properties(texts: list[str]) -> str:
    return "".join(f"key{number}={text}\n" for number, text in enumerate(texts))


class Install:
    """A config with a folder of translations and one of pages."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.folder = folder
        self.clock = clock
        self.config: dict[str, Any] = {
            "community": {
                "name": "Test",
                "contact": "tests@example.org",
                "languages": ["en", "fr"],
            },
            "data_dir": str(folder / "data"),
            "sources": {
                "terms": {"type": "terms", "path": str(folder / "i18n")},
                "docs": {
                    "type": "markdown",
                    "path": str(folder / "docs"),
                    "base_url": "https://docs.example.org",
                    "rules": [{"pattern": "^(?P<language>[a-z]{2})/"}],
                },
            },
            "bot": {"mode": "off"},
            "embedding": {"model": "hashing"},
        }
        self.write(
            {
                "i18n/app_fr.properties": properties(
                    [f"{verb} {noun}" for verb in VERBS for noun in TERMS]
                ),
                "i18n/app_en.properties": properties(
                    [f"{v} {n}" for v in VERBS.values() for n in TERMS.values()]
                ),
                "docs/fr/maps.md": "# Cartes {#maps}\n\nOuvrez la carte.\n",
                "docs/en/maps.md": "# Maps {#maps}\n\nPlease look at it.\n",
            }
        )

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    @property
    def app(self) -> App:
        return App(parse_config(self.config, folder=self.folder), clock=self.clock)

    def harvest(self) -> None:
        for name in self.config["sources"]:
            self.app.harvest(name)

    def run(self, *words: str) -> Result:
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(self.config), encoding="utf-8")
        return CliRunner().invoke(main, [*words, "--config", str(path)])


@pytest.fixture
def install(tmp_path: Path, clock: FakeClock) -> Install:
    return Install(tmp_path, clock)


def test_the_bridge_is_learned_from_terms_and_pages_together(install: Install) -> None:
    install.harvest()

    report = learn_bridge(install.app)

    assert report.saved == install.app.bridge_path
    assert (report.terms, report.pages) == ({"en-fr": 20}, {"en-fr": 1})
    there, back = report.tables
    assert (there.source, there.target, back.source, back.target) == (
        *("en", "fr"),
        *("fr", "en"),
    )
    # Those of the files, a title and a sentence: the title is the heading, too.
    assert there.texts == back.texts == 22
    assert there.samples
    bridge = load_bridge(report.saved)
    assert bridge.learned_at == install.clock()
    table = bridge.table("fr", "en")
    assert table is not None
    senses = table.senses("donnees")
    assert senses
    assert senses[0].text == "data"


def test_the_command_shows_what_was_learned(install: Install) -> None:
    install.harvest()

    result = install.run("learn", "bridge")

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == (
        "en and fr: 22 parallel texts, from 20 texts of files and 1 pages with their "
        "translations"
    )
    assert lines[1].startswith("en → fr: ")
    assert lines[-1].startswith(f"saved as {install.app.bridge_path}, ")
    assert any(line.startswith("  data → données 1.00") for line in lines)


def test_a_word_can_be_looked_up(install: Install) -> None:
    install.harvest()

    before = install.run("learn", "bridge", "--sample", "tableau de bord")
    shown = install.run("learn", "bridge", "--sample", "Données")
    told = install.run("learn", "bridge", "--sample", "Données", "--json")
    unknown = install.run("learn", "bridge", "--sample", "zebra")

    # By the bridge in use: that which comes along, where none was learned.
    assert "fr → en\n  tableau de bord → dashboard 0." in before.stdout
    assert "fr → en\n  donnees → data 0." in shown.stdout
    assert ["fr", "en", "donnees", "data"] in [
        [t["source"], t["target"], each["text"], each["senses"][0][0]]
        for t in json.loads(told.stdout)["tables"]
        for each in t["samples"]
    ]
    assert unknown.stdout == "zebra: not known in any language\n"
    assert not install.app.bridge_path.exists()


def test_machines_get_all_of_it(install: Install) -> None:
    install.harvest()

    result = install.run("learn", "bridge", "--json")
    misplaced = install.run("learn", "--json", "bridge")

    told = json.loads(result.stdout)
    assert told["saved"] == str(install.app.bridge_path)
    assert [(t["source"], t["target"]) for t in told["tables"]] == [
        ("en", "fr"),
        ("fr", "en"),
    ]
    assert misplaced.exit_code == 2
    assert "--json comes after bridge" in misplaced.output


def test_another_file_may_be_written_in_place_of_the_one_in_use(
    install: Install,
) -> None:
    install.harvest()
    target = install.folder / "shipped.json.gz"

    install.run("learn", "bridge", "--output", str(target))

    assert load_bridge(target).tables
    assert not install.app.bridge_path.exists()


def test_without_translations_it_is_said_what_would_help(install: Install) -> None:
    del install.config["sources"]["terms"]
    (install.folder / "docs/fr/maps.md").unlink()
    install.harvest()

    result = install.run("learn", "bridge")

    assert result.exit_code == 0
    assert "nothing says the same in several languages yet" in result.stdout
    assert not install.app.bridge_path.exists()


def test_what_was_learned_leaves_with_what_it_was_learned_from(
    install: Install,
) -> None:
    """Its words are those of a page that nobody may read any more."""
    del install.config["sources"]["terms"]
    install.harvest()
    learn_bridge(install.app)
    copy = install.folder / "copy.json.gz"
    install.config["sources"]["docs"]["visibility"] = "private"
    install.harvest()
    [job] = [j for j in Service(install.app).jobs() if j.name == "bridge"]

    due = bridge_is_due(install.app)
    elsewhere = install.run("learn", "bridge", "--output", str(copy))
    kept = install.app.bridge_path.exists()
    done = job.run()

    assert (due, kept, done) == (True, True, True)
    assert "nothing says the same in several languages yet" in elsewhere.stdout
    assert not install.app.bridge_path.exists()
    assert not bridge_is_due(install.app)


def test_the_command_says_that_what_was_learned_is_forgotten(install: Install) -> None:
    install.harvest()
    learn_bridge(install.app)
    for name in ("i18n/app_fr.properties", "docs/fr/maps.md"):
        (install.folder / name).unlink()
    install.harvest()

    result = install.run("learn", "bridge")

    assert result.stdout == (
        "nothing says the same in several languages any more: what was learned from it "
        "is forgotten\n"
    )
    assert not install.app.bridge_path.exists()


def test_the_bridge_in_use_leads_between_all_languages(install: Install) -> None:
    """One of some would stay until translations change."""
    install.harvest()

    result = install.run("learn", "bridge", "--language", "en", "--language", "fr")

    assert result.exit_code == 2
    assert "--language needs --output" in result.output
    assert not install.app.bridge_path.exists()


def test_before_any_harvest_the_command_says_so(install: Install) -> None:
    result = install.run("learn", "bridge")

    assert result.exit_code == 1
    assert "no knowledge base here; run baraza harvest" in result.output


def test_it_is_due_when_terms_or_translated_pages_change_and_not_else(
    install: Install,
) -> None:
    install.harvest()
    due = [bridge_is_due(install.app)]
    for name, text in (
        ("docs/about.md", "# About\n\nNo translation.\n"),
        ("docs/fr/maps.md", "# Cartes {#maps}\n\nUn autre texte.\n"),
        ("i18n/app_fr.properties", "key0=Autre\n"),
    ):
        learn_bridge(install.app)
        due.append(bridge_is_due(install.app))
        install.write({name: text})
        install.harvest()
        due.append(bridge_is_due(install.app))

    assert due == [True, False, False, False, True, False, True]


def test_a_bridge_that_does_not_read_is_learned_again(install: Install) -> None:
    install.harvest()
    install.app.bridge_path.write_bytes(b"junk")

    app = install.app
    with app.open_store(readonly=True) as store:
        facts = bridge_facts(app, store)

    assert facts.problem is not None
    assert "run baraza learn bridge" in facts.problem
    assert bridge_is_due(app)


def test_the_service_learns_it_when_it_is_due(install: Install) -> None:
    install.harvest()
    [job] = [j for j in Service(install.app).jobs() if j.name == "bridge"]

    assert job.run()
    first = load_bridge(install.app.bridge_path)
    install.clock.forward(days=1)
    assert job.run()
    same = load_bridge(install.app.bridge_path)
    install.write({"i18n/app_fr.properties": "key0=Autre\n"})
    install.harvest()
    assert job.run()
    other = load_bridge(install.app.bridge_path)

    assert first.learned_at == same.learned_at
    assert other.learned_at == install.clock()
    assert other.mark != first.mark


def test_a_service_without_translations_has_no_such_job(install: Install) -> None:
    del install.config["sources"]["terms"]
    install.config["sources"]["docs"]["rules"] = []

    names = [job.name for job in Service(install.app).jobs()]

    assert "bridge" not in names


def test_the_status_tells_its_age_and_whether_it_is_due(install: Install) -> None:
    install.harvest()
    before = install.run("status")
    learn_bridge(install.app)
    learned = install.run("status", "--json")
    shown = install.run("status")
    install.write({"i18n/app_fr.properties": "key0=Autre\n"})
    install.harvest()
    due = install.run("status")

    assert "bridge: as shipped; baraza learn bridge\n" in before.stdout
    assert "source terms: 40 texts in several languages; " in before.stdout
    status = json.loads(learned.stdout)["bridge"]
    assert status["is_due"] is False
    assert [table["texts"] for table in status["tables"]] == [22, 22]
    assert "from parallel texts: en-fr 22\n" in shown.stdout
    assert "translations have changed since: baraza learn bridge\n" in due.stdout


def test_the_status_tells_which_bridge_the_config_wants(install: Install) -> None:
    install.harvest()
    lines = {}
    for use in ("off", "own"):
        install.config["search"] = {"bridge": use}
        shown = install.run("status").stdout.splitlines()
        [lines[use]] = [line for line in shown if line.startswith("bridge: ")]

    assert lines == {
        "off": "bridge: off (search.bridge)",
        "own": "bridge: none yet; baraza learn bridge",
    }


def test_the_service_looks_at_the_bridge_as_soon_as_a_translation_left(
    install: Install,
) -> None:
    """What left must not stay in the bridge until the daily look at it."""
    install.harvest()
    service, calls = Service(install.app), Calls(settle_s=0, apart_s=0)
    with service.webhooks(calls):
        jobs = {job.name: job for job in service.jobs()}
        assert jobs["refresh terms"].run()
        before = calls.due()
        (install.folder / "i18n" / "app_fr.properties").unlink()
        assert jobs["refresh terms"].run()
        after = calls.due()
        (install.folder / "docs" / "fr" / "maps.md").unlink()
        assert jobs["refresh docs"].run()

    assert (before, after) == ([], ["bridge"])
    assert sorted(calls.due()) == ["bridge", "index"]
