"""Families of models: which prompts they were trained with, and which languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb.embed.families import family_of, is_multilingual

SEARCH = "Represent this sentence for searching relevant passages: "
INSTRUCT = (
    "Instruct: Given a web search query, retrieve relevant passages that answer the "
    "query\nQuery: "
)


@pytest.mark.parametrize(
    ("name", "query", "passage"),
    [
        ("intfloat/multilingual-e5-small", "query: ", "passage: "),
        ("multilingual-e5-base", "query: ", "passage: "),
        ("intfloat/e5-large-v2", "query: ", "passage: "),
        ("intfloat/multilingual-e5-large-instruct", INSTRUCT, ""),
        ("BAAI/bge-small-en-v1.5", SEARCH, ""),
        ("BAAI/bge-large-en", SEARCH, ""),
        ("BAAI/bge-m3", "", ""),
        ("Snowflake/snowflake-arctic-embed-m", SEARCH, ""),
        ("Snowflake/snowflake-arctic-embed-l-v2.0", "query: ", ""),
        ("sentence-transformers/LaBSE", "", ""),
    ],
)
def test_a_family_has_the_prompts_of_its_model_card(
    name: str, query: str, passage: str
) -> None:
    family = family_of(name)

    assert family is not None
    assert (family.query, family.passage) == (query, passage)


@pytest.mark.parametrize(
    "name",
    [
        "all-MiniLM-L6-v2",
        "my-e5-small-tuned",
        "not-multilingual-e5-smaller",
        "bge-small-en-v1.5-quantized",
    ],
)
def test_another_model_is_of_no_family_because_its_name_is_alike(name: str) -> None:
    assert family_of(name) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("multilingual-e5-small", True),
        ("intfloat/multilingual-e5-large-instruct", True),
        ("sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2", True),
        ("sentence-transformers/distiluse-base-multilingual-cased-v2", True),
        ("labse", True),
        ("BAAI/bge-m3", True),
        ("Alibaba-NLP/gte-multilingual-base", True),
        ("Snowflake/snowflake-arctic-embed-m-v2.0", True),
        ("Snowflake/snowflake-arctic-embed-m-v1.5", False),
        ("intfloat/e5-small-v2", False),
        ("all-MiniLM-L6-v2", False),
    ],
)
def test_known_names_tell_whether_a_model_reads_several_languages(
    name: str, *, expected: bool, tmp_path: Path
) -> None:
    assert is_multilingual(name, tmp_path) is expected


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("---\nlanguage:\n- en\n- fr\n---\n# Model\n", True),
        ("---\nlanguage: [pt, no]\n---\n", True),
        ("---\r\nlanguage:\r\n- en\r\n- fr\r\n---\r\n", True),
        ("---\nlicense: mit\nlanguage: multilingual\n---\n", True),
        ("---\nlanguage: en\n---\n", False),
        ("---\nlanguage: [en, code]\n---\n", False),
        ("---\nlanguage: [EN, en]\n---\n", False),
        ("---\nlicense: mit\n---\n", False),
        # Not what a card should hold, and no reason to fail.
        ("---\nlanguage: {en: fr}\n---\n", False),
        ("---\nlanguage: [en, [fr]]\n---\n", False),
        ("---\n- en\n- fr\n---\n", False),
        ("---\nlanguage: [en, fr\n---\n", False),
        ("# Model\nlanguage: [en, fr]\n", False),
        ("", False),
    ],
)
def test_else_the_head_of_its_card_tells_it(
    card: str, *, expected: bool, tmp_path: Path
) -> None:
    (tmp_path / "README.md").write_bytes(card.encode())

    assert is_multilingual("some-model", tmp_path) is expected


def test_a_card_that_is_no_text_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes(b"---\nlanguage: [en, \xff]\n---\n")

    assert not is_multilingual("some-model", tmp_path)
