"""Text without meaning that has the shape of a forum's: made-up words, real layout.

Each piece comes twice, as Markdown and as the HTML that `bot.sandbox.cook` makes of
it, so that a large forum needs no cooking.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import accumulate

# Syllables make words that look like a language, its function words make it sound so.
_SYLLABLES = {
    "en": "ing ter con port da set ple ver sion per mit ror ta ble map ser load act",
    "fr": "tion eur ran ble cen tre don née ser veur jour sai sie éta rap lou vau mai",
    "es": "ción dor tra ble cen tro dat ser vid com pro gra ma ent reg est uni ven ho",
    "pt": "ção dor tra vel cen tro dad ser vi com pro gra ma ent reg est uni ver lho",
}
_FUNCTION_WORDS = {
    "en": "the and of to is in it we that with for not this can how when does",
    "fr": "le la les et de un est dans nous que avec pour pas ce comment quand sur",
    "es": "el la los y de un es en que con para no este como cuando desde sobre",
    "pt": "o a os e de um é em que com para não este como quando desde sobre",
}
LANGUAGES = tuple(_SYLLABLES)
_VOCABULARY = 3_000
_SENTENCES = 2_500
# A reader's eye needs a break after so many.
_SENTENCES_PER_PARAGRAPH = 4
# Lengths of posts in characters of HTML: a log-normal with this median and spread has
# the deciles of a real forum (95, 187, 424, 850 and 1,589 at 10, 25, 50, 75 and 90 %).
_MEDIAN_CHARS = 424
_SPREAD = 1.05
_MAX_CHARS = 20_000


@dataclass(frozen=True, slots=True)
class Text:
    """A post's text; links in it name this forum as ``{forum}``."""

    raw: str
    cooked: str


class Prose:
    """Writes texts, the same ones for the same *rng*."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._words = {language: self._vocabulary(language) for language in LANGUAGES}
        self._weights = list(accumulate(1 / (n + 8) for n in range(_VOCABULARY)))
        self._sentences = {
            language: [self._sentence(language) for _ in range(_SENTENCES)]
            for language in LANGUAGES
        }
        lengths = [len(s) for s in self._sentences["en"]]
        self._sentence_chars = sum(lengths) / len(lengths)

    def title(self, language: str) -> str:
        """Four to nine words, with a number that nearly always makes it unlike others.

        >>> Prose(random.Random(1)).title("en").endswith("?")
        True
        """
        words = self.words(language, self._rng.randint(3, 8))
        return f"{words.capitalize()} {self._rng.randint(100, 99_999)}?"

    def words(self, language: str, count: int) -> str:
        known = self._words[language]
        return " ".join(
            self._rng.choices(known, cum_weights=self._weights, k=count),
        )

    def text(self, language: str, link: str = "") -> Text:
        """A post of a length that real posts have.

        Args:
            link: An address that it points to.
        """
        rng = self._rng
        chars = min(_MAX_CHARS, _MEDIAN_CHARS * rng.lognormvariate(0, _SPREAD))
        count = max(1, round(chars / self._sentence_chars))
        sentences = rng.choices(self._sentences[language], k=count)
        raw: list[str] = []
        cooked: list[str] = []
        block = Text("", "")
        for start in range(0, count, _SENTENCES_PER_PARAGRAPH):
            kind = rng.random()
            if block.raw.startswith("- "):
                # Two lists in a row would be one.
                kind = 1.0
            block = _block(kind, sentences[start:][:_SENTENCES_PER_PARAGRAPH])
            raw.append(block.raw)
            cooked.append(block.cooked)
        if link:
            name = self.words(language, 3)
            outward = "" if link.startswith("{") else ' rel="noopener nofollow ugc"'
            raw.append(f"[{name}]({link})")
            cooked.append(f'<p><a href="{link}"{outward}>{name}</a></p>')
        return Text("\n\n".join(raw), "\n".join(cooked))

    def _vocabulary(self, language: str) -> list[str]:
        common = _FUNCTION_WORDS[language].split()
        syllables = _SYLLABLES[language].split()
        made = [
            "".join(self._rng.choices(syllables, k=self._rng.randint(2, 4)))
            for _ in range(_VOCABULARY - len(common))
        ]
        return common + made

    def _sentence(self, language: str) -> str:
        return self.words(language, self._rng.randint(5, 18)).capitalize() + "."


def _block(kind: float, sentences: list[str]) -> Text:
    """Mostly a paragraph; now and then a list or code.

    >>> _block(0.0, ["One.", "Two."])
    Text(raw='- One.\\n- Two.', cooked='<ul>\\n<li>One.</li>\\n<li>Two.</li>\\n</ul>')
    """
    if kind < 0.05 and len(sentences) > 1:
        raw = "\n".join(f"- {sentence}" for sentence in sentences)
        items = "\n".join(f"<li>{sentence}</li>" for sentence in sentences)
        return Text(raw, f"<ul>\n{items}\n</ul>")
    if kind < 0.10:
        lines = "\n".join(sentences)
        html = f'<pre><code class="lang-auto">{lines}\n</code></pre>'
        return Text(f"```\n{lines}\n```", html)
    words = " ".join(sentences)
    return Text(words, f"<p>{words}</p>")
