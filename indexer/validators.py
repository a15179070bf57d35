"""Answers that a site can be asked about again: only if they have changed.

In memory alone: what a site deletes must not linger on a disk of ours.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256

from indexer.answers import Answer

MAX_ANSWERS = 512
MAX_BYTES = 32 * 1024 * 1024
# What the answer carries, and the header that gives it back.
_CONDITIONS = (("etag", "If-None-Match"), ("last-modified", "If-Modified-Since"))


class Validators:
    """Remembers whole answers that carry an ``ETag`` or ``Last-Modified``.

    The longest unused go first. Threads and sites may share one.

    Args:
        max_answers: The most that is remembered.
        max_bytes: The most that their bodies take together.
    """

    def __init__(
        self, *, max_answers: int = MAX_ANSWERS, max_bytes: int = MAX_BYTES
    ) -> None:
        self._max_answers = max_answers
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._bytes = 0

    def known(self, identity: str) -> Answer | None:
        """The last answer to the same question, see `identity_of`."""
        with self._lock:
            found = self._answers.get(identity)
            if found is not None:
                self._answers.move_to_end(identity)
            return found

    def keep(self, identity: str, answer: Answer) -> None:
        """Remember *answer* in place of the last one; one that cannot be asked about,
        must not be kept (``no-store``) or says no (404…) makes that forgotten."""
        with self._lock:
            last = self._answers.pop(identity, None)
            if last is not None:
                self._bytes -= len(last.body)
            if not _may_keep(answer) or len(answer.body) > self._max_bytes:
                return
            self._answers[identity] = answer
            self._bytes += len(answer.body)
            while (
                self._bytes > self._max_bytes or len(self._answers) > self._max_answers
            ):
                _, oldest = self._answers.popitem(last=False)
                self._bytes -= len(oldest.body)


def identity_of(url: str, headers: Mapping[str, str]) -> str:
    """What tells one question from another: the address and all that is sent.

    Keys, accounts, cookies and languages are headers, so who may see other things
    asks another question. A digest, so that no key is held a second time.

    >>> identity_of("u", {"Api-Key": "a"}) == identity_of("u", {"api-key": "a"})
    True
    >>> identity_of("u", {"Api-Key": "a"}) == identity_of("u", {"Api-Key": "b"})
    False
    """
    sent = sorted((name.lower(), value) for name, value in headers.items())
    return sha256(repr((url, sent)).encode()).hexdigest()


def conditions(answer: Answer) -> dict[str, str]:
    """Headers that ask for the answer only if it is not *answer* any more.

    >>> conditions(Answer(200, "", {"etag": '"a"'}, b""))
    {'If-None-Match': '"a"'}
    """
    return {
        asks: answer.headers[told]
        for told, asks in _CONDITIONS
        if answer.headers.get(told)
    }


def _may_keep(answer: Answer) -> bool:
    stored = "no-store" not in answer.headers.get("cache-control", "").lower()
    return answer.status == 200 and stored and bool(conditions(answer))
