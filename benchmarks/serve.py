"""How fast ``baraza serve`` searches, how much memory it takes, how soon it is there.

    python benchmarks/serve.py [--passages 65000] [--folder FOLDER] [--json]
        [--archive FILE --forum-url URL] [--docs FILE --docs-url URL]
        [--vectors FILE] [--max-tokens 200] [--searches 2000] [--clients 8]
        [--alone 300] [--starts 3] [--repeats 5] [--peer PYTHON]

Finds or makes an installation (`installed.py`), starts the command as an operator
would, and asks it over loopback from another process (`load.py`), on connections that
are kept. Queries are two to six words in a row out of the titles and first sentences
of topics, none asked twice, so that nothing that is remembered helps; a mix in which
the common ones come again and again, as people search, is told apart. Then topics are
stored by another process while four clients search.

The same queries are asked of txtai's own API over the same passages
(`serve_peer.py`), where txtai is installed: `make bench-serve` sees to that. Load
generator and service share the machine, and what each of them takes of it is told.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import yaml
from installed import add_options, installed
from load import Job, Load

from bot.app import App
from bot.config import load_config
from kb.store import Store
from kb.words import is_stopword

HOME = Path(__file__).resolve().parent
_BARAZA = Path(sys.executable).with_name("baraza")
_PEERS = HOME.parent / "build/peers/bin/python"
K = 10
SHORTEST, LONGEST = 2, 6
# So often nothing new was drawn that there may be no more.
_IN_VAIN = 2_000
# Of the mix that repeats itself.
DISTINCT = 0.3
# While something new is stored.
READERS = 4
NEWS = "bench-news"
NEWS_URL = "https://news.example.org"
_FIRST_NEWS = 900_000_000
_START_S = 300.0
_POLL_S = 0.02
_MB = 1_000_000

ASKED = {
    "searches/s": "at least 120",
    "p95_ms": "at most 60",
    "alone p50_ms": "at most 15",
    "alone p99_ms": "at most 40",
    "resident_mb": "at most 700",
    "cold_start_s": "at most 4",
    "found_s": "at most 2",
}


# -- what is asked ------------------------------------------------------------------


def queries(store: Store, count: int, seed: int) -> list[str]:
    """Distinct short ones, in the words of those who ask."""
    source = random.Random(seed)  # noqa: S311 - text, not secrets
    texts = [
        tokens
        for opening in store.evidence.questions()
        for text in (opening.title, _first_sentence(opening.text))
        if len(tokens := _tokens(text)) >= SHORTEST
    ]
    found: dict[str, None] = {}
    in_vain = 0
    while len(found) < count and texts and in_vain < _IN_VAIN:
        before = len(found)
        tokens = source.choice(texts)
        length = min(source.randint(SHORTEST, LONGEST), len(tokens))
        start = source.randrange(len(tokens) - length + 1)
        some = [token.casefold() for token in tokens[start : start + length]]
        # Where only words of grammar are sought nothing need be found, and a query
        # that begins as SQL does is SQL for txtai.
        if not all(map(is_stopword, some)) and some[0] != "select":
            found[" ".join(some)] = None
        in_vain = 0 if len(found) > before else in_vain + 1
    assert len(found) == count, f"only {len(found)} of {count} distinct queries"
    return list(found)


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.?!])\s|\n", text.strip(), maxsplit=1)[0]


def _tokens(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:[-.'][^\W_]+)*", text)


def repeating(distinct: Sequence[str], count: int, seed: int) -> list[str]:
    """Each at least once, and the first of them more often, as Zipf has it."""
    source = random.Random(seed)  # noqa: S311 - an order, not secrets
    weights = list(accumulate(1 / rank for rank in range(1, len(distinct) + 1)))
    more = source.choices(distinct, cum_weights=weights, k=count - len(distinct))
    mixed = [*distinct, *more]
    source.shuffle(mixed)
    return mixed


@dataclass(frozen=True, slots=True)
class Asked:
    """Queries of one run, the same for all services."""

    alone: Sequence[str]
    alone_warm: Sequence[str]
    many: Sequence[str]
    many_warm: Sequence[str]
    mixed: Sequence[str]

    @classmethod
    def of(cls, store: Store, options: argparse.Namespace) -> Asked:
        mixed = max(1, round(DISTINCT * options.searches))
        sizes = [
            *(options.alone, options.warm),
            *(options.searches, options.warm * options.clients),
            mixed,
        ]
        every = iter(queries(store, sum(sizes), options.seed))
        alone, alone_warm, many, many_warm, distinct = (
            [next(every) for _ in range(size)] for size in sizes
        )
        again = repeating(distinct, options.searches, options.seed)
        return cls(alone, alone_warm, many, many_warm, again)


# -- services ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Service:
    """How a service is started, asked and understood.

    Attributes:
        path: Of a search, and *names* of the parameters query and how many.
        ready: Answers 200 once searches are answered.
        marker: Stands in each answer that found something.
    """

    command: Sequence[str]
    path: str
    names: tuple[str, str]
    ready: str
    marker: str
    environment: Mapping[str, str]

    def search(self, query: str) -> str:
        query_name, k_name = self.names
        return f"{self.path}?{urlencode({query_name: query, k_name: K})}"


def baraza(config: Path) -> Service:
    command = (str(_BARAZA), "serve", "--config", str(config))
    marker = '"hits":[{'
    return Service(command, "/api/search", ("q", "k"), "/readyz", marker, {})


@dataclass(frozen=True, slots=True)
class Running:
    """A service that answers, and after how many seconds it did."""

    service: Service
    pid: int
    port: int
    started_s: float

    def memory(self) -> dict[str, float]:
        """In MB: resident, its peak, and what of it no file backs."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        kib = {
            name: int(value.split()[0])
            for name, _, value in (
                line.partition(":\t") for line in status.splitlines()
            )
            if name in ("VmRSS", "VmHWM", "RssAnon")
        }
        names = {"resident": "VmRSS", "peak": "VmHWM", "anonymous": "RssAnon"}
        return {name: round(1024 * kib[key] / _MB, 1) for name, key in names.items()}

    def job(
        self,
        clients: int,
        paths: Iterable[str],
        warm: Iterable[str] = (),
        *,
        endless: bool = False,
    ) -> str:
        search = self.service.search
        job = Job(
            port=self.port,
            pid=self.pid,
            clients=clients,
            marker=self.service.marker,
            warm=[search(query) for query in warm],
            paths=[search(query) for query in paths],
            endless=endless,
        )
        return json.dumps(asdict(job)) + "\n"

    def load(
        self, clients: int, paths: Iterable[str], warm: Iterable[str] = ()
    ) -> Load:
        with generator() as process:
            told, _ = process.communicate(self.job(clients, paths, warm))
        return _load(told)


