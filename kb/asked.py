"""A question with its vectors: as it was asked, and in other languages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kb.bridge.rendering import Rendering
from kb.embed import Embedder, Float32
from kb.question import Question
from kb.tongues import primary
from kb.vectors import VectorIndex

# Models read some 256 tokens; more would only be cut and thrown away.
MAX_EMBEDDED_CHARS = 8_000
_EVERY = -1


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its vectors.

    A text in one of the *languages* is compared with the question in that language,
    any other with the question as it was asked, and one in a language that nobody
    knows with whatever is nearest.

    Attributes:
        renderings: What words are sought by, in the languages that it was carried into.
        vectors: As it was asked first, then one for each of *languages*; shape
            ``(1 + languages, dim)``.
        titles: Of its headline, likewise.
        languages: None of them with a model that reads all languages by itself.
        carried: How much of the question each of the vectors stands for, in [0, 1].
    """

    question: Question
    renderings: tuple[Rendering, ...]
    vectors: Float32
    titles: Float32
    languages: tuple[str, ...] = ()
    carried: tuple[float, ...] = (1.0,)

    @classmethod
    def of(
        cls,
        question: Question,
        embedder: Embedder,
        renderings: tuple[Rendering, ...] = (),
    ) -> Asked:
        # Of a question that means nothing there, a vector would be anybody's.
        some = () if embedder.multilingual else renderings
        read = tuple(each for each in some if each.text)
        texts = [question.text, *(each.text for each in read)]
        # Without a headline the whole question stands in for it.
        titles = [question.title, *(each.title_text for each in read)]
        vectors = [_embedded(text, embedder) for text in texts]
        of_titles = [
            _embedded(title, embedder) if title else vector
            for title, vector in zip(titles, vectors, strict=True)
        ]
        return cls(
            question,
            renderings,
            np.stack(vectors),
            np.stack(of_titles),
            tuple(each.language for each in read),
            (1.0, *(each.carried for each in read)),
        )

    def suits(self, place: int, language: str | None) -> bool:
        """Whether a text in *language* is compared with the vector at *place*."""
        return self.place_of(language) in (place, _EVERY)

    def place_of(self, language: str | None) -> int:
        """Which vector a text in *language* is compared with, or `_EVERY` one."""
        if not self.languages:
            return 0
        known = primary(language)
        if not known:
            return _EVERY
        return self.languages.index(known) + 1 if known in self.languages else 0

    def cosines(
        self,
        vectors: Float32,
        index: VectorIndex | None,
        ids: Sequence[int],
        languages: Sequence[str | None],
    ) -> Float32:
        """Cosines of texts to what each of them is compared with.

        Args:
            vectors: `vectors` or `titles`.
            ids: Of the texts in *index*.
            languages: Of each of them.

        Returns:
            Shape ``(texts,)``; NaN for what is not in the index, or without an index.
        """
        if index is None:
            return np.full(len(ids), np.nan, dtype=np.float32)
        found = index.similarities(vectors, np.array(ids, dtype=np.int64))
        if len(vectors) == 1:
            return np.asarray(found[0])
        places = np.array([self.place_of(each) for each in languages], dtype=np.intp)
        best = np.fmax.reduce(found, axis=0)
        chosen = np.take_along_axis(found, np.maximum(places, 0)[None], axis=0)[0]
        every = places == _EVERY
        return np.asarray(np.where(every, best, chosen), dtype=np.float32)


def _embedded(text: str, embedder: Embedder) -> Float32:
    return embedder.embed_query(text[:MAX_EMBEDDED_CHARS])
