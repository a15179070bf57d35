"""Chapters are what YouTube would make of a description, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.chapters import Chapter, parse_chapters

ABC = [(0, "A"), (65, "B"), (3725, "C")]


def chapters(description: str, duration_s: int | None = None) -> list[tuple[int, str]]:
    found, _ = parse_chapters(description, duration_s=duration_s)
    return [(each.start_s, each.title) for each in found]


@pytest.mark.parametrize(
    "description",
    [
        "0:00 A\n1:05 B\n1:02:05 C",
        "00:00 A\n01:05 B\n01:02:05 C",
        "00:00:00 A\n00:01:05 B\n01:02:05 C",
        "A 0:00\nB 1:05\nC 1:02:05",
        "A (0:00)\nB (1:05)\nC (1:02:05)",
        "A - 0:00\nB – 1:05\nC: 1:02:05",
        "(0:00) A\n[1:05] B\n【1:02:05】 C",
        "- 0:00 A\n• 1:05 B\n* 1:02:05 C",
        "0:00 - A\n1:05 – B\n1:02:05 | C",
        "▶ 0:00 → A\n👉 1:05 → B\n✅ 1:02:05 → C",
        "1. 0:00 A\n2) 1:05 B\n3. 1:02:05 C",
        "0:00 - 1:05 A\n1:05-1:02:05 B\n1:02:05 – 1:10:00 C",
        "  0:00\tA \n\n\n1:05   B\n1:02:05\u00a0C",
        "0:00 A\r\n1:05 B\r\n1:02:05 C\r\n",
        "62:05 is no start\n0:00 A\n1:05 B\n62:05 C",
        "0:00 A\nwith a guest\n1:05 B\n1:02:05 C",
        "0:00 A\n1:05 B\n1:02:05 C\nWe meet again at 10:30",
        "0:00 A\n1:05 B\n1:02:05 C\n\n0:00 Un\n1:05 Deux\n1:02:05 Trois",
    ],
)
def test_a_list_of_times_is_read_however_it_is_set(description: str) -> None:
    assert chapters(description) == ABC


@pytest.mark.parametrize(
    "description",
    [
        "",
        "No time at all.",
        "0:00 A\n1:05 B",
        "0:01 A\n1:05 B\n2:05 C",
        "0:00 A\n0:09 B\n2:05 C",
        "0:00 A\n2:05 B\n1:05 C",
        "0:00 A\n1:05 B\n1:05 C",
        "0:00\n1:05\n2:05",
        "0:00 ---\n1:05 ***\n2:05 ...",
        "We start at 0:00, look at maps at 1:05, and end at 2:05.",
        "At 0:00 we start\nAt 1:05 we go on\nAt 2:05 we end",
        "0:00 A\n1:65 B\n2:05 C",
        "0:00 A\n1:5 B\n2:05 C",
        "2024:00:00 A\n0:00:00:00 B\n1:05 C",
        "0:00 A\nThe call is at 10:30\nThe next one is at 11:30",
        "0:00 " + "A" * 300 + "\n1:05 B\n2:05 C",
    ],
)
def test_times_that_are_no_list_are_left_where_they_are(description: str) -> None:
    assert parse_chapters(description) == ((), description)


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("हिन्दी की", "हिन्दी की"),
        ("မြန်မာ", "မြန်မာ"),
        ("العربية", "العربية"),
        ("地図の作り方", "地図の作り方"),
        ("Q&A (part 1)", "Q&A (part 1)"),
        ("C++  and\tC#", "C++ and C#"),
        ("Version 2.41", "Version 2.41"),
        ('"Quoted"', '"Quoted"'),
    ],
)
def test_titles_are_kept_in_every_script(title: str, shown: str) -> None:
    first = f"0:00 A\n1:05 {title}\n2:05 C"
    last = f"A 0:00\n{title} 1:05\nC 2:05"

    assert chapters(first)[1] == chapters(last)[1] == (65, shown)


def test_the_rest_of_the_description_stays_without_the_list() -> None:
    found, rest = parse_chapters(
        "About maps.\n\n0:00 A\n1:05 B\n2:05 C\n\nMore at https://example.org."
    )

    assert found == (Chapter(0, "A"), Chapter(65, "B"), Chapter(125, "C"))
    assert rest == "About maps.\n\n\nMore at https://example.org."


def test_a_list_that_goes_beyond_the_video_is_about_something_else() -> None:
    listed = "0:00 A\n1:05 B\n2:05 C"

    assert [len(chapters(listed, s)) for s in (None, 126, 125)] == [3, 3, 0]


@given(
    st.lists(
        st.tuples(st.integers(10, 4000), st.from_regex(r"\A[A-Za-z]{1,20}\Z")),
        min_size=2,
        max_size=12,
    ),
    st.sampled_from(["{time} {title}", "{title} {time}", "• [{time}] – {title}"]),
)
def test_any_list_that_fits_the_rule_is_read_as_it_was_written(
    steps: list[tuple[int, str]], form: str
) -> None:
    start, expected = 0, [(0, "Intro")]
    for step, title in steps:
        start += step
        expected.append((start, title))
    lines = [form.format(time=_shown(s), title=title) for s, title in expected]

    assert chapters("\n".join(lines)) == expected


@given(st.text(alphabet=st.sampled_from("0123459:.()[]- \n\tAé•→की"), max_size=200))
def test_no_text_is_too_odd(text: str) -> None:
    found, rest = parse_chapters(text)

    starts = [each.start_s for each in found]
    assert starts == sorted(set(starts))
    assert all(each.title.strip() for each in found)
    assert found or rest == text


def test_a_line_of_marks_takes_no_time_to_look_at() -> None:
    assert parse_chapters("\n".join(["-_•1. " * 40 + ":"] * 2000))[0] == ()


def _shown(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours}:{minutes:02}:{left:02}"
    return f"{minutes}:{left:02}"
