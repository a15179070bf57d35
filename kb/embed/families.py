"""What is known of families of models, by the names that their makers gave them.

A folder often does not say with which prompts its model was trained, or in which
languages: that stands on its model card. What a folder does say comes first, and
what the config says before that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

_FENCE = "---\n"
# Model cards are long; what they say of languages stands at their very beginning.
_MAX_HEAD_CHARS = 20_000
# How a model card says "all of them", and what is no language of people.
_MANY = frozenset({"multilingual", "mul"})
_NO_LANGUAGE = frozenset({"code"})


@dataclass(frozen=True, slots=True)
class Family:
    """Models of one make.

    Attributes:
        name: Of the model, after the name of who published it.
        query: Is put before a question.
        passage: Is put before what is to be found.
        multilingual: Texts of one meaning are near each other in whatever language;
            ``None``: as the folder says.
    """

    name: re.Pattern[str]
    query: str = ""
    passage: str = ""
    multilingual: bool | None = None


def _family(
    name: str, *, query: str = "", passage: str = "", multilingual: bool | None = None
) -> Family:
    return Family(
        re.compile(rf"(^|/){name}$", re.IGNORECASE), query, passage, multilingual
    )


_SEARCH = "Represent this sentence for searching relevant passages: "

FAMILIES = (
    # https://huggingface.co/intfloat/multilingual-e5-small (FAQ)
    _family(
        r"multilingual-e5-(small|base|large)",
        query="query: ",
        passage="passage: ",
        multilingual=True,
    ),
    # https://huggingface.co/intfloat/e5-small-v2 (FAQ)
    _family(r"e5-(small|base|large)(-v2)?", query="query: ", passage="passage: "),
    # https://huggingface.co/intfloat/multilingual-e5-large-instruct (FAQ)
    _family(
        r"multilingual-e5-large-instruct",
        query=(
            "Instruct: Given a web search query, retrieve relevant passages that "
            "answer the query\nQuery: "
        ),
        multilingual=True,
    ),
    # https://huggingface.co/BAAI/bge-small-en-v1.5 (Model List, FAQ)
    _family(r"bge-(small|base|large)-en(-v1\.5)?", query=_SEARCH),
    # No prompt: https://huggingface.co/BAAI/bge-m3 (FAQ)
    _family(r"bge-m3", multilingual=True),
    # https://huggingface.co/Snowflake/snowflake-arctic-embed-m (Usage)
    _family(r"snowflake-arctic-embed-(xs|s|m|l)(-v1\.5)?", query=_SEARCH),
    # https://huggingface.co/Snowflake/snowflake-arctic-embed-l-v2.0 (Usage)
    _family(r"snowflake-arctic-embed-(m|l)-v2\.0", query="query: ", multilingual=True),
    # No prompt: https://huggingface.co/Alibaba-NLP/gte-multilingual-base
    _family(r"gte-multilingual-base", multilingual=True),
    # No prompts: https://www.sbert.net/docs/sentence_transformer/pretrained_models.html
    _family(r"paraphrase-multilingual-.+", multilingual=True),
    _family(r"distiluse-base-multilingual-.+", multilingual=True),
    _family(r"LaBSE", multilingual=True),
)


def family_of(name: str) -> Family | None:
    """The family of a model.

    >>> family_of("intfloat/multilingual-e5-small").query
    'query: '
    >>> family_of("all-MiniLM-L6-v2") is None
    True
    """
    return next((family for family in FAMILIES if family.name.search(name)), None)


def is_multilingual(name: str, folder: Path) -> bool:
    """Whether a model reads several languages: by its name, else by its model card.

    A model that says nothing reads one.
    """
    family = family_of(name)
    if family is not None and family.multilingual is not None:
        return family.multilingual
    languages = _languages(folder / "README.md")
    return bool(languages & _MANY) or len(languages - _NO_LANGUAGE) > 1


def _languages(card: Path) -> frozenset[str]:
    """What the head of a model card names as ``language``; nothing if it does not
    read, since it was written by whoever made the model."""
    try:
        with card.open(encoding="utf-8") as stream:
            text = stream.read(_MAX_HEAD_CHARS).replace("\r\n", "\n")
        if not text.startswith(_FENCE):
            return frozenset()
        # Strings alone: else Norwegian, "no", would be read as false.
        # It makes strings, lists and mappings, and nothing else.
        loader = yaml.BaseLoader
        head = yaml.load(text[len(_FENCE) :].split(f"\n{_FENCE}")[0], loader)  # noqa: S506
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return frozenset()
    named = head.get("language") if isinstance(head, dict) else None
    languages = named if isinstance(named, list) else [named]
    return frozenset(
        each.lower() for each in languages if isinstance(each, str) and each
    )
