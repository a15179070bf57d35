"""What is known of a site's addresses: as it is stored, and as the batch at hand will
store it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field

from indexer.site import key_of
from kb.store import Fetch, Holdings


@dataclass(slots=True)
class SiteMemory:
    """Answers of earlier walks and of this one, and which pages are held.

    Attributes:
        noted: Answers that are not stored yet, by address; ``None`` for one that is
            to be forgotten.
        written: Keys of pages that are not stored yet.
        leaving: Keys of stored pages that go with the end of this walk.
    """

    known: Holdings
    noted: dict[str, Fetch | None] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    leaving: set[str] = field(default_factory=set)
    _shared: frozenset[str] | None = None
    _borrowing: frozenset[str] | None = None

    def fetch(self, url: str) -> Fetch | None:
        """The last answer to *url* that counts."""
        return self.noted[url] if url in self.noted else self.known.fetch(url)

    def of_key(self, key: str) -> list[Fetch]:
        """Those that became the page *key*, by address."""
        stored = self.known.fetches_of(key)
        return self._with_noted(stored, lambda fetch: fetch.key == key)

    def like(self, content_hash: str) -> list[Fetch]:
        """Those whose content is the same, by address."""
        stored = self.known.fetches_like(content_hash)
        return self._with_noted(stored, lambda each: each.content_hash == content_hash)

    def is_shared(self, content_hash: str) -> bool:
        """Whether several addresses had the same content when this was first asked:
        to look for it at each page would take as long as all of them, each time."""
        if self._shared is None:
            counts = Counter(fetch.content_hash for fetch in self.known.fetches())
            self._shared = frozenset(each for each in counts if counts[each] > 1)
        return content_hash in self._shared

    def borrows(self, key: str, listed: Container[str]) -> bool:
        """Whether the page was linked to at the address of another one, which is
        listed by now; as of when this was first asked."""
        if self._borrowing is None:
            self._borrowing = frozenset(
                page.key
                for page in self.known.filed()
                if (other := key_of(page.url)) != page.key and other in listed
            )
        return key in self._borrowing

    def _with_noted(
        self, stored: Iterable[Fetch], fits: Callable[[Fetch], bool]
    ) -> list[Fetch]:
        found = [fetch for fetch in stored if fetch.url not in self.noted]
        found += [fetch for fetch in self.noted.values() if fetch and fits(fetch)]
        return sorted(found, key=lambda fetch: fetch.url)

    def content_of(self, key: str) -> Fetch | None:
        """The answer that the page *key* was made of."""
        return next((each for each in self.of_key(key) if each.content_hash), None)

    def holds(self, key: str) -> bool:
        """Whether the page is held, and stays."""
        held = key in self.written or key in self.known
        return held and key not in self.leaving

    def stores(self, key: str) -> bool:
        """Whether the page is held, even if it leaves."""
        return key in self.written or key in self.known

    def stored(self) -> None:
        """What was noted and written is stored now."""
        self.noted.clear()
        self.written.clear()
