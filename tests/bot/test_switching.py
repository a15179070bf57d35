"""From one embedding model to another: the old one answers until the new one can."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.app import App
from bot.calls import Calls
from bot.config import Config, load_config
from bot.indexing import Turn, bring_up
from bot.knowledge import Knowledge
from bot.service import Service
from bot.show import status_lines
from bot.status import SwitchStatus, status_of
from kb.api import ANYBODY
from kb.embed import Embedder
from kb.errors import EmbeddingError, StaleIndexError
from kb.index.stamp import current_directory, read_stamp
from kb.instant.records import Filters
from kb.store import EmbeddingCache, Store
from tests.conftest import CHECKOUT
from tests.kb.tiny_models import MakeModel, tiny_models

BARAZA = "from bot.cli import main; main()"
# More than two batches of `embed_ahead`.
PAGES = 300
E5 = {"query": "query: ", "passage": "passage: "}


def found_by(served: Knowledge, q: str) -> list[str]:
    """Titles of what a search box finds."""
    found = served.search(q, Filters(), page=1, k=9, reader=ANYBODY)
    return [hit.hit.document.title for hit in found.hits]


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> MakeModel:
    return tiny_models(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def models(
    tiny_model: MakeModel, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("models")
    return {
        "old": tiny_model(folder / "old"),
        "new": tiny_model(folder / "new", prompts=E5),
    }


class Site:
    """An installation on a folder of pages, whose config is edited as people do."""

    def __init__(self, folder: Path) -> None:
        self.pages = folder / "pages"
        self.config = folder / "config.yaml"
        self.pages.mkdir()

    def write(self, name: str, text: str) -> None:
        (self.pages / f"{name}.md").write_text(f"# {name}\n\n{text}\n", "utf-8")

    def configure(self, **embedding: Any) -> App:
        """A process that starts now, with this model in its config."""
        settings = {
            "community": {"name": "Example", "contact": "ops@example.org"},
            "sources": {
                "docs": {
                    "type": "markdown",
                    "path": str(self.pages),
                    "base_url": "https://docs.example.org",
                }
            },
            "embedding": embedding,
            "bot": {"mode": "off"},
        }
        self.config.write_text(yaml.safe_dump(settings), encoding="utf-8")
        return App(load_config(self.config))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
        )

    def baraza(self, *arguments: str) -> Any:
        """What a command says with --json."""
        done = self.run(
            "-c", BARAZA, "--config", str(self.config), *arguments, "--json"
        )
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return lines[0] if len(lines) == 1 else lines


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.write("Backup", "Dump the database every night.")
    made.write("Maps", "Draw a map of all districts.")
    return made


def indexed(site: Site, **embedding: Any) -> App:
    app = site.configure(**embedding)
    app.harvest("docs")
    app.index()
    return app


def asked(app: App, question: str) -> list[str]:
    return [hit.document.title for hit in app.ask(question, limit=9)]


def answering(app: App) -> str:
    """The name of the model that the index in use was made with."""
    directory = current_directory(app.index_folder)
    assert directory is not None
    return read_stamp(directory).model_id.partition("@")[0]


def vectors(app: App) -> dict[str, int]:
    """How many vectors of each model the cache holds."""
    with EmbeddingCache.open(app.cache_path) as cache:
        rows = cache._conn.execute(
            "SELECT model_id, count(*) FROM embeddings GROUP BY model_id"
        )
        return {model_id.partition("@")[0]: count for model_id, count in rows}


# -- the whole way -----------------------------------------------------------------


def test_the_old_model_answers_until_the_new_one_can_also_after_kill_9(
    site: Site, models: dict[str, str]
) -> None:
    """Real processes: the one that embeds dies on the way; others ask meanwhile."""
    for number in range(PAGES):
        site.write(f"Page {number}", f"How to set up thing {number} of the server.")
    indexed(site, model=models["old"])
    served = Knowledge(site.configure(model=models["new"]))
    served.open()
    texts = 2 * (PAGES + 2)

    killed = site.run("-m", "tests.bot.switching_child", str(site.config), "2")

    assert killed.returncode == -signal.SIGKILL
    status = site.baraza("status")["index"]
    assert status["model_id"].startswith("old@")
    assert status["switch"]["model_id"].startswith("new@")
    assert status["switch"]["embedded"] == 2 * 128
    assert status["switch"]["texts"] == texts
    hits = site.baraza("ask", "dump the database every night")
    assert "Backup" in [hit["title"] for hit in hits]
    assert served.ready()["model"] == status["model_id"]
    assert found_by(served, "dump the database every night")

    report = site.baraza("index")

    # What was embedded before the kill was not embedded again.
    assert report["replaced"] == status["model_id"]
    assert report["passages"] == PAGES + 2
    status_after = site.baraza("status")["index"]
    assert status_after["model_id"] == status["switch"]["model_id"]
    assert status_after["switch"] is None
    hits = site.baraza("ask", "dump the database every night")
    assert "Backup" in [hit["title"] for hit in hits]
    # A process that ran all the while has both: the new index and its model.
    until = time.monotonic() + 60
    while served.ready()["model"] != status_after["model_id"]:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert found_by(served, "dump the database every night")
    served.close()


def test_what_is_harvested_on_the_way_is_found_and_what_left_is_not(
    site: Site, models: dict[str, str]
) -> None:
    indexed(site, model=models["old"])
    app = site.configure(model=models["new"])

    unfinished = bring_up(app, go_on=lambda: False)
    site.write("Zebras", "Zebras cross here.")
    (site.pages / "Maps.md").unlink()
    app.harvest("docs")
    unfinished_again = bring_up(app, go_on=lambda: False)

    assert (unfinished, unfinished_again) == (None, None)
    assert answering(app) == "old"
    assert sorted(asked(app, "zebras map backup")) == ["Backup", "Zebras"]
    report = bring_up(app)
    assert report is not None
    assert (report.replaced or "").startswith("old@")
    assert answering(app) == "new"
    assert sorted(asked(app, "zebras map backup")) == ["Backup", "Zebras"]


def test_vectors_of_both_models_are_kept_on_the_way_and_then_the_new_ones_alone(
    site: Site, models: dict[str, str]
) -> None:
    app = indexed(site, model=models["old"])
    before = vectors(app)
    app = site.configure(model=models["new"])
    asked_for = 0

    def one_batch() -> bool:
        nonlocal asked_for
        asked_for += 1
        return asked_for == 1

    # Passages are one batch, titles the next.
    bring_up(app, go_on=one_batch)
    on_the_way = vectors(app)
    bring_up(app, go_on=lambda: False)
    still = vectors(app)
    app.index()

    assert before == {"old": 4}
    assert on_the_way == still == {"old": 4, "new": 2}
    assert vectors(app) == {"new": 4}


def test_whoever_goes_back_before_the_end_is_where_he_was(
    site: Site, models: dict[str, str]
) -> None:
    indexed(site, model=models["old"])
    bring_up(site.configure(model=models["new"]), go_on=lambda: False)

    app = site.configure(model=models["old"])
    report = app.index()

    assert (report.embedded, report.full, report.replaced) == (0, False, None)
    assert vectors(app) == {"old": 4}
    assert "Backup" in asked(app, "backup")


def test_nothing_is_cut_anew_for_another_model(
    site: Site, models: dict[str, str]
) -> None:
    indexed(site, model=models["old"])

    report = site.configure(model=models["new"]).harvest("docs")

    assert (report.recut, report.passages_added, report.passages_removed) == (0, 0, 0)


def test_the_service_switches_by_itself_and_no_question_stays_unanswered(
    site: Site, models: dict[str, str]
) -> None:
    """``baraza run`` in a process of its own; another one searches all the while."""
    indexed(site, model=models["old"])
    app = site.configure(model=models["new"])
    served = Knowledge(app)
    served.open()
    seen = [str(served.ready()["model"])]
    running = subprocess.Popen(
        [sys.executable, "-c", BARAZA, "--config", str(site.config), "run"],
        cwd=CHECKOUT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while seen[-1].startswith("old@") and running.poll() is None:
            assert "Backup" in found_by(served, "backup")
            seen.append(str(served.ready()["model"]))
    finally:
        served.close()
        running.terminate()
        _, log = running.communicate()

    assert running.returncode == 0, log
    assert [model.partition("@")[0] for model in dict.fromkeys(seen)] == ["old", "new"]
    assert f"model={seen[0]}\n" in log
    assert f"model={seen[-1]} answers, no longer {seen[0]}\n" in log
    assert "Backup" in asked(app, "backup")


def test_after_a_switch_the_service_learns_how_to_rank_anew(
    site: Site, models: dict[str, str]
) -> None:
    """Another model's cosines mean something else."""
    indexed(site, model=models["old"])
    service = Service(site.configure(model=models["new"]))
    calls = Calls(settle_s=0, apart_s=0)
    with service.webhooks(calls):
        [index] = [job for job in service.jobs() if job.name == "index"]

        first = (index.run(), calls.due())
        calls.begin("learn")
        second = (index.run(), calls.due())

    assert first == (True, ["learn"])
    assert second == (True, [])


