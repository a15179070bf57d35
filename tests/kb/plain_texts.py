"""A `TextIndex` so plain that it can be read by eye: one JSON file, words counted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from kb.bridge.rendering import Rendering
from kb.texts import DocumentText, TextField
from kb.types import DocumentId, Kind

PLAIN_FORMAT = "plain-1"


class PlainTexts:
    """Scores a field by how many of its words the question has."""

    def __init__(self, path: Path, documents: dict[DocumentId, Any]) -> None:
        self._path = path
        self.documents = documents
        self.closed = False

    @classmethod
    def create(cls, path: Path) -> Self:
        path.mkdir()
        return cls(path / "documents.json", {})

    @classmethod
    def open(cls, path: Path) -> Self:
        stored = json.loads((path / "documents.json").read_text("utf-8"))
        return cls(
            path / "documents.json", {DocumentId(int(i)): d for i, d in stored.items()}
        )

    def put(self, documents: Iterable[DocumentText]) -> None:
        for document in documents:
            self.documents[document.id] = {
                "kind": document.kind,
                "visibility": document.visibility,
                **{
                    field: [[text.text, text.language] for text in texts]
                    for field, texts in document.fields.items()
                },
            }

    def commit(self) -> None:
        self._path.write_text(json.dumps(self.documents, ensure_ascii=False), "utf-8")

    def search(
        self,
        query: str,
        field: TextField,
        k: int,
        *,
        kind: Kind,
        visible_to: frozenset[str] | None = None,
        title: str = "",
        renderings: tuple[Rendering, ...] = (),
        languages: frozenset[str] | None = None,
    ) -> list[tuple[DocumentId, float]]:
        ids = [
            i
            for i, document in self.documents.items()
            if visible_to is None or document["visibility"] in visible_to
        ]
        found = self.score(query, ids, kind=kind, fields=[field], title=title)[field]
        return sorted(found.items(), key=lambda item: (-item[1], item[0]))[:k]

    def score(
        self,
        query: str,
        ids: Sequence[DocumentId],
        *,
        kind: Kind,
        fields: Iterable[TextField] = tuple(TextField),
        visible_to: frozenset[str] | None = None,
        title: str = "",
        renderings: tuple[Rendering, ...] = (),
    ) -> dict[TextField, dict[DocumentId, float]]:
        words = set(f"{title} {query}".lower().split())
        scores: dict[TextField, dict[DocumentId, float]] = {}
        for field in fields:
            scores[field] = {}
            for i in ids:
                if self.documents[i]["kind"] != kind or not (
                    visible_to is None or self.documents[i]["visibility"] in visible_to
                ):
                    continue
                texts = " ".join(text for text, _ in self.documents[i].get(field, []))
                if count := sum(word in words for word in texts.lower().split()):
                    scores[field][i] = float(count)
        return scores

    def close(self) -> None:
        self.closed = True
