"""How much of a question is carried into another language, and what that is for."""

from __future__ import annotations

import pytest

from kb.bridge import Bridge
from kb.bridge.rendering import renderings
from kb.bridge.table import Sense, Senses, WordTable
from kb.question import Question
from kb.retrieve import retrieve
from kb.types import Kind
from tests.kb.world import EMBEDDER, NOW, World


def table(source: str, target: str, **words: str) -> WordTable:
    """Words with one sense each, none where it is empty; the first was met most."""
    senses: dict[str, Senses] = {
        word: (Sense(meaning, 1.0),) if meaning else ()
        for word, meaning in words.items()
    }
    return WordTable(source, target, 10, senses)


FRENCH = table("fr", "en", le="", de="", carte="map", rapport="report", seuil="limit")
ENGLISH = table("en", "fr", report="rapport", failed="échoué", connection="connexion")
BRIDGE = Bridge({("fr", "en"): FRENCH, ("en", "fr"): ENGLISH})


def carried(title: str, body: str = "") -> float:
    [found] = renderings(Question(title, body, language="fr"), BRIDGE, ["fr", "en"])
    return round(found.carried, 2)


@pytest.mark.parametrize(
    ("title", "body", "share"),
    [
        ("Le seuil de rapport", "", 1.0),
        # An article says less than a word that is met but once.
        ("Le pain", "", 0.26),
        ("Le seuil de pain", "", 0.65),
        # Each word once, wherever it stands and however often.
        ("Seuil pain", "pain pain pain", 0.48),
        # A log is in English, and codes are the same in all languages.
        ("Rapport: connection failed", "", 1.0),
        ("Rapport E1063 /api/pain", "", 1.0),
        ("E1063", "", 1.0),
    ],
)
def test_rare_words_say_more_of_how_much_was_carried(
    title: str, body: str, share: float
) -> None:
    assert carried(title, body) == share


def test_a_question_of_which_little_was_carried_is_not_familiar() -> None:
    """The few words that are known of a question about anything else are no reason to
    take it for one of the community's."""
    world = World()
    world.put(1, "map report limit", language="en")
    world.put(2, "zzz", language="fr")

    def familiar(text: str) -> tuple[float, float, float]:
        question = Question("", text, language="fr")
        [rendering] = renderings(question, BRIDGE, ["en"])
        found = retrieve(
            question,
            corpus=world.corpus(),
            embedder=EMBEDDER,
            kinds=Kind,
            visible_to=None,
            depth=10,
            at=NOW,
            renderings=(rendering,),
        )
        asked = EMBEDDER.embed_query(rendering.text)
        near = float(asked @ EMBEDDER.embed_query("map report limit"))
        return found[0].signals["familiar"], near, rendering.carried

    known, near, share = familiar("carte rapport seuil")
    assert (round(near, 5), share) == (1.0, 1.0)
    assert known == pytest.approx(1.0, abs=1e-5)

    known, near, share = familiar("carte pain beurre miel")
    assert near > 0.15
    assert share < 0.3
    assert known == pytest.approx(near * share, abs=1e-5)