@contextmanager
def generator() -> Iterator[subprocess.Popen[str]]:
    """A process that asks, see `load.py`."""
    # What it does not import it need not look for.
    command = (sys.executable, "-I", str(HOME / "load.py"))
    with ended(
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    ) as process:
        yield process


def _load(told: str) -> Load:
    assert told, "the load generator failed"
    return Load(**json.loads(told))


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive the block."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def running(service: Service, log: Path) -> Iterator[Running]:
    """Start a service on a free port, and end it after the block."""
    port = free_port()
    command = (*service.command, "--port", str(port))
    environment = os.environ | service.environment
    with log.open("w") as errors:
        began = time.monotonic()
        started = subprocess.Popen(
            command, stdout=errors, stderr=errors, env=environment, text=True
        )
        with ended(started) as process:
            while (status := answered(port, service.ready)[0]) != 200:
                told = log.read_text("utf-8", "replace")[-2_000:]
                assert process.poll() is None, f"it ended: {told}"
                assert time.monotonic() - began < _START_S, f"{status}: {told}"
                time.sleep(_POLL_S)
            yield Running(service, process.pid, port, time.monotonic() - began)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def answered(port: int, path: str) -> tuple[int, bytes]:
    """Status and body; status 0 where nobody answers yet."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException):
        return 0, b""
    finally:
        connection.close()


# -- measuring -----------------------------------------------------------------------


def measure(
    service: Service, asked: Asked, options: argparse.Namespace, folder: Path
) -> dict[str, Any]:
    """All figures of a service but for how soon it finds what is new."""
    log = folder / "service.log"
    starts = []
    # The first start brings its files into the machine's memory.
    for _ in range(options.starts):
        with running(service, log) as one:
            starts.append(one.started_s)
    with running(service, log) as one:
        starts.append(one.started_s)
        memory = {"after start": one.memory()}
        alone = one.load(1, asked.alone, asked.alone_warm)
        many = one.load(options.clients, asked.many, asked.many_warm)
        again = one.load(options.clients, asked.mixed)
        memory["after load"] = one.memory()
    return {
        "cold_start_s": round(statistics.median(starts[1:]), 2),
        "starts_s": [round(seconds, 2) for seconds in starts[1:]],
        "memory_mb": memory,
        "alone": figures(alone),
        "many": figures(many),
        "repeating": figures(again),
    }


def figures(load: Load) -> dict[str, Any]:
    count = len(load.calls)
    told = {
        "searches": count,
        "failures": load.failures,
        "failed": load.failed,
        "searches/s": round(count / load.wall_s, 1),
        **spread([1000 * (end - start) for start, end in load.calls]),
        "service_cpu_ms": round(1000 * load.service_s / count, 2),
        "generator_cpu_ms": round(1000 * load.generator_s / count, 3),
    }
    stages = by_stage(load.timings)
    return told | ({"stages_ms": stages} if stages else {})


def spread(ms: Sequence[float]) -> dict[str, float]:
    marks = (50, 90, 95, 99)
    values = np.percentile(ms, marks) if len(ms) else [0.0] * len(marks)
    told = {
        f"p{mark}_ms": round(float(value), 1)
        for mark, value in zip(marks, values, strict=True)
    }
    return told | {"max_ms": round(max(ms, default=0.0), 1)}


def by_stage(timings: Iterable[str]) -> dict[str, float]:
    """Median milliseconds of each stage, as the answers tell them."""
    taken: defaultdict[str, list[float]] = defaultdict(list)
    for told in timings:
        for stage, ms in json.loads(told).items():
            taken[stage].append(ms)
    return {stage: round(statistics.median(ms), 2) for stage, ms in taken.items()}


# -- something new ---------------------------------------------------------------------


def found_soon(
    service: Service, asked: Asked, options: argparse.Namespace, config: Path
) -> dict[str, Any]:
    """How soon a topic is found that another process stores, and what those notice
    who search meanwhile."""
    harvester = (sys.executable, str(HOME / "serve.py"), "--harvester", str(config))
    with (
        running(service, config.parent / "service.log") as one,
        generator() as readers,
        ended(
            subprocess.Popen(
                harvester, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        ) as process,
    ):
        # Whatever a first harvest loads is no part of the next ones.
        _find_new(one, process)
        assert readers.stdin is not None
        readers.stdin.write(one.job(READERS, asked.many, endless=True))
        readers.stdin.flush()
        time.sleep(1.0)
        spans = []
        for _ in range(options.repeats):
            spans.append(_find_new(one, process))
            time.sleep(1.0)
        told, _ = readers.communicate("stop\n")
    load = _load(told)
    meanwhile, otherwise = [], []
    for start, end in load.calls:
        during = any(start < last and end > first for first, _, last in spans)
        (meanwhile if during else otherwise).append(1000 * (end - start))
    waits = [last - stored for _, stored, last in spans]
    return {
        "found_s": [round(seconds, 2) for seconds in waits],
        "found_max_s": round(max(waits), 2),
        "harvest_s": round(
            statistics.median(stored - first for first, stored, _ in spans), 2
        ),
        "failures": load.failures,
        "failed": load.failed,
        "meanwhile": {"searches": len(meanwhile)} | spread(meanwhile),
        "otherwise": {"searches": len(otherwise)} | spread(otherwise),
    }


def _find_new(
    one: Running, harvester: subprocess.Popen[str]
) -> tuple[float, float, float]:
    """When a new topic was sent for, when it was stored, and when it was found."""
    assert harvester.stdin is not None
    assert harvester.stdout is not None
    began = time.monotonic()
    harvester.stdin.write("next\n")
    harvester.stdin.flush()
    line = harvester.stdout.readline()
    stored = time.monotonic()
    assert line, "the harvest failed"
    topic = json.loads(line)
    path, url = one.service.search(topic["title"]), f"{NEWS_URL}/t/{topic['id']}"
    while True:
        _, body = answered(one.port, path)
        now = time.monotonic()
        if url.encode() in body:
            return began, stored, now
        assert now - stored < _START_S, f"{url} is not found"
        time.sleep(_POLL_S)


def harvest_on_demand(config: Path) -> None:
    """Store one more topic for each line that is read, and tell of it."""
    app = App(load_config(config))
    archive = config.parent / f"{NEWS}.jsonl"
    for _ in sys.stdin:
        known = len(archive.read_text("utf-8").splitlines()) if archive.exists() else 0
        topic = new_topic(_FIRST_NEWS + known)
        with archive.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(topic) + "\n")
        app.harvest(NEWS)
        print(json.dumps({"id": topic["id"], "title": topic["title"]}), flush=True)


def new_topic(number: int) -> dict[str, Any]:
    """A topic that is like no other."""
    source = random.Random(number)  # noqa: S311 - text, not secrets
    word = "".join(source.choices("bdfgklmnprstvz", k=9))
    post = {
        "id": number,
        "post_number": 1,
        "username": "member",
        "created_at": "2026-01-01T00:00:00Z",
        "cooked": f"<p>Since this morning {word} stops at the last step.</p>",
    }
    return {
        "id": number,
        "title": f"{word} stops at the last step",
        "created_at": post["created_at"],
        "posts": [post],
    }


# -- the whole -------------------------------------------------------------------------


def config_of_service(config: Path) -> Path:
    """The installation's config for this benchmark: without a bound on how often one
    client may ask, and with a source of new topics."""
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    settings.setdefault("serve", {})["requests_per_minute"] = 0
    archive = config.parent / f"{NEWS}.jsonl"
    archive.touch()
    settings["sources"][NEWS] = {
        "type": "archive",
        "path": str(archive.resolve()),
        "forum_url": NEWS_URL,
    }
    own = config.with_name("serve.yaml")
    own.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return own


def peer(python: Path, config: Path, folder: Path) -> Service | None:
    """txtai's API over the same passages, indexed now unless it was before; ``None``
    where it is not installed."""
    look = "import txtai.api"
    if (
        not python.exists()
        or subprocess.run((python, "-c", look), capture_output=True).returncode
    ):
        return None
    home = folder / "txtai"
    subprocess.run(
        (python, HOME / "serve_peer.py", config, home), check=True, stdout=sys.stderr
    )
    # uvicorn's own way of starting: a program with a port.
    command = (str(python), "-m", "uvicorn", "txtai.api:app", "--log-level", "error")
    environment = {
        "CONFIG": str(home / "app.yml"),
        "HF_HUB_OFFLINE": "1",
    }
    return Service(
        command, "/search", ("query", "limit"), "/count", '"score":', environment
    )


def ratios(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, float]:
    """How many times better than the peer; above 1 is better."""

    def many(name: str) -> tuple[float, float]:
        return ours["many"][name], theirs["many"][name]

    def resident(of: Mapping[str, Any]) -> float:
        return float(of["memory_mb"]["after load"]["resident"])

    rate, their_rate = many("searches/s")
    pairs = {
        "p95_ms": many("p95_ms"),
        "service_cpu_ms": many("service_cpu_ms"),
        "alone p50_ms": (ours["alone"]["p50_ms"], theirs["alone"]["p50_ms"]),
        "alone p99_ms": (ours["alone"]["p99_ms"], theirs["alone"]["p99_ms"]),
        "resident_mb": (resident(ours), resident(theirs)),
        "cold_start_s": (ours["cold_start_s"], theirs["cold_start_s"]),
    }
    told = {"searches/s": round(rate / their_rate, 2)}
    return told | {
        name: round(b / a, 2) if a else 0.0 for name, (a, b) in pairs.items()
    }


def show(told: Mapping[str, Any]) -> Iterator[str]:
    yield f"passages {told['passages']}, documents {told['documents']}"
    yield f"the machine's load average before: {told['load_average']}"
    for name, of in told["services"].items():
        asked = ASKED if name == "baraza" else {}
        yield f"\n{name}"
        yield _line("cold start", f"{of['cold_start_s']} s", asked.get("cold_start_s"))
        for when, memory in of["memory_mb"].items():
            parts = ", ".join(f"{key} {value}" for key, value in memory.items())
            bound = asked.get("resident_mb") if when == "after load" else None
            yield _line(f"MB {when}", parts, bound)
        for part in ("alone", "many", "repeating"):
            yield from _part(part, of[part], asked)
        if "found" in of:
            yield from _found(of["found"], asked)
    if "ratios" in told:
        yield "\ntimes better than txtai"
        yield from (_line(name, str(value)) for name, value in told["ratios"].items())
    for name, reason in told["left_out"].items():
        yield f"\n{name}: left out: {reason}"


def _part(part: str, of: Mapping[str, Any], asked: Mapping[str, str]) -> Iterator[str]:
    yield f"  {part}: {of['searches']} searches, {of['failures']} failed"
    yield from (f"    {failed}" for failed in of["failed"])
    for name in ("searches/s", *(f"p{mark}_ms" for mark in (50, 90, 95, 99)), "max_ms"):
        bounds = {"many": name, "alone": f"alone {name}"}
        yield _line(f"  {name}", str(of[name]), asked.get(bounds.get(part, "")))
    for name in ("service_cpu_ms", "generator_cpu_ms"):
        yield _line(f"  {name}", f"{of[name]} a search")
    if "stages_ms" in of:
        yield _line(
            "  stages, ms", ", ".join(f"{k} {v}" for k, v in of["stages_ms"].items())
        )


def _found(of: Mapping[str, Any], asked: Mapping[str, str]) -> Iterator[str]:
    yield f"  a new topic, while {READERS} search: {of['failures']} failed"
    waits = ", ".join(map(str, of["found_s"]))
    yield _line("  found after s", waits, asked.get("found_s"))
    yield _line("  harvest took s", str(of["harvest_s"]))
    for when in ("meanwhile", "otherwise"):
        some = ", ".join(f"{key} {value}" for key, value in of[when].items())
        yield _line(f"  {when}", some)


def _line(name: str, value: str, asked: str | None = None) -> str:
    return f"  {name:20} {value}" + (f"  (asked: {asked})" if asked else "")


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    busy = round(os.getloadavg()[0], 1)
    config = config_of_service(installed(options, folder))
    app = App(load_config(config))
    with app.open_store(readonly=True) as store:
        asked = Asked.of(store, options)
        passages = store.passages.count()
        documents = sum(1 for _ in store.evidence.titles())
    assert passages >= options.passages, f"only {passages} passages"
    service = peer(options.peer, config, folder) if options.peer else None
    ours = measure(baraza(config), asked, options, folder)
    ours["found"] = found_soon(baraza(config), asked, options, config)
    told: dict[str, Any] = {
        "passages": passages,
        "documents": documents,
        "load_average": busy,
        "asked": ASKED,
        "services": {"baraza": ours},
        "left_out": {},
    }
    if service is None:
        told["left_out"]["txtai"] = "not installed; make build/peers/.installed"
        return told
    theirs = measure(service, asked, options, folder)
    told["services"]["txtai"] = theirs
    told["ratios"] = ratios(ours, theirs)
    return told


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser)
    parser.add_argument("--searches", type=int, default=2_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--alone", type=int, default=300, help="searches of one client")
    parser.add_argument("--warm", type=int, default=50, help="not counted, per client")
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=5, help="new topics")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peer", type=Path, default=_PEERS, help="Python with txtai")
    parser.add_argument("--no-peer", action="store_const", dest="peer", const=None)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--harvester", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = options_of(arguments)
    if options.harvester:
        harvest_on_demand(options.harvester)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        told = run(options, folder)
    print(json.dumps(told) if options.json else "\n".join(show(told)))
    ours = told["services"]["baraza"]
    if any(ours[part]["failures"] for part in ("alone", "many", "repeating", "found")):
        sys.exit("Error: not every search was answered with something found")


if __name__ == "__main__":
    main()
