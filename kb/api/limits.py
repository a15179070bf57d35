"""How much the endpoint takes on; what no operator has to set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one application.

    Attributes:
        searches_at_once: Threads that search. They share one interpreter: many slow
            each other down, and each answers later than it would have in a queue.
        searches_waiting: Requests that wait for one of them, each for *search_wait_s*.
        related_at_once, related_waiting: Likewise of what is related, which costs more:
            searches are not kept waiting by it.
        feedback_waiting: Words on hits that wait for the one thread that writes.
        body_bytes: Of the body of a request, which may take *body_timeout_s* to arrive.
        query_bytes: Of what follows the question mark.
    """

    searches_at_once: int = 4
    searches_waiting: int = 32
    search_wait_s: float = 2.0
    related_at_once: int = 2
    related_waiting: int = 8
    feedback_waiting: int = 8
    body_bytes: int = 16 * 1024
    body_timeout_s: float = 10.0
    query_bytes: int = 32 * 1024


LIMITS = Limits()
