"""A question as ranking sees it; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kb.types import DocumentId
from kb.versions import versions_in


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a headline, which may be empty, and the text below it.

    Attributes:
        document: The thread that asks, when it is known: it answers nothing.
        asker: Who asks, as `kb.people` names people.
        category: Where it is asked; so for *tags*.
        linked: Documents that the question itself links to.
    """

    title: str
    body: str
    document: DocumentId | None = None
    asker: str | None = None
    category: str | None = None
    tags: tuple[str, ...] = ()
    language: str | None = None
    linked: frozenset[DocumentId] = frozenset()

    @property
    def text(self) -> str:
        """What is embedded.

        >>> Question("Reset", "How?").text, Question("", "How?").text
        ('Reset\\nHow?', 'How?')
        """
        return f"{self.title}\n{self.body}".strip()

    def cut(self, *, title: int, body: int) -> Question:
        """The same with a headline and a text of at most so many characters."""
        return replace(self, title=self.title[:title], body=self.body[:body])

    @property
    def versions(self) -> frozenset[str]:
        """The versions that it names, see `kb.versions.versions_in`."""
        return versions_in(self.text)
