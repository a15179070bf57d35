"""``baraza demo`` and ``baraza sandbox``: see it work on a sample community.

The demo does what an operator and three members would do, over the same sockets
and with the same commands' code; nothing in it is staged but the questions.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from selectolax.lexbor import LexborHTMLParser

from bot.app import App
from bot.config import load_config
from bot.sandbox import Sandbox, Settings
from bot.sandbox.load import SAMPLE
from bot.schedule import Stop, stopping_on_signals
from bot.terminal import say as say_on_terminal
from indexer.blocks import join_blocks
from indexer.clean import clean_html
from kb.errors import ConfigError, KBError
from kb.store import Decision
from kb.types import TopicId

# Preferred, so that what is printed is the same every time; any free one will do.
PORT = 4280
_KEY_ENV = "BARAZA_DEMO_KEY"
_MARK = "# Written by `baraza demo`; this folder is replaced by the next one.\n"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Question:
    """A question that a member will ask.

    Attributes:
        expect: ``answer`` or ``silence``.
        relevant: Topic ids, and documentation pages without their version, of
            which an answer must link at least one.
    """

    user: str
    title: str
    category: str
    raw: str
    expect: str
    relevant: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a question."""

    question: Question
    topic_id: TopicId
    decision: Decision | None

    @property
    def difference(self) -> str | None:
        """How it differs from what was expected; ``None`` if it does not."""
        if self.decision is None:
            return "the bot did not look at it"
        answered = self.decision.state == "posted"
        if answered != (self.question.expect == "answer"):
            return f"expected {self.question.expect}, got {_outcome(self.decision)}"
        if answered and not self._relevant_links():
            return "none of its links is one that helps"
        return None

    def _relevant_links(self) -> list[str]:
        links = self.decision.suggestions if self.decision else ()
        keys = [str(link["key"]) for link in links]
        wanted = self.question.relevant
        return [key for key in keys if key in wanted or _unversioned(key) in wanted]


def run_demo(
    folder: Path,
    *,
    say: Say = say_on_terminal,
    keep: bool = False,
    model: str = "packaged",
    port: int = PORT,
) -> bool:
    """Run the whole demo in *folder*; True if all went as expected.

    Args:
        say: Takes what people read, a few lines at a time.
        keep: Keep the sandbox running until Ctrl-C, to look around in it.
        model: Which embedding model; tests take ``hashing``.
        port: Preferred port of the sandbox.

    Raises:
        ConfigError: *folder* holds something else.
        KBError: A step failed.
    """
    _prepare(folder)
    watch = _StopWatch()
    with _sandbox(port) as box, _key(box.key_for("baraza")):
        config = _write_config(folder, box, model)
        say(
            f"A sample community runs at {box.url}\n"
            f"with documentation at {box.docs_url}/\n"
            f"     courses at {box.academy_url}/\n"
            f"     videos at {box.videos_url}/"
        )
        app = App(load_config(config))
        with app.single_instance("baraza demo"):
            _harvest(app, say)
            watch.split("harvest")
            _index(app, say)
            watch.split("index")
            outcomes = _ask_and_answer(app, box, _questions(), say)
            watch.split("three answers")
        for number, outcome in enumerate(outcomes, start=1):
            say(_thread(number, outcome, box, len(outcomes)))
        say(_where(folder, app))
        differences = [
            f"NOT AS EXPECTED: topic {each.topic_id}: {each.difference}"
            for each in outcomes
            if each.difference is not None
        ]
        say("\n".join(differences) or "All three as expected.")
        say(f"Took {watch}.")
        if keep:
            _wait(box, say)
    return not differences


def run_sandbox(
    port: int, settings: Settings | None = None, *, say: Say = say_on_terminal
) -> None:
    """Run the sandbox until SIGTERM or Ctrl-C.

    Args:
        settings: Of its forum; those of a fresh one when ``None``.

    Raises:
        KBError: The port is taken.
    """
    try:
        with Sandbox(settings=settings, port=port) as box:
            say(f"forum:          {box.url}")
            say(f"documentation:  {box.docs_url}/")
            say(f"courses:        {box.academy_url}/")
            say(f"videos:         {box.videos_url}/")
            say(f"admin key:      {box.admin_key}  (with Api-Username: any member)")
            say(f"bot key:        {box.key_for('baraza')}  (account baraza)")
            say(f"staff:          {', '.join(_staff(box))}")
            say(f"categories:     {', '.join(_categories(box))}")
            _wait(box, say)
    except OSError as exc:
        raise KBError(f"cannot listen on port {port}: {exc.strerror}") from exc


