"""One budget per host: its turns, places and pauses, with real threads and sockets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from indexer.budget import MAX_PAUSE_S, HostBudget
from indexer.channel import Channel
from indexer.http import Transport
from kb.errors import RateLimitedError
from tests.indexer.loopback import Loopback, Reply, as_json, as_text

# How long a thread that hangs is waited for before a test fails; none does.
PATIENCE_S = 30


class Hours:
    """A clock that moves only when somebody sleeps; threads may share it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []
        self._lock = threading.Lock()

    def __call__(self) -> float:
        with self._lock:
            return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.waits.append(seconds)
            self.now += seconds


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


def budget_of(hours: Hours, per_second: float | None = 0.5) -> HostBudget:
    return HostBudget(per_second, sleep=hours.sleep, clock=hours)


def use(budget: HostBudget) -> None:
    with budget.slot():
        pass


# -- turns -----------------------------------------------------------------


def test_turns_keep_their_distance_and_time_that_passed_counts(hours: Hours) -> None:
    budget = budget_of(hours)
    for _ in range(3):
        use(budget)
    hours.now += 60
    use(budget)
    assert hours.waits == [2.0, 2.0]


def test_without_a_rate_nobody_waits(hours: Hours) -> None:
    budget = budget_of(hours, None)
    for _ in range(9):
        use(budget)
    assert hours.waits == []


def test_no_thread_comes_before_the_turns_of_all_who_came_before_it(
    hours: Hours,
) -> None:
    """Eight threads with five requests each: never more than the rate allows."""
    budget, start = budget_of(hours), hours()
    entered: list[float] = []
    at_once, most = 0, 0
    counting = threading.Lock()

    def work(_: int) -> None:
        nonlocal at_once, most
        for _ in range(5):
            with budget.slot():
                with counting:
                    entered.append(hours())
                    at_once += 1
                    most = max(most, at_once)
                with counting:
                    at_once -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8), timeout=PATIENCE_S))

    assert len(entered) == 40
    assert most <= 2
    late_enough = [
        time >= start + 2 * place for place, time in enumerate(sorted(entered))
    ]
    assert all(late_enough)


def test_the_slower_of_two_rates_counts(hours: Hours) -> None:
    budget = budget_of(hours)
    budget.at_most(100)
    budget.at_most(0.25)
    for _ in range(3):
        use(budget)
    assert hours.waits == [4.0, 4.0]


def test_the_distance_that_a_host_asks_for_can_be_taken_back(hours: Hours) -> None:
    budget = budget_of(hours)
    budget.keep_apart(10)
    use(budget)
    use(budget)
    budget.keep_apart(0)
    use(budget)
    assert hours.waits == [10.0, 2.0]


# -- places ----------------------------------------------------------------


def test_two_are_in_flight_and_never_three() -> None:
    """Each waits in its slot until another one has come: so two are there at once."""
    budget = HostBudget(None)
    meeting = threading.Barrier(2, timeout=PATIENCE_S)
    at_once, most = 0, 0
    counting = threading.Lock()

    def work(_: int) -> None:
        nonlocal at_once, most
        with budget.slot():
            with counting:
                at_once += 1
                most = max(most, at_once)
            meeting.wait()
            with counting:
                at_once -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8), timeout=PATIENCE_S))

    assert most == 2


class _StopError(BaseException):
    pass


def breaking_off(_seconds: float) -> None:
    raise _StopError


def test_who_waits_for_a_place_can_be_told_to_stop() -> None:
    budget = HostBudget(None, in_flight=1, sleep=breaking_off)
    with budget.slot(), pytest.raises(_StopError), budget.slot():
        pytest.fail("there was no place left")
    use(budget)  # the place was given back, and just once


def test_who_is_stopped_while_waiting_for_a_turn_gives_the_place_back() -> None:
    budget = HostBudget(0.001, in_flight=1, sleep=breaking_off)
    use(budget)
    for _ in range(3):
        with pytest.raises(_StopError):
            use(budget)


def test_a_failure_in_a_slot_gives_the_place_back(hours: Hours) -> None:
    budget = HostBudget(None, in_flight=1, sleep=hours.sleep, clock=hours)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), budget.slot():
            raise ZeroDivisionError
    use(budget)


# -- pauses ----------------------------------------------------------------


def test_a_pause_holds_everybody_back_once_and_the_rate_counts_after_it(
    hours: Hours,
) -> None:
    budget = budget_of(hours)
    budget.pause(60)
    budget.pause(10)  # the longer one stands
    assert budget.paused_s == 60
    for _ in range(3):
        use(budget)
    assert hours.waits == [60.0, 2.0, 2.0]
    assert budget.paused_s == 0


def test_a_pause_that_begins_while_one_waits_for_its_turn_holds_that_one_too() -> None:
    hours = Hours()

    def sleep(seconds: float) -> None:
        hours.sleep(seconds)
        if len(hours.waits) == 1:
            budget.pause(60)  # another thread was told to slow down

    budget = HostBudget(0.5, sleep=sleep, clock=hours)
    use(budget)
    use(budget)
    assert hours.waits == [2.0, 60.0]


