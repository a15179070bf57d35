"""Exported courses: every unit that learners see, and nothing of any other place."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.olx import MAX_FILE_BYTES, Export, parse_xml, read_export
from kb.errors import RecordError
from tests.indexer.olx_world import FILES, write_export

LAYERS = (
    '<p>Add a layer, see <a href="https://e.org/x">x</a>.</p>\n'
    "<p>A &amp; B</p><p>Hello map.</p>"
)
LEGENDS = "<p>Quiz</p><p>Which legend? Red Blue</p>\n<p>Set a <b>legend</b>.</p>"


def units(export: Export) -> list[tuple[str, str]]:
    return [(unit.block_id, unit.html) for unit in export.units]


def test_a_course_is_read_with_its_units_in_order(tmp_path: Path) -> None:
    export = read_export(write_export(tmp_path))

    assert export.key == "course-v1:Org+C1+2026"
    assert units(export) == [("v1", LAYERS), ("v2", LEGENDS)]
    assert [unit.headings for unit in export.units] == [
        ("Maps", "Thematic maps", "Layers"),
        ("Maps", "Thematic maps", "Legends"),
    ]
    assert export.set_aside == ()
    assert export.facts == {
        "name": "Exported",
        "language": "fr",
        "start": "2026-02-03T08:00:00Z",
        "end": "2026-12-01T00:00:00Z",
        "pacing": "self",
        "overview": "<p>An overview.</p>",
        "short_description": "Short &lt;",
        "effort": "3 hours",
    }


def test_a_policy_says_what_the_course_does_not(tmp_path: Path) -> None:
    policy = {"course/2026": {"display_name": "Other", "invitation_only": True}}
    files = {"policies/2026/policy.json": json.dumps(policy)}
    export = read_export(write_export(tmp_path, files))

    assert (export.facts["name"], export.facts["invitation_only"]) == ("Other", "true")


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ("chapter/ch1", {"visible_to_staff_only": True}),
        ("sequential/s1", {"hide_from_toc": "true"}),
        ("vertical/v1", {"visible_to_staff_only": "1"}),
    ],
)
def test_a_policy_keeps_blocks_from_learners(
    tmp_path: Path, block: str, says: dict[str, object]
) -> None:
    policy = {"course/2026": {}, block: says, "chapter/other": {"hide_from_toc": False}}
    files = {"policies/2026/policy.json": json.dumps(policy)}

    export = read_export(write_export(tmp_path / "x", files))

    assert [unit.block_id for unit in export.units] == (
        ["v2"] if block == "vertical/v1" else []
    )
    assert export.set_aside == ()


@pytest.mark.parametrize("policy", ["{", "[]", "{}", '{"course/2026": 7}'])
def test_a_broken_policy_is_set_aside(tmp_path: Path, policy: str) -> None:
    folder = write_export(tmp_path / "x", {"policies/2026/policy.json": policy})
    export = read_export(folder)

    assert [name for name, _ in export.set_aside] == ["x/policies/2026/policy.json"]
    assert export.facts["name"] == "Exported"


def test_all_may_be_written_in_one_file(tmp_path: Path) -> None:
    course = (
        '<course url_name="R" org="O" course="C" display_name="One"><chapter'
        ' url_name="c" display_name="Ch"><sequential url_name="s" display_name="Se">'
        '<vertical url_name="v" display_name="Un"><html url_name="h">Text &amp; more'
        "</html></vertical></sequential></chapter></course>"
    )
    (tmp_path / "course.xml").write_text(course)
    export = read_export(tmp_path)

    assert export.key == "course-v1:O+C+R"
    assert units(export) == [("v", "Text & more")]


@pytest.mark.parametrize(
    "mark",
    [
        'visible_to_staff_only="true"',
        'visible_to_staff_only="&quot;true&quot;"',
        'visible_to_staff_only="1"',
        'group_access="{&quot;50&quot;: [1]}"',
    ],
)
@pytest.mark.parametrize(
    ("file", "left"),
    [
        ("chapter/ch1.xml", []),
        ("sequential/s1.xml", []),
        ("vertical/v1.xml", [("v2", LEGENDS)]),
        ("video/w1.xml", [("v1", LAYERS.partition("\n")[0]), ("v2", LEGENDS)]),
    ],
)
def test_what_is_for_some_only_is_left_out(
    tmp_path: Path, mark: str, file: str, left: list[tuple[str, str]]
) -> None:
    marked = re.sub(r"^<\w+", lambda found: f"{found[0]} {mark}", FILES[file])
    assert units(read_export(write_export(tmp_path, {file: marked}))) == left


def test_a_unit_starts_when_all_that_it_stands_in_has(tmp_path: Path) -> None:
    changes = {
        "chapter/ch1.xml": FILES["chapter/ch1.xml"].replace(
            "<chapter", '<chapter start="2027-01-01T00:00:00Z"'
        ),
        "vertical/v2.xml": FILES["vertical/v2.xml"].replace(
            "<vertical", '<vertical start="2026-01-01T00:00:00Z"'
        ),
    }
    export = read_export(write_export(tmp_path, changes))

    assert {unit.starts_at for unit in export.units} == {
        datetime(2027, 1, 1, tzinfo=UTC)
    }


@pytest.mark.parametrize(
    "video",
    [
        '<video display_name="A &amp; B" sub="w2"/>',
        '<video display_name="A &amp; B" youtube_id_1_0="w2"/>',
        '<video display_name="A &amp; B" youtube="0.75:zz,1.00:w2"/>',
        '<video display_name="A &amp; B" transcripts="{&quot;en&quot;:'
        ' &quot;subs_w2.srt.sjson&quot;}"/>',
        '<video display_name="A &amp; B" transcripts="{" sub="w2"/>',
    ],
)
def test_transcripts_are_found_however_they_are_named(
    tmp_path: Path, video: str
) -> None:
    said = {"start": [0], "end": [1000], "text": ["Hello", "map."]}
    changes = {"video/w1.xml": video, "static/subs_w2.srt.sjson": json.dumps(said)}
    export = read_export(write_export(tmp_path, changes))

    assert export.units[0].html == LAYERS
    assert export.set_aside == ()


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("chapter/ch1.xml", None, "file: cannot be read"),
        ("vertical/v1.xml", "<vertical>", "xml: is not well-formed"),
        ("vertical/v1.xml", "", "xml: is not well-formed"),
        ("html/h1.xml", b"\xff\xfe", "xml: is not well-formed"),
        ("html/h1.html", None, "file: cannot be read"),
        ("html/h1.html", b"\xff", "text: not UTF-8 at byte 0"),
        ("static/w1.srt", "?", "cues: "),
        ("problem/p1.xml", "x" * (MAX_FILE_BYTES + 1), "file: 5242881 bytes"),
    ],
)
def test_broken_files_are_set_aside_by_name_and_the_rest_is_read(
    tmp_path: Path, file: str, content: str | bytes | None, reason: str
) -> None:
    folder = write_export(tmp_path / "x", {file: content})
    export = read_export(folder)

    assert [name for name, _ in export.set_aside] == [f"x/{file}"]
    assert export.set_aside[0][1].startswith(reason)
    kept = "".join(html for _, html in units(export))
    assert kept != LAYERS + LEGENDS
    assert ("Hello map" in kept or "legend" in kept) is (file != "chapter/ch1.xml")


@pytest.mark.parametrize(
    ("course", "field"),
    [
        (None, "file"),
        ("<course", "xml"),
        ('<course url_name="R" org="O"/>', "course"),
        ('<course url_name="R" org="O/.." course="C"/>', "org"),
        ('<course url_name=".." org="O" course="C"/>', "url_name"),
        ('<course url_name="none" org="O" course="C"/>', "file"),
    ],
)
def test_a_course_without_a_key_cannot_be_read(
    tmp_path: Path, course: str | None, field: str
) -> None:
    write_export(tmp_path, {"course.xml": course})
    with pytest.raises(RecordError) as raised:
        read_export(tmp_path)

    assert raised.value.field == field


def test_nothing_is_read_that_lies_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "secret.html").write_text("secret")
    (tmp_path / "secret.srt").write_text(
        FILES["static/w1.srt"].replace("map", "secret")
    )
    (tmp_path / "secret.xml").write_text('<html url_name="x">secret</html>')
    changes = {
        "html/h1.xml": '<html filename="../../secret"/>',
        "video/w1.xml": '<video><transcript src="../../secret.srt"/></video>',
        "vertical/v2.xml": '<vertical><html url_name="../../secret"/></vertical>',
    }
    folder = write_export(tmp_path / "x", changes)
    (folder / "html" / "h3.html").symlink_to(tmp_path / "secret.html")
    (folder / "html" / "h3.xml").write_text('<html filename="h3"/>')
    v1 = FILES["vertical/v1.xml"].replace("<html", '<html url_name="h3"/><html', 1)
    (folder / "vertical" / "v1.xml").write_text(v1)
    export = read_export(folder)

    assert "secret" not in repr(export.units)
    assert [reason for _, reason in export.set_aside] == [
        "path: leads out of the folder"
    ] * 4


def test_entities_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    html = (
        f'<!DOCTYPE html [<!ENTITY file SYSTEM "file://{tmp_path}/secret">]>'
        "<html><p>before &file; after</p></html>"
    )
    export = read_export(write_export(tmp_path / "x", {"html/h1.xml": html}))

    assert export.units[0].html.startswith("<p>before &file; after</p>")


def test_entities_that_grow_are_set_aside(tmp_path: Path) -> None:
    grown = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))
    html = f'<!DOCTYPE html [<!ENTITY a0 "ha">{grown}]><html><p>&a8;</p></html>'
    export = read_export(write_export(tmp_path / "x", {"html/h1.xml": html}))

    assert [name for name, _ in export.set_aside] == ["x/html/h1.xml"]
    assert "ha" not in export.units[0].html


def test_a_unit_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    twice = FILES["sequential/s1.xml"].replace(
        '<vertical url_name="v2"/>', '<vertical url_name="v1"/>' * 1000
    )
    export = read_export(write_export(tmp_path, {"sequential/s1.xml": twice}))

    assert [block_id for block_id, _ in units(export)] == ["v1"]


def test_a_file_that_is_named_often_is_read_once(tmp_path: Path) -> None:
    often = (
        '<vertical display_name="Layers">'
        + '<html filename="h1"/><video sub="w2"/>' * 1000
        + "</vertical>"
    )
    changes = {"vertical/v1.xml": often, "static/w2.srt": FILES["static/w1.srt"]}
    [first, _] = read_export(write_export(tmp_path, changes)).units

    assert (first.html.count("Add a layer"), first.html.count("Hello map.")) == (1, 1)


@pytest.mark.parametrize("tag", ["answer", "optionhint", "stringequalhint"])
def test_no_exercise_tells_its_answer(tmp_path: Path, tag: str) -> None:
    problem = FILES["problem/p1.xml"].replace("choicehint", tag)
    export = read_export(write_export(tmp_path, {"problem/p1.xml": problem}))

    assert units(export) == [("v1", LAYERS), ("v2", LEGENDS)]


XML = st.recursive(
    st.sampled_from(
        ["", "text", "&amp;", "&x;", '<html url_name="h1"/>', "<!-- c -->", "<?p?>"]
    ),
    lambda inner: st.builds(
        lambda tag, mark, children: f"<{tag} {mark}>{''.join(children)}</{tag}>",
        st.sampled_from(["chapter", "sequential", "vertical", "html", "problem"]),
        st.sampled_from(
            ["", 'url_name="v1"', 'url_name="a/b"', 'start="x"', 'filename="h1"']
        ),
        st.lists(inner, max_size=3),
    ),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from(sorted(FILES)), st.binary(max_size=200) | XML.map(str.encode))
def test_no_file_is_too_odd(tmp_path: Path, file: str, content: bytes) -> None:
    write_export(tmp_path, {file: content})
    try:
        export = read_export(tmp_path)
    except RecordError:
        assert file in ("course.xml", "course/2026.xml")
        return
    assert all(unit.block_id for unit in export.units)


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_xml_is_too_odd(data: bytes) -> None:
    with suppress(RecordError):
        assert parse_xml(data, "a.xml") is not None
