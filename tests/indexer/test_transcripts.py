"""What is said in a video is said once, and cut where people would cut it."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.chapters import Chapter
from indexer.transcript_files import MAX_FILE_BYTES, TranscriptFiles
from indexer.transcripts import Cue, Piece, pieces, read_cues
from indexer.video_parts import video_parts
from kb.errors import RecordError, SourceError

VTT = b"""WEBVTT
Kind: captions

NOTE not said

1
00:00:01.500 --> 00:00:03.000 align:start
Hello <i>there</i>.

01:02:03.000 --> 01:02:05.000
<v Anna>Two
lines.
"""
SRT = b"""\xef\xbb\xbf1\r
00:00:01,500 --> 00:00:03,000\r
Hello <i>there</i>.\r
\r
2\r
01:02:03,000 --> 01:02:05,000\r
Two\r
lines.\r
"""
# As YouTube writes what its machine hears: a line comes up, then moves up.
ROLLING = b"""WEBVTT

00:00:00.080 --> 00:00:02.389 align:start position:0%
\x20
welcome<00:00:00.480><c> to</c><00:00:00.640><c> maps</c>

00:00:02.389 --> 00:00:02.399 align:start position:0%
welcome to maps

00:00:02.399 --> 00:00:04.309 align:start position:0%
welcome to maps
we<00:00:02.560><c> add</c><00:00:02.800><c> a layer</c>

00:00:04.309 --> 00:00:04.319 align:start position:0%
we add a layer

