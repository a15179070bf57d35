"""A question as ranking sees it."""

from __future__ import annotations

import pytest

from kb.question import Question
from kb.types import DocumentId
from kb.versions import compact


@pytest.mark.parametrize(
    ("title", "body", "text"),
    [
        ("Reset", "How?", "Reset\nHow?"),
        ("Reset", "", "Reset"),
        ("", "How?", "How?"),
        ("", "", ""),
        (" ", "\n How?\n", "How?"),
    ],
)
def test_its_text_is_the_headline_and_what_follows(
    title: str, body: str, text: str
) -> None:
    assert Question(title, body).text == text


def test_a_cut_question_keeps_all_else() -> None:
    whole = Question(
        "Reset it",
        "How do I?",
        document=DocumentId(7),
        asker="ada",
        category="Help",
        tags=("a",),
        language="en",
        linked=frozenset({DocumentId(9)}),
    )

    cut = whole.cut(title=5, body=3)

    assert (cut.title, cut.body) == ("Reset", "How")
    assert whole.cut(title=100, body=100) == whole
    assert cut == Question(
        "Reset",
        "How",
        whole.document,
        whole.asker,
        whole.category,
        whole.tags,
        whole.language,
        whole.linked,
    )


@pytest.mark.parametrize(
    ("title", "body", "versions"),
    [
        ("", "On 2.40 it fails", {"2.40"}),
        ("On v2.40", "and since 2.41.3", {"2.40", "2.41", "2.41.3"}),
        ("", "12 times in 2023, at 7", set()),
        ("", "in /api/33/events and log4j2", set()),
        ("", "", set()),
        ("", "5.0.0.0.1", {"5.0", "5.0.0", "5.0.0.0", "5.0.0.0.1"}),
    ],
)
def test_the_versions_that_it_names_are_known(
    title: str, body: str, versions: set[str]
) -> None:
    assert Question(title, body).versions == versions


@pytest.mark.parametrize(
    ("version", "digits"),
    [("2.40", "240"), ("v2.40.1-rc2", "24012"), ("master", ""), ("", ""), ("٢.٤", "")],
)
def test_addresses_leave_out_the_dots(version: str, digits: str) -> None:
    assert compact(version) == digits