def _staff(box: Sandbox) -> list[str]:
    users = box.community.users.values()
    return sorted(u.username for u in users if u.staff and u.id > 0)


def _categories(box: Sandbox) -> list[str]:
    found = sorted(box.community.categories.values(), key=lambda each: each.id)
    return [f"{each.id} {each.slug}" for each in found]


def _wait(box: Sandbox, say: Say) -> None:
    say(f"The sandbox runs at {box.url} until Ctrl-C.")
    stop = Stop()
    with stopping_on_signals(stop):
        stop.wait()


class _StopWatch:
    """What took how long, for the last line."""

    def __init__(self) -> None:
        self._at = time.monotonic()
        self._parts: list[tuple[str, float]] = []

    def split(self, name: str) -> None:
        """What was done since the last split is called *name*."""
        now = time.monotonic()
        self._parts.append((name, now - self._at))
        self._at = now

    def __str__(self) -> str:
        total = sum(seconds for _, seconds in self._parts)
        parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in self._parts)
        return f"{total:.1f} s ({parts})"


# -- the stage -----------------------------------------------------------------


def _prepare(folder: Path) -> None:
    """Make *folder* empty; what we did not write is never removed."""
    config = folder / "config.yaml"
    if folder.is_dir() and any(folder.iterdir()):
        ours = config.is_file() and config.read_text("utf-8").startswith(_MARK)
        if not ours:
            raise ConfigError("", f"{folder} is not empty, and not a demo of before")
        shutil.rmtree(folder / "data", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def _sandbox(port: int) -> Iterator[Sandbox]:
    try:
        box = Sandbox(port=port)
        box.start()
    except OSError:
        box = Sandbox(port=0)
        box.start()
    try:
        yield box
    finally:
        box.stop()


@contextmanager
def _key(value: str) -> Iterator[None]:
    """The bot's key, in the environment as a key should be."""
    os.environ[_KEY_ENV] = value
    try:
        yield
    finally:
        del os.environ[_KEY_ENV]


def _write_config(folder: Path, box: Sandbox, model: str) -> Path:
    # On this machine there is nobody to be polite to.
    at_once = {"requests_per_second": 500}
    values: Mapping[str, Any] = {
        "community": {
            "name": "Sample Community",
            "contact": "you@localhost",
            "languages": ["en", "fr", "es", "pt"],
        },
        "data_dir": "data",
        "sources": {
            "forum": {
                "type": "forum",
                "url": box.url,
                "ignore_authors": ["baraza", "system", "discobot"],
                **at_once,
            },
            "docs": {
                "type": "website",
                "url": box.docs_url,
                "rules": [
                    {"pattern": r"/(?P<version>\d[^/]*)/(?P<language>[a-z]{2})/"}
                ],
                **at_once,
            },
            "courses": {"type": "courses", "url": box.academy_url, **at_once},
            "videos": {
                "type": "videos",
                "url": box.videos_url,
                "playlists": [playlist.id for playlist in box.library.playlists],
                **at_once,
            },
        },
        "embedding": {"model": model},
        "bot": {
            "mode": "public",
            # Here nobody else will answer, and nobody wants to wait.
            "grace": "0s",
            "settle": "0s",
            "forum": "forum",
            "username": "baraza",
            "api_key_env": _KEY_ENV,
        },
    }
    path = folder / "config.yaml"
    body = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)
    path.write_text(_MARK + body, "utf-8")
    return path


def _questions() -> list[Question]:
    data = yaml.safe_load((SAMPLE / "new_questions.yaml").read_text("utf-8"))
    return [
        Question(
            user=each["user"],
            title=each["title"],
            category=each["category"],
            raw=each["raw"],
            expect=each["expect"],
            relevant=tuple(str(key) for key in each["relevant"]),
        )
        for each in data["demo"]
    ]


# -- the play ------------------------------------------------------------------