00:00:04.319 --> 00:00:06.000 align:start position:0%
we add a layer
and<00:00:04.500><c> save</c>
"""


@pytest.mark.parametrize(("data", "suffix"), [(VTT, ".vtt"), (SRT, ".srt")])
def test_cues_are_read_with_their_times(data: bytes, suffix: str) -> None:
    assert read_cues(data, suffix, "a") == (
        Cue(1.5, "Hello there."),
        Cue(3723.0, "Two lines."),
    )


def test_signs_of_a_caption_are_read_as_they_are_shown() -> None:
    data = (
        b"WEBVTT\n\n00:01.000 --> 00:02.000\n&gt;&gt; Maps&nbsp;&amp; <b>layers</b>\n"
    )
    assert read_cues(data, ".vtt", "x.vtt") == (Cue(1.0, ">> Maps & layers"),)


def test_a_caption_of_many_lines_does_not_take_hours() -> None:
    data = b"WEBVTT\n\n00:01.000 --> 00:02.000\n" + b"x\n" * 100_000
    started = process_time()
    [cue] = read_cues(data, ".vtt", "x.vtt")
    assert cue.text.count("x") == 100_000
    assert process_time() - started < 5


def test_captions_that_roll_are_said_once() -> None:
    assert read_cues(ROLLING, ".vtt", "a") == (
        Cue(0.08, "welcome to maps"),
        Cue(2.399, "we add a layer"),
        Cue(4.319, "and save"),
    )


@pytest.mark.parametrize(
    ("data", "suffix", "problem"),
    [
        (b"", ".vtt", "cues: cannot be read"),
        (b"<html>404</html>", ".vtt", "cues: cannot be read"),
        (b"WEBVTT\n", ".vtt", "cues: expected at least one, got none"),
        (b"\xff\xfe\x00", ".srt", "text: not UTF-8 at byte 0"),
    ],
)
def test_what_is_no_transcript_is_told_by_name(
    data: bytes, suffix: str, problem: str
) -> None:
    with pytest.raises(RecordError, match=f"^vid.vtt: {problem}"):
        read_cues(data, suffix, "vid.vtt")


@given(st.text() | st.text(alphabet="WEBVT0:1.,-> \n<c/>"), st.sampled_from("vs"))
def test_no_transcript_is_too_odd(text: str, kind: str) -> None:
    data = ("WEBVTT\n\n" + text).encode("utf-8", "surrogatepass")
    try:
        cues = read_cues(data, ".vtt" if kind == "v" else ".srt", "a")
    except RecordError:
        return
    assert cues
    assert all(each.text for each in cues)


def test_pieces_end_with_a_sentence_and_last_a_minute_or_so() -> None:
    ends = {50, 70, 130}
    cues = [Cue(t, f"w{t}." if t in ends else f"w{t}") for t in range(0, 300, 10)]

    found = pieces(cues, ())

    # After a minute a sentence has ended, and after 80 seconds more another; then
    # none does, and 90 seconds are enough.
    assert [piece.start_s for piece in found] == [0, 60, 140, 230]
    assert found[0].text == "w0 w10 w20 w30 w40 w50."
    assert " ".join(piece.text for piece in found).split() == [c.text for c in cues]


def test_pieces_are_cut_where_chapters_begin() -> None:
    chapters = (Chapter(0, "Intro"), Chapter(20, "Layers"), Chapter(40, "Legends"))
    cues = [Cue(5.5, "a"), Cue(19.9, "b"), Cue(20.0, "c"), Cue(61.2, "d")]

    assert pieces(cues, chapters) == (
        Piece(5, "Intro", "a b"),
        Piece(20, "Layers", "c"),
        Piece(61, "Legends", "d"),
    )


@given(
    st.lists(st.floats(0, 5000, allow_nan=False), min_size=1, max_size=60),
    st.lists(st.integers(10, 900), max_size=6),
)
def test_every_word_is_in_one_part_and_parts_have_numbers_of_their_own(
    starts: list[float], lengths: list[int]
) -> None:
    cues = [Cue(start, f"word{i}") for i, start in enumerate(sorted(starts))]
    lines, at = ["0:00 First"], 0
    for number, length in enumerate(lengths):
        at += length
        lines.append(f"{at // 60}:{at % 60:02} Chapter {number}")

    parts = video_parts("\n".join(lines), cues=cues)

    numbers = [part.number for part in parts]
    assert numbers == sorted(set(numbers))
    words = " ".join(part.body for part in parts if part.number > 1).split()
    assert [word for word in words if word.startswith("word")] == [c.text for c in cues]
    assert all(part.anchor == f"&t={part.number - 3}" for part in parts[1:])


def test_a_chapter_in_which_nobody_speaks_is_there_by_its_name() -> None:
    description = "0:00 Intro\n1:00 Music\n2:00 End"
    parts = video_parts(description, cues=[Cue(3.2, "Hi."), Cue(121.0, "Bye.")])

    assert [(part.anchor, part.heading, part.body) for part in parts] == [
        ("", "", ""),
        ("&t=3", "Intro", "Hi."),
        ("&t=60", "Music", "Music"),
        ("&t=121", "End", "Bye."),
    ]


def test_words_without_times_are_one_part(tmp_path: Path) -> None:
    parts = video_parts("About.\n0:00 A\n1:00 B\n2:00 C", text="All that is said.")

    assert [(p.number, p.anchor, p.body) for p in parts] == [
        (1, "", "About."),
        (2, "", "All that is said."),
        (3, "&t=0", "A"),
        (63, "&t=60", "B"),
        (123, "&t=120", "C"),
    ]


def test_the_best_file_is_in_the_videos_own_language(tmp_path: Path) -> None:
    for name in ("a.fr.srt", "a.vtt", "a.pt-BR.vtt", "a.txt", "b.es.txt", "b.de.srt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "c.vtt.bak").write_text("x")
    files = TranscriptFiles("films", tmp_path)

    def best(video: str, language: str | None) -> tuple[str, str | None] | None:
        found = files.best(video, language)
        return (found.path.name, found.language) if found else None

    assert best("a", "fr") == ("a.fr.srt", "fr")
    assert best("a", "pt") == ("a.pt-BR.vtt", "pt")
    assert best("a", "en") == best("a", None) == ("a.vtt", None)
    assert best("b", "en") == ("b.de.srt", "de")
    assert best("c", None) is None


def test_files_that_are_large_or_lie_elsewhere_are_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "big.txt").write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    (folder / "dir.txt").mkdir()
    files = TranscriptFiles("films", folder)

    def problem(video: str) -> str:
        found = files.best(video, None)
        assert found is not None
        with pytest.raises(RecordError) as raised:
            files.read(found)
        return str(raised.value)

    assert problem("out") == "out.txt: path: leads out of the folder"
    assert problem("big").startswith("big.txt: file: 5242881 bytes, more than")
    assert problem("dir") == "dir.txt: file: not a regular file"
    with pytest.raises(SourceError, match=r"see sources\.films\.transcripts"):
        TranscriptFiles("films", tmp_path / "none")
