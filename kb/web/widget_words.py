"""What the widget says, in the languages that it speaks; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kb.tongues import primary
from kb.types import Kind


@dataclass(frozen=True, slots=True)
class Words:
    """The widget's sentences in one language.

    Attributes:
        kinds: What a document is called, by kind.
        more: Takes the name of the community.
        opens: Said after each link, to those who do not see where it leads.
    """

    language: str
    heading: str
    kinds: Mapping[Kind, str]
    solved: str
    nothing: str
    more: str
    opens: str


_ENGLISH = Words(
    language="en",
    heading="Related resources",
    kinds={
        Kind.THREAD: "Thread",
        Kind.DOCS: "Documentation",
        Kind.COURSE: "Course",
        Kind.VIDEO: "Video",
    },
    solved="Solved",
    nothing="Nothing related is known yet.",
    more="Search {}",
    opens="(opens in a new tab)",
)
_FRENCH = Words(
    language="fr",
    heading="Ressources liées",
    kinds={
        Kind.THREAD: "Fil de discussion",
        Kind.DOCS: "Documentation",
        Kind.COURSE: "Cours",
        Kind.VIDEO: "Vidéo",
    },
    solved="Résolu",
    nothing="Aucune ressource liée n’est connue pour l’instant.",
    more="Chercher dans {}",
    opens="(s’ouvre dans un nouvel onglet)",
)
_SPANISH = Words(
    language="es",
    heading="Recursos relacionados",
    kinds={
        Kind.THREAD: "Hilo",
        Kind.DOCS: "Documentación",
        Kind.COURSE: "Curso",
        Kind.VIDEO: "Vídeo",
    },
    solved="Resuelto",
    nothing="Todavía no se conoce ningún recurso relacionado.",
    more="Buscar en {}",
    opens="(se abre en una pestaña nueva)",
)
_PORTUGUESE = Words(
    language="pt",
    heading="Recursos relacionados",
    kinds={
        Kind.THREAD: "Tópico",
        Kind.DOCS: "Documentação",
        Kind.COURSE: "Curso",
        Kind.VIDEO: "Vídeo",
    },
    solved="Resolvido",
    nothing="Ainda não se conhece nenhum recurso relacionado.",
    more="Pesquisar em {}",
    opens="(abre num novo separador)",
)
SPOKEN: Mapping[str, Words] = {
    each.language: each for each in (_ENGLISH, _FRENCH, _SPANISH, _PORTUGUESE)
}


def words_for(wishes: Iterable[str]) -> Words:
    """In the first language wished for that is spoken, regions aside; else English.

    >>> words_for(["de", "pt-BR", "fr"]).language, words_for(["", "xx"]).language
    ('pt', 'en')
    """
    wished = map(primary, wishes)
    return next((SPOKEN[each] for each in wished if each in SPOKEN), _ENGLISH)