def _harvest(app: App, say: Say) -> None:
    for name in app.sources.names():
        report = app.harvest(name)
        skipped = ", ".join(f"{n} {why}" for why, n in report.skipped.items())
        say(
            f"Harvested {name}: {report.inserted} documents, "
            f"{report.passages_added} passages"
            + (f" (left out: {skipped})" if skipped else "")
        )


def _index(app: App, say: Say) -> None:
    built = app.index()
    say(
        f"Indexed {built.passages} passages by words and by meaning "
        "(older versions of pages are known, and not searched)"
    )


def _ask_and_answer(
    app: App, box: Sandbox, questions: Sequence[Question], say: Say
) -> list[Outcome]:
    with app.responder() as responder:
        responder.watch()  # Notes where it starts: old topics are never answered.
        asked = [(question, _post(box, question)) for question in questions]
        say(f"{len(asked)} members asked new questions; the bot looks at them")
        report = responder.watch()
    decisions = {decision.topic_id: decision for decision in report.decisions}
    return [
        Outcome(question, topic_id, decisions.get(topic_id))
        for question, topic_id in asked
    ]


def _post(box: Sandbox, question: Question) -> TopicId:
    """What a member's browser does; the bot has no part in it."""
    answer = httpx.post(
        f"{box.url}/posts.json",
        headers={"Api-Key": box.key_for(question.user), "Api-Username": question.user},
        json={
            "title": question.title,
            "raw": question.raw,
            "category": box.community.category(question.category).id,
        },
        trust_env=False,
    )
    if answer.status_code != httpx.codes.OK:
        raise KBError(f"the sandbox refused a question: {answer.text[:200]}")
    return TopicId(answer.json()["topic_id"])


# -- what people see -----------------------------------------------------------


def _thread(number: int, outcome: Outcome, box: Sandbox, count: int) -> str:
    url = f"{box.url}/t/{outcome.topic_id}"
    data = httpx.get(f"{url}.json", trust_env=False).json()
    lines = [f"── {number} of {count} ── {data['title']}", f"   {url}", ""]
    for post in data["post_stream"]["posts"]:
        text = join_blocks(clean_html(_unquoted(post["cooked"]), mail=False))
        lines.append(f"   {post['username']}:")
        lines += [f"   │ {line}".rstrip() for line in text.splitlines()]
        lines.append("")
    decision = outcome.decision
    if decision is None:
        return "\n".join([*lines, "   The bot did not look at it."])
    lines.append(f"   → {_outcome(decision)}: {'; '.join(decision.reasons)}")
    lines += [
        f"     {link['confidence']:.2f} {link['title']} <{link['url']}>"
        for link in decision.suggestions
    ]
    return "\n".join(lines)


def _unquoted(cooked: str) -> str:
    """A post without the frame around what quotes nobody, such as links of ours: what
    others wrote is left out in what is read, and that is none of it."""
    page = LexborHTMLParser(cooked)
    for frame in page.css("aside.quote:not([data-username])"):
        for quote in frame.css("aside > blockquote"):
            quote.unwrap()
        frame.unwrap()
    return page.html or ""


def _outcome(decision: Decision) -> str:
    if decision.is_silent:
        return "silence"
    return "answer" if decision.state == "posted" else f"answer ({decision.state})"


def _where(folder: Path, app: App) -> str:
    rows = {
        "config": folder / "config.yaml",
        "knowledge base": app.store_path,
        "word and vector index": app.index_folder,
        "embedding cache": app.cache_path,
        "converted model": app.models_folder,
    }
    lines = [
        f"  {name:<23} {_short(path, folder)}  {_size(path)}"
        for name, path in rows.items()
    ]
    return "\n".join(["Everything lies on disk:", *lines])


def _short(path: Path, folder: Path) -> str:
    absolute = folder.absolute()
    return str(folder / path.absolute().relative_to(absolute))


def _size(path: Path) -> str:
    files = [path] if path.is_file() else path.rglob("*")
    size = sum(file.stat().st_size for file in files if file.is_file())
    return f"{size / 1024:,.0f} KiB"


def _unversioned(key: str) -> str:
    """A page's key without all up to its version, and without its suffix.

    >>> _unversioned("docs-site/2.41/en/manage/backup.html")
    'en/manage/backup'
    """
    return "/".join(key.split("/")[2:]).removesuffix(".html")