def test_a_service_starts_with_the_model_that_answers(
    site: Site, models: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The first opening of another one takes minutes, or may fail."""
    app = indexed(site, model=models["old"])
    model_id = app.embedder.model_id
    app = site.configure(model=str(tmp_path / "mistyped"))

    with caplog.at_level(logging.INFO, logger="bot.service"):
        Service(app).check()

    assert caplog.messages == [f"model={model_id}"]


def test_learning_goes_by_the_model_that_answers(
    site: Site, models: dict[str, str]
) -> None:
    before = indexed(site, model=models["old"])
    app = site.configure(model=models["new"])

    meanwhile = app.answering_embedder().model_id
    app.index()

    assert meanwhile == before.embedder.model_id
    assert app.answering_embedder().model_id == app.embedder.model_id != meanwhile


class Overtaken(App):
    """Another process publishes its index just when the model for the one before was
    chosen."""

    def __init__(self, config: Config, publish: Callable[[], object]) -> None:
        super().__init__(config)
        self._publish = [publish]

    def _embedder_of_index(self, store: Store) -> tuple[Path | None, Embedder]:
        chosen = super()._embedder_of_index(store)
        while self._publish:
            self._publish.pop()()
        return chosen


def test_a_switch_between_the_choice_of_a_model_and_the_opening_is_noticed(
    site: Site, models: dict[str, str]
) -> None:
    indexed(site, model=models["old"])
    other = site.configure(model=models["new"])
    app = Overtaken(other.config, other.index)

    titles = asked(app, "backup")

    assert answering(app) == "new"
    assert "Backup" in titles


def test_a_rebuild_on_the_way_makes_the_new_one_and_leaves_the_old_one_as_it_is(
    site: Site, models: dict[str, str]
) -> None:
    app = indexed(site, model=models["old"])
    before = current_directory(app.index_folder)
    site.write("Zebras", "Zebras cross here.")
    app.harvest("docs")
    app = site.configure(model=models["new"])

    unfinished = bring_up(app, rebuild=True, go_on=lambda: False)
    meanwhile = current_directory(app.index_folder)
    report = bring_up(app, rebuild=True)

    assert unfinished is None
    assert meanwhile == before
    assert report is not None
    assert (report.full, report.passages, report.embedded) == (True, 3, 0)
    assert answering(app) == "new"


# -- which model is which ------------------------------------------------------------


def test_another_prompt_is_another_model(site: Site, models: dict[str, str]) -> None:
    before = indexed(site, model=models["old"])
    app = site.configure(model=models["old"], query_prompt="ask: ")

    status = status_of(app).index

    assert status.switch is not None
    assert status.switch.model_id != status.model_id
    assert asked(app, "backup") == asked(before, "backup")
    app.index()
    assert status_of(app).index.model_id == status.switch.model_id
    assert "Backup" in asked(app, "backup")


def test_what_the_config_says_of_languages_needs_no_new_index(
    site: Site, models: dict[str, str]
) -> None:
    indexed(site, model=models["old"])
    app = site.configure(model=models["old"], multilingual=True)

    assert app.answering_embedder().multilingual
    assert status_of(app).index.switch is None
    assert app.index().embedded == 0


def test_a_model_that_moved_is_still_the_same(
    site: Site, models: dict[str, str], tmp_path: Path
) -> None:
    first, second = tmp_path / "here" / "old", tmp_path / "there" / "old"
    shutil.copytree(models["old"], first)
    indexed(site, model=str(first))
    shutil.copytree(first, second)
    shutil.rmtree(first)

    app = site.configure(model=str(second))

    assert "Backup" in asked(app, "backup")
    assert status_of(app).index.switch is None
    assert app.index().embedded == 0


def test_an_index_of_an_earlier_version_is_searched_with_the_model_its_id_names(
    site: Site, models: dict[str, str]
) -> None:
    """Its stamp does not say how the model is opened."""
    app = indexed(site, model="hashing")
    directory = current_directory(app.index_folder)
    assert directory is not None
    stamp = json.loads((directory / "stamp.json").read_text("utf-8"))
    del stamp["model"]
    (directory / "stamp.json").write_text(json.dumps(stamp), "utf-8")

    app = site.configure(model=models["new"])

    assert "Backup" in asked(app, "backup")
    assert (app.index().replaced or "").startswith("hashing-")
    assert "Backup" in asked(app, "backup")


def test_an_old_model_that_is_gone_is_named_and_nothing_stands_in_for_it(
    site: Site, models: dict[str, str], tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    shutil.copytree(models["old"], gone)
    indexed(site, model=str(gone))
    shutil.rmtree(gone)
    app = site.configure(model=models["new"])

    with pytest.raises(StaleIndexError) as caught:
        asked(app, "backup")

    message = str(caught.value)
    assert "made with model gone@" in message
    assert f"not {models['new']}, and not to be searched" in message
    assert "no such folder" in message
    assert message.endswith("put that model back, or run baraza index")
    assert app.index().replaced is None
    assert "Backup" in asked(app, "backup")


@pytest.mark.parametrize("configured", ["this", "another"])
def test_other_weights_in_the_place_of_the_old_model_are_no_substitute(
    site: Site, models: dict[str, str], tmp_path: Path, configured: str
) -> None:
    place = tmp_path / "place"
    shutil.copytree(models["old"], place)
    indexed(site, model=str(place))
    weights = bytearray((place / "model.safetensors").read_bytes())
    weights[-1000:] = bytes(1000)
    (place / "model.safetensors").write_bytes(weights)
    app = site.configure(model=str(place) if configured == "this" else models["new"])

    with pytest.raises(StaleIndexError, match=r"made with model place@.*baraza index"):
        asked(app, "backup")

    app.index()
    assert "Backup" in asked(app, "backup")


def test_a_new_model_that_is_nowhere_stops_no_answer_and_no_keeping_up(
    site: Site, models: dict[str, str], tmp_path: Path
) -> None:
    indexed(site, model=models["old"])
    app = site.configure(model=str(tmp_path / "mistyped"))
    site.write("Zebras", "Zebras cross here.")
    app.harvest("docs")

    with pytest.raises(EmbeddingError, match="mistyped: no such folder"):
        app.index()

    assert "Zebras" in asked(app, "zebras")
    status = status_of(app)
    assert status.index.switch == SwitchStatus(str(tmp_path / "mistyped"), None, 0, 6)
    assert "mistyped is embedded, which is not on this machine yet" in (
        status_lines(status)
    )
    assert vectors(app) == {"old": 6}


def test_status_tells_how_far_it_is(site: Site, models: dict[str, str]) -> None:
    indexed(site, model=models["old"])
    app = site.configure(model=models["new"])

    before = status_lines(status_of(app))
    app.index()
    after = status_lines(status_of(app))

    assert "model old@" in before
    assert "  answers until new@" in before
    assert " is embedded: 0 of 4 texts (0%)\n" in before
    assert "model new@" in after
    assert "answers until" not in after


# -- whose turn it is ------------------------------------------------------------------


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("brought_up_s", "called", "after_s", "expected"),
    [
        (5, lambda: False, 599, True),
        (5, lambda: False, 601, False),
        (5, lambda: True, 4, True),
        (5, lambda: True, 6, False),
        # Bringing up a large index took longer than a turn: as long again.
        (900, lambda: True, 899, True),
        (900, lambda: True, 901, False),
    ],
)
def test_a_turn_ends_when_something_new_waits_but_not_at_once(
    brought_up_s: float, called: Callable[[], bool], after_s: float, *, expected: bool
) -> None:
    clock = Hand()
    turn = Turn(called, longest_s=600, clock=clock)
    clock.now += brought_up_s
    assert turn()

    clock.now += after_s

    assert turn() is expected
