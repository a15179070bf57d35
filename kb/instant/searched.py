"""What is searched in vain, told only of many: k-anonymous, and counted in memory.

Whoever looks after a community wants to know what its members seek and do not find.
What one of them seeks is nobody's business. So a query is written down only once
several different clients had it; until then it is nowhere but in the memory of this
process. Neither is who searched: clients are told apart by a keyed hash, whose key is
drawn when the process starts and never leaves it.

A restart loses what was counted since the last `Searched.flush`, and who searched what
is rare: several must search it anew before it is told. That errs on the side of saying
too little.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import re
import secrets
import unicodedata
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

from kb.errors import StoreError
from kb.words import identifiers, is_stopword, words

if TYPE_CHECKING:
    from kb.store import Store

_log = logging.getLogger(__name__)

K = 5
WINDOW = timedelta(days=30)
KEEP = timedelta(days=400)
"""How long counts and what was told are kept: a year, and the report of its end."""

# A flood of queries, or of addresses, drives out what is rare; memory stays bounded.
_QUERIES, _CLIENTS, _ALL_CLIENTS = 10_000, 64, 200_000
_WORDS, _CHARS = 8, 80
_MARK_BYTES = 8
# Telephone numbers and those of patients, cards and accounts; with signs between.
_NUMBER = re.compile(r"\d(?:[\s().,:/_+-]*\d){6}")
# Also half of an e-mail address, and a name as forums call people by it.
_PERSONAL = re.compile(r"@|://|\bwww\.|[^\W_]\.[^\W\d_]{2,}/", re.IGNORECASE)


@dataclass(slots=True)
class _Query:
    """Attributes:
    clients: When each last searched it.
    untold: Searches that are not written down.
    """

    clients: dict[bytes, datetime] = field(default_factory=dict)
    untold: int = 0
    is_told: bool = False


@dataclass(slots=True)
class _Count:
    searches: int = 0
    in_vain: int = 0


@dataclass(frozen=True, slots=True)
class _Told:
    """What one flush writes of one query."""

    words: str
    day: date
    query: _Query
    people: int
    times: int


class Searched:
    """Counts searches; called from any thread.

    A client is one for as long as it is told by the same *client*: an address that
    changes daily makes one person several in the course of a month.
    """

    def __init__(self, k: int = K, *, window: timedelta = WINDOW) -> None:
        """
        Args:
            k: How many different clients must have searched a query in vain before it
                is told; 0: nothing is counted, nor told.
            window: Within which they must have.

        Raises:
            ValueError: *k* is neither 0 nor from 2 to 64.
        """
        if k != 0 and not 2 <= k <= _CLIENTS:
            raise ValueError(f"k must be 0, or from 2 to {_CLIENTS}, got {k}")
        self._k = k
        self._window = window
        self._salt = secrets.token_bytes(32)
        self._counts: dict[date, _Count] = {}
        # The one that was searched last is the last one.
        self._queries: OrderedDict[str, _Query] = OrderedDict()
        self._kept_clients = 0
        self._forgot: date | None = None
        self._lock = Lock()
        self._flushing = Lock()

    def note(self, query: str, client: str, *, in_vain: bool, at: datetime) -> None:
        """Count a search.

        Args:
            query: As it was typed, or its words. What looks like personal data is
                counted and not kept, nor is what is long.
            client: What tells clients apart, such as an address; it is not kept.
        """
        if not self._k:
            return
        name = told_as(query) if in_vain else None
        mark = b"" if name is None else self._mark(name, client)
        with self._lock:
            count = self._counts.setdefault(_day(at), _Count())
            count.searches += 1
            count.in_vain += in_vain
            if name is not None:
                self._note_query(name, mark, at)

    def _note_query(self, name: str, mark: bytes, at: datetime) -> None:
        query = self._queries.setdefault(name, _Query())
        self._queries.move_to_end(name)
        query.untold += 1
        known = query.clients.get(mark)
        if known is None and len(query.clients) >= _CLIENTS:
            self._drop_old(query, at)
        if known is not None:
            query.clients[mark] = max(known, at)
        elif len(query.clients) < _CLIENTS:
            query.clients[mark] = at
            self._kept_clients += 1
        while len(self._queries) > _QUERIES or self._kept_clients > _ALL_CLIENTS:
            _, gone = self._queries.popitem(last=False)
            self._kept_clients -= len(gone.clients)

    def _drop_old(self, query: _Query, at: datetime) -> None:
        """Forget who searched it longer ago than the window."""
        old = [mark for mark, last in query.clients.items() if at - last > self._window]
        for mark in old:
            del query.clients[mark]
        self._kept_clients -= len(old)

    def _mark(self, name: str, client: str) -> bytes:
        # With the query in it: two queries of one client cannot be told to be so.
        text = f"{_network(client)}\0{name}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._salt, text, hashlib.sha256)[:_MARK_BYTES]

    def flush(self, store: Store, at: datetime) -> bool:
        """Write what was counted, and what many searched in vain, since the last time;
        in one transaction, together with forgetting what is older than `KEEP`.

        False: the store cannot be written now; all of it waits for the next time.
        """
        if not self._k:
            return True
        with self._flushing:
            counts, told = self._due(at)
            today = _day(at)
            if not counts and not told and self._forgot == today:
                return True
            try:
                # What a member had forgotten since is not to be told again.
                gone = [
                    each
                    for each in told
                    if each.query.is_told and not store.searches.tells(each.words)
                ]
                told = [each for each in told if each not in gone]
                with store.transaction():
                    for day, count in counts.items():
                        store.searches.count(day, count.searches, count.in_vain)
                    for each in told:
                        store.searches.miss(
                            each.day, each.words, each.people, each.times
                        )
                    store.searches.forget(_day(at - KEEP))
            except StoreError as exc:
                _log.warning("searches are counted later: %s", exc)
                return False
            self._settle(counts, told)
            self._drop(gone)
            self._forgot = today
        return True

    def _due(self, at: datetime) -> tuple[dict[date, _Count], list[_Told]]:
        with self._lock:
            counts = {
                day: _Count(count.searches, count.in_vain)
                for day, count in self._counts.items()
            }
            told = []
            for name, query in list(self._queries.items()):
                self._drop_old(query, at)
                people = len(query.clients)
                if not people:
                    del self._queries[name]
                elif people >= self._k and query.untold:
                    # Never a day without searches: it was counted under that one.
                    day = _day(max(query.clients.values()))
                    told.append(_Told(name, day, query, people, query.untold))
        return counts, told

    def _settle(self, counts: dict[date, _Count], told: list[_Told]) -> None:
        """Take what was written from what is to be; more may have come meanwhile."""
        with self._lock:
            for day, written in counts.items():
                count = self._counts[day]
                count.searches -= written.searches
                count.in_vain -= written.in_vain
                if not count.searches:
                    del self._counts[day]
            for each in told:
                each.query.untold -= each.times
                each.query.is_told = True

    def _drop(self, gone: list[_Told]) -> None:
        with self._lock:
            for each in gone:
                dropped = self._queries.pop(each.words, None)
                if dropped is not None:
                    self._kept_clients -= len(dropped.clients)


def told_as(query: str) -> str | None:
    """The words of a query, sorted, without those of grammar, codes and versions kept
    whole; by which queries that mean the same are one. ``None``: it must not be told,
    or there is no word in it.

    >>> told_as("Importer les Données en v2.40?"), told_as("données 2.40 importer")
    ('2.40 donnees importer', '2.40 donnees importer')
    >>> told_as("ask amina@example.org"), told_as("patient 123-45-67"), told_as("the")
    (None, None, None)
    """
    # Longer by far than what is told, whatever it is made of.
    if len(query) > 4 * _CHARS:
        return None
    plain = unicodedata.normalize("NFKC", query.encode("utf-8", "ignore").decode())
    if _PERSONAL.search(plain) or _NUMBER.search(plain):
        return None
    whole = identifiers(plain)
    # A version may be written with a letter before it.
    parts = {w for each in whole for part in words(each) for w in (part, f"v{part}")}
    kept = {w for w in words(plain) if w not in parts and not is_stopword(w)}
    told = sorted({*whole, *kept})
    text = " ".join(told)
    return text if 0 < len(told) <= _WORDS and len(text) <= _CHARS else None


def _network(client: str) -> str:
    """The part of an address that is one household's or company's: of version 6 each
    has 2**64 at the least, and uses another every day."""
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if address.version == 6 and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return client


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