def test_threads_that_wait_for_their_turn_are_held_back_by_a_pause() -> None:
    """Both are asleep when the pause begins; then they go one after the other."""
    hours = Hours()
    asleep = threading.Barrier(3, timeout=PATIENCE_S)
    paused = threading.Event()

    def sleep(seconds: float) -> None:
        if not paused.is_set():
            asleep.wait()
            assert paused.wait(PATIENCE_S)
        hours.sleep(seconds)

    budget = HostBudget(0.5, sleep=sleep, clock=hours)
    use(budget)
    entered: list[float] = []

    def work(_: int) -> None:
        with budget.slot():
            entered.append(hours())

    with ThreadPoolExecutor(2) as pool:
        done = pool.map(work, range(2), timeout=PATIENCE_S)
        asleep.wait()
        budget.pause(500)
        paused.set()
        list(done)

    assert min(entered) >= 1500
    assert max(entered) >= 1502


def test_a_pause_has_an_end(hours: Hours) -> None:
    budget = budget_of(hours)
    budget.pause(10**9)
    assert budget.paused_s == MAX_PAUSE_S


# -- clients ---------------------------------------------------------------


def clients(
    url: str, hours: Hours, **options: float
) -> tuple[Transport, Channel, HostBudget]:
    """The harvest's and the bot's client of one host."""
    budget = HostBudget(None, sleep=hours.sleep, clock=hours)
    reader = Transport(url, budget=budget, clock=hours, **options)  # type: ignore[arg-type]
    writer = Channel(url, budget=budget, clock=hours, **options)  # type: ignore[arg-type]
    return reader, writer, budget


FORMS = [
    (as_json({}, 429, Retry_After="7"), 7.0),
    (as_json({"error_type": "rate_limit", "extras": {"wait_seconds": 39}}, 429), 40.0),
    (as_text("Slow down.\nPlease retry again in 8 seconds.\n", 429), 9.0),
    (as_text("<html>429 Too Many Requests</html>", 429, "text/html"), 10.0),
    (as_json({"failed": "FAILED", "message": "too many times"}, 429), 10.0),
    (as_text("<html>maintenance</html>", 503, "text/html"), None),
    (Reply(503, b"<html>", {"Retry-After": "30"}), 30.0),
    (as_json({"errors": ["No."], "error_type": "read_only"}, 503), 60.0),
]


@pytest.mark.parametrize(("limited", "wait_s"), FORMS)
def test_what_one_client_is_told_holds_back_the_other(
    server: Loopback, hours: Hours, limited: Reply, wait_s: float | None
) -> None:
    """It gave up at once, and the other one waits in its place; only a failure that
    names no time and no reason is its own affair."""
    server.on("/a", limited)
    server.on("/b", as_json(1))
    reader, writer, _ = clients(server.url, hours, max_attempts=1)
    with reader, writer:
        with pytest.raises(Exception, match=f"{server.url}/a"):
            reader.get_json("/a")
        assert hours.waits == []
        writer.request("GET", "/b")
    assert hours.waits == ([] if wait_s is None else [wait_s])


def test_who_was_told_waits_once_for_all(server: Loopback, hours: Hours) -> None:
    server.on("/a", as_json({}, 429, Retry_After="7"), as_json(1))
    server.on("/b", as_json(1))
    reader, writer, _ = clients(server.url, hours)
    with reader, writer:
        reader.get_json("/a")
        writer.request("GET", "/b")
    assert hours.waits == [7.0]


def test_how_often_an_account_may_post_does_not_hold_back_the_readers(
    server: Loopback, hours: Hours
) -> None:
    own = {"error_type": "rate_limit", "extras": {"wait_seconds": 30_000}}
    server.on("/posts.json", as_json(own, 429, Retry_After="30000"))
    reader, writer, budget = clients(server.url, hours)
    with reader, writer, pytest.raises(RateLimitedError):
        writer.request("POST", "/posts.json", body={})
    assert budget.paused_s == 0


def test_during_a_pause_that_is_too_long_nothing_is_sent(
    server: Loopback, hours: Hours
) -> None:
    """What is sent while blocked prolongs the block."""
    server.on("/a", as_json({}, 429, Retry_After="1800"))
    reader, writer, _ = clients(server.url, hours)
    with reader, writer:
        with pytest.raises(RateLimitedError):
            reader.get_json("/a")
        hours.now += 600
        with pytest.raises(RateLimitedError) as caught:
            writer.request("GET", "/b")
        assert caught.value.retry_after_s == 1200
        assert server.requests == ["GET /a"]
        hours.now += 1200
        server.on("/b", as_json(1))
        writer.request("GET", "/b")
    assert hours.waits == []


class Crowd(Loopback):
    """Answers a request only when another one is there as well, and counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.meeting = threading.Barrier(2, timeout=PATIENCE_S)
        self.most = 0
        self._now = 0
        self._counting = threading.Lock()

    def answer(self, path: str) -> Reply:
        with self._counting:
            self._now += 1
            self.most = max(self.most, self._now)
        self.meeting.wait()
        with self._counting:
            self._now -= 1
        return as_json(path)


def test_clients_of_one_host_have_two_requests_in_flight_together() -> None:
    budget = HostBudget(None)
    with Crowd() as crowd, ThreadPoolExecutor(6) as pool:
        channels = [Channel(crowd.url, budget=budget) for _ in range(3)]
        asked: list[Callable[[], object]] = [
            lambda channel=channel: channel.request("GET", "/x")  # type: ignore[misc]
            for channel in channels
            for _ in range(4)
        ]
        list(pool.map(lambda ask: ask(), asked, timeout=PATIENCE_S))
        for channel in channels:
            channel.close()
        assert [channel.requests for channel in channels] == [4, 4, 4]
        assert crowd.most == 2
