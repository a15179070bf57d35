"""Versions: which a question names, and which of a page's is searched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.types import DocumentId
from kb.versions import Editions, current_of, is_named, named_among, versions_in


def editions(*versions: str | None) -> Editions:
    return [(DocumentId(number), each) for number, each in enumerate(versions, start=1)]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("On 2.40 it fails", {"2.40"}),
        ("DHIS2 v41, was V40.2.1", {"v41", "40.2", "40.2.1"}),
        ("in 2023, at 7, log4j2, /api/33/events", set()),
        ("", set()),
    ],
)
def test_versions_are_told_from_other_numbers(text: str, named: set[str]) -> None:
    assert versions_in(text) == named


@pytest.mark.parametrize(
    ("version", "named"),
    [
        ("2.40", "2.40"),
        ("2.40", "v40"),
        ("2.40.1", "2.40.1"),
        ("240", "2.40"),
        ("dhis-core-version-240", "2.40"),
        ("version-122", "1.2.2"),
    ],
)
def test_a_version_is_known_however_it_is_written(version: str, named: str) -> None:
    assert is_named(version, {named, "9.99"})


@pytest.mark.parametrize(
    ("version", "named"),
    [
        ("2.40", "24.0"),
        ("1.2", "v2"),
        ("2.4.0", "2.40"),
        ("2.40.1", "2.40"),
        ("2.40", "v2"),
        ("2.4.0", "v40"),
        ("master", "2.40"),
        ("", "2.40"),
        (None, "2.40"),
    ],
)
def test_another_version_is_not_taken_for_it(version: str | None, named: str) -> None:
    assert not is_named(version, {named})


@pytest.mark.parametrize(
    ("versions", "preferred", "current"),
    [
        (["2.39", "2.41", "2.40"], None, "2.41"),
        (["2.9", "2.40"], None, "2.40"),
        (["2.40", "2.41", "2.43"], "2.42", "2.41"),
        (["2.43", "2.44"], "2.42", "2.43"),
        (["2.40", "master"], None, "2.40"),
        (["2.40", "master"], "master", "master"),
        (["master", "latest"], None, "master"),
        (["master", "2.40"], "none of them", "2.40"),
        ([None, "2.40"], None, "2.40"),
    ],
)
def test_the_current_version_is_the_preferred_one_or_the_nearest_before_it(
    versions: list[str | None], preferred: str | None, current: str
) -> None:
    pages = editions(*versions)

    assert dict(pages)[current_of(pages, preferred)] == current


def test_of_equal_versions_the_first_is_current() -> None:
    assert current_of(editions("2.40", "2.40"), "2.40") == 1
    assert current_of(editions("2.40", "2.40"), None) == 1


def test_of_several_named_versions_the_newest_is_meant() -> None:
    pages = editions("2.39", "2.40", "2.41", "master")

    assert named_among(pages, versions_in("upgraded from 2.39 to 2.40.2")) == 2
    assert named_among(pages, versions_in("on 2.38")) is None
    assert named_among(pages, []) is None


VERSIONS = st.sampled_from(["2.38", "2.40", "2.9", "2.40.1", "master", "", None])


@given(st.lists(VERSIONS, min_size=1, max_size=8), VERSIONS)
def test_the_order_in_which_versions_come_changes_nothing(
    versions: list[str | None], preferred: str | None
) -> None:
    pages = editions(*versions)

    assert current_of(pages, preferred) == current_of(pages[::-1], preferred)
    assert current_of(pages, preferred) in dict(pages)
