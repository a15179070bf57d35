"""What is counted for Prometheus: never a query, nor a label that strangers choose."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

CONTENT_TYPE = CONTENT_TYPE_LATEST
UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.5, 1, 2, 5)
_FOUND = (0, 1, 3, 10, 30, 100, 200)
_GAUGES = {
    "generation": "Of the store that searches are answered from.",
    "lag": "How many generations the index on disk is behind the store.",
    "passages": "That are searched.",
}


class Meters:
    """Counters of one application, in a registry of its own."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._requests = Counter(
            "baraza_http_requests",
            "Requests that were answered.",
            ("route", "method", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "baraza_http_request_seconds",
            "From the head of a request to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_flight = Gauge(
            "baraza_http_requests_in_flight",
            "Requests that are being answered.",
            registry=registry,
        )
        self.rate_limited = Counter(
            "baraza_rate_limited", "Requests above the rate limit.", registry=registry
        )
        self._found = Histogram(
            "baraza_search_found",
            "Documents that a search found, by its first page.",
            buckets=_FOUND,
            registry=registry,
        )
        self._in_vain = Counter(
            "baraza_searches_in_vain",
            "Searches that found nothing of use.",
            registry=registry,
        )
        self._ready = Gauge(
            "baraza_ready", "Whether searches can be answered.", registry=registry
        )
        self._gauges = {
            name: Gauge(f"baraza_{name}", text, registry=registry)
            for name, text in _GAUGES.items()
        }

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            route: Its template, of which there are few.
        """
        method = method if method in _METHODS else "other"
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def searched(self, found: int, *, weak: bool = False) -> None:
        """Count the first page of a search; see `kb.instant.records.Results`."""
        self._found.observe(found)
        if weak or not found:
            self._in_vain.inc()

    def text(self, ready: Mapping[str, str | int] | None) -> bytes:
        """All of it, in the text format.

        Args:
            ready: See `kb.api.backend.Backend.ready`; ``None`` where it raised: what
                was known before is told on, beside that it is not ready.
        """
        self._ready.set(ready is not None)
        for name, gauge in self._gauges.items():
            value = (ready or {}).get(name)
            if isinstance(value, int):
                gauge.set(value)
        return generate_latest(self._registry)
