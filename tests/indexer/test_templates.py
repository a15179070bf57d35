"""Templates: what is learned of posts, and what goes from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.blocks import Block, BlockKind, join_blocks
from indexer.clean import clean_html
from indexer.templates import (
    MIN_AUTHORS,
    MIN_DOCUMENTS,
    Frequent,
    PostLines,
    keys_of,
    label_of,
    learn,
    line_key,
    without_templates,
)

FORM = (
    "Operating system: Linux {n}\nSlicer version: 5.{n}\n"
    "Expected behavior:\n{words}\nActual behavior: it crashes with {n}"
)
LABELS = {"operating system", "slicer version", "expected behavior", "actual behavior"}


def post(number: int, text: str, *, author: str = "") -> PostLines:
    """A post of a thread of its own, by one of seven authors."""
    blocks = [Block("text", text)]
    return PostLines(number, author or f"u{number % 7}", keys_of(blocks))


def words(number: int) -> str:
    """A text that no other post has."""
    return f"Word{'abcdefghij'[number % 10]}{'x' * (number // 10)} is unlike the others"


def form(number: int) -> str:
    return FORM.format(n=number, words=words(number))


def learned(posts: Sequence[PostLines], before: Sequence[str] = ()) -> frozenset[str]:
    def each() -> Iterator[PostLines]:
        return iter(posts)

    return learn(each, before)


# -- lines -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("Slicer version:", "slicer version"),
        ("  3. **Slicer  Version** :", "slicer version"),
        ("- [ ] I searched first", "i searched first"),
        ("Version ?", "version"),
        ("See https://e.org/a?b=1.", "see https://e.org/a?b=1"),
        ("Version: 2.38 (old)", "version: 2.38 (old"),
        ("5.0.3", ""),
        ("---", ""),
        ("", ""),
        ("x" * 501, ""),
    ],
)
def test_lines_are_compared_without_what_differs(line: str, key: str) -> None:
    assert line_key(line) == key


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("Version: 2.38", "version"),
        ("Version : 2.38", "version"),
        ("Which version do you use? 2.38", "which version do you use"),
        ("版本：2.38", ""),
        ("版本： 2.38", "版本"),
        ("https://e.org/a", ""),
        ("std::vector", ""),
        ("at 10:30", ""),
        ("x" * 70 + ": y", ""),
    ],
)
def test_a_label_is_what_stands_before_a_colon(line: str, label: str) -> None:
    assert label_of(line) == label


def test_of_a_long_post_the_top_and_the_end_are_looked_at() -> None:
    lines = [words(number) for number in range(400)]
    keys = keys_of([Block("text", "\n".join(lines))])

    assert {line_key(lines[0]), line_key(lines[399])} <= keys
    assert line_key(lines[200]) not in keys


def test_code_tables_and_quotes_are_not_looked_at() -> None:
    kinds: tuple[BlockKind, ...] = ("code", "table", "quote")

    assert keys_of([Block(kind, "Version: 1") for kind in kinds]) == frozenset()


# -- learning --------------------------------------------------------------


def test_a_line_that_most_posts_share_is_learned() -> None:
    posts = [
        post(n, f"{words(n)}\nThis topic closes 90 days after its last reply.")
        for n in range(40)
    ]

    assert learned(posts) == {"this topic closes 90 days after its last reply"}


def test_a_form_is_learned_though_few_use_it() -> None:
    """A tenth of the posts use it; a greeting is as frequent, and stays."""
    posts = [post(n, form(n)) for n in range(0, 400, 10)]
    posts += [post(n, f"Hello all\n{words(n)}") for n in range(400) if n % 10 == 1]
    posts += [post(n, words(n)) for n in range(400) if n % 10 > 1]

    assert learned(posts) == LABELS


def test_a_line_that_only_goes_with_a_form_now_and_then_is_no_part_of_it() -> None:
    posts = [
        post(n, form(n) + (f"\nTraceback: {words(n)}" if n % 3 else ""))
        for n in range(60)
    ]
    others = [post(n, words(n)) for n in range(300, 600)]
    errors = [post(n, f"Traceback: {words(n)}") for n in range(60, 120)]

    assert learned([*posts, *others, *errors]) == LABELS


def test_an_answer_that_many_give_is_no_template_but_a_fixed_line_is() -> None:
    posts = [
        post(n, f"Note: Be kind.\nSystem: Windows {10 + n % 2}\n{words(n)}")
        for n in range(60)
    ]

    assert learned(posts) == {"note", "note: be kind", "system"}


@pytest.mark.parametrize(
    ("documents", "authors"), [(MIN_DOCUMENTS - 1, 7), (40, MIN_AUTHORS - 1)]
)
def test_what_few_share_is_not_learned(documents: int, authors: int) -> None:
    posts = [
        post(n, f"Yours, the team\n{words(n)}", author=f"u{n % authors}")
        for n in range(documents)
    ]

    assert learned(posts) == frozenset()


def test_many_posts_of_one_thread_count_as_one_document() -> None:
    posts = [post(1, f"Game on\n{words(n)}", author=f"u{n}") for n in range(90)]

    assert learned(posts) == frozenset()


def test_what_is_known_stays_until_it_is_far_below() -> None:
    def posts(share: int) -> list[PostLines]:
        text = "Please search first"
        return [
            post(n, f"{text}\n{words(n)}" if n < share else words(n))
            for n in range(100)
        ]

    key = "please search first"
    assert learned(posts(29)) == frozenset()
    assert learned(posts(31)) == {key}
    assert learned(posts(29), [key]) == {key}
    assert learned(posts(20), [key]) == frozenset()


def test_what_nobody_writes_any_more_is_forgotten() -> None:
    assert learned([post(n, words(n)) for n in range(50)], ["gone"]) == frozenset()
    assert learned([], ["gone"]) == frozenset()


def test_the_sketch_never_grows_and_keeps_what_is_frequent() -> None:
    often = Frequent(10)
    for number in range(5_000):
        often.add({f"once {number}", f"twice {number // 2}", "always"})
        assert len(often.counts) <= 10

    assert often.found()[0] == "always"


@given(st.lists(st.sampled_from("abcdefgh"), max_size=80), st.integers(1, 6))
def test_more_than_one_in_the_capacity_is_found(things: list[str], size: int) -> None:
    often = Frequent(size)
    often.add(things)

    must = {each for each in things if things.count(each) * (size + 1) > len(things)}
    assert must <= set(often.found())


# -- leaving out -----------------------------------------------------------


def test_labels_go_and_answers_stay() -> None:
    blocks = clean_html(
        "<p>It crashes.</p><p>Operating system: Linux<br>Slicer version:<br>"
        "<strong>Expected behavior:</strong><br>It draws.</p>"
        "<h3>Actual behavior</h3><ul><li>Actual behavior:</li><li>none</li></ul>"
    )

    assert without_templates(blocks, LABELS) == (
        Block("text", "It crashes."),
        Block("text", "Linux\nIt draws."),
        Block("list", "- none", 1),
    )


def test_only_the_labels_of_a_line_go() -> None:
    text = "It crashes: always\n- Operating system: Linux\nSlicer version: 5: beta"
    twice = "Expected behavior: Actual behavior: none\nActual behavior: Slicer version"
    block = Block("text", f"{text}\n{twice}")

    assert without_templates([block], LABELS) == (
        Block("text", "It crashes: always\nLinux\n5: beta\nnone"),
    )


def test_code_tables_and_quotes_stay_as_they_are() -> None:
    kinds: tuple[BlockKind, ...] = ("code", "table", "quote")
    blocks = tuple(Block(kind, "version:") for kind in kinds)

    assert without_templates(blocks, {"version"}) == blocks


def test_a_post_that_is_nothing_but_template_stays() -> None:
    blocks = (Block("text", "Version:\nSteps:"), Block("text", "Steps:"))

    assert without_templates(blocks, {"version", "steps"}) == blocks


LINE = st.sampled_from(["Version:", "Version: 1", "Steps:", "mine", "- mine", "5"])
KIND: st.SearchStrategy[BlockKind] = st.sampled_from(
    ["text", "list", "heading", "code", "quote"]
)
BLOCKS = st.lists(
    st.builds(Block, KIND, st.lists(LINE, min_size=1, max_size=4).map("\n".join))
)


@given(BLOCKS, st.sets(st.sampled_from(["version", "steps", "mine"])))
def test_nothing_goes_but_templates_and_something_stays(
    blocks: list[Block], templates: set[str]
) -> None:
    left = without_templates(blocks, templates)

    assert bool(left) == bool(blocks)
    assert without_templates(left, templates) == left
    lines = join_blocks(blocks).split("\n")
    kept = join_blocks(left).split("\n")
    for line in set(lines) - {""}:
        if not {line_key(line), label_of(line)} & templates:
            assert kept.count(line) == lines.count(line)
