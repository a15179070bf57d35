"""Exported courses beside the catalogue, and without one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.sandbox import Community, Library, Sandbox
from kb.errors import SourceError
from kb.store import Store
from kb.types import Details
from tests.indexer.forum_world import Hands
from tests.indexer.learning_world import STARTS, Reading, course
from tests.indexer.olx_world import FILES, write_export
from tests.indexer.samples import content

ONE = "course-v1:Org+C1+2026"
TWO = "course-v1:Org+C2+2026"
UNITS = ["/jump_to_id/v1", "/jump_to_id/v2"]


@pytest.fixture
def box() -> Iterator[Sandbox]:
    library = Library(courses=[course(1, public=True), course(2)])
    with Sandbox(Community.empty(), library=library) as running:
        yield running


@pytest.fixture
def academy(box: Sandbox, store: Store, clock: Hands) -> Reading:
    return Reading(box, store, clock)


def anchors(academy: Reading, key: str) -> list[str]:
    found = [anchor for anchor, _, _ in academy.links("academy", key)]
    return list(dict.fromkeys(found))


def test_a_course_of_the_catalogue_gets_the_units_of_its_export(
    academy: Reading, box: Sandbox, tmp_path: Path
) -> None:
    write_export(tmp_path)
    asked = academy.asked(lambda: academy.courses(exports=(tmp_path,)))

    found = academy.document("academy", ONE)
    # What the catalogue says of it comes first, and its outline is not asked for.
    assert (found.title, found.language) == ("Course 1", None)
    assert found.details == Details(effort="2 hours", pacing="self", starts_at=STARTS)
    assert anchors(academy, ONE) == ["/about", *UNITS]
    assert academy.links("academy", ONE)[-2:] == [
        (
            "/jump_to_id/v1",
            "Maps › Thematic maps › Layers",
            "Add a layer, see x.\n\nA & B\n\nHello map.",
        ),
        (
            "/jump_to_id/v2",
            "Maps › Thematic maps › Legends",
            "Quiz\n\nWhich legend? Red Blue\n\nSet a legend.",
        ),
    ]
    assert not [target for target, _ in asked if "blocks" in target and "C1" in target]
    assert set(academy.keys("academy")) == {ONE, TWO}


def test_a_course_that_is_only_exported_is_one_of_its_own(
    academy: Reading, box: Sandbox, tmp_path: Path
) -> None:
    write_export(tmp_path)
    asked = academy.asked(lambda: academy.courses(exports=(tmp_path,), catalogue=False))

    found = academy.document("academy", ONE)
    assert asked == []
    assert academy.keys("academy") == [ONE]
    assert (found.title, found.language, found.url, found.expires_at) == (
        "Exported",
        "fr",
        f"{box.academy_url}/courses/{ONE}",
        datetime(2026, 12, 1, tzinfo=UTC),
    )
    assert found.details == Details(
        effort="3 hours",
        pacing="self",
        starts_at=STARTS,
        ends_at=datetime(2026, 12, 1, tzinfo=UTC),
    )
    assert anchors(academy, ONE) == ["/about", *UNITS]


def test_a_folder_may_hold_several_courses(academy: Reading, tmp_path: Path) -> None:
    write_export(tmp_path / "a" / "course")
    other = FILES["course.xml"].replace("C1", "C2")
    write_export(tmp_path / "b", {"course.xml": other})
    write_export(tmp_path / "c")
    folders = (tmp_path / "a", tmp_path)
    academy.courses(exports=folders, catalogue=False)

    assert academy.keys("academy") == [ONE, TWO]
    assert academy.aside("academy") == {
        "c/course.xml": f"{ONE} was exported twice; the first one is read"
    }


def test_an_export_that_did_not_change_is_not_read_again(
    academy: Reading, store: Store, tmp_path: Path
) -> None:
    write_export(tmp_path)
    academy.courses(exports=(tmp_path,), catalogue=False)
    before, generation = content(store, "academy"), store.generation
    report = academy.courses(exports=(tmp_path,), catalogue=False)

    assert (report.unchanged, report.updated) == (1, 0)
    assert (content(store, "academy"), store.generation) == (before, generation)


def test_an_export_is_followed_when_it_changes(
    academy: Reading, tmp_path: Path
) -> None:
    write_export(tmp_path)
    academy.courses(exports=(tmp_path,), catalogue=False)
    before = {p.anchor: p.id for p in academy.passages("academy", ONE)}
    write_export(tmp_path, {"html/h1.html": "<p>Other words.</p>"})
    report = academy.courses(exports=(tmp_path,), catalogue=False)
    after = {p.anchor: p.id for p in academy.passages("academy", ONE)}

    assert report.updated == 1
    changed = [anchor for anchor in after if after[anchor] != before[anchor]]
    assert changed == ["/jump_to_id/v1"]


def test_a_course_that_is_exported_no_more_leaves(
    academy: Reading, tmp_path: Path
) -> None:
    write_export(tmp_path / "a")
    other = FILES["course.xml"].replace("C1", "C2")
    write_export(tmp_path / "b", {"course.xml": other})
    academy.courses(exports=(tmp_path,), catalogue=False)
    shutil.rmtree(tmp_path / "b")
    report = academy.courses(exports=(tmp_path,), catalogue=False)

    assert report.deleted == 1
    assert academy.keys("academy") == [ONE]


def test_a_course_whose_export_broke_stays(academy: Reading, tmp_path: Path) -> None:
    write_export(tmp_path / "a")
    other = FILES["course.xml"].replace("C1", "C2")
    write_export(tmp_path / "b", {"course.xml": other})
    academy.courses(exports=(tmp_path,), catalogue=False)
    write_export(tmp_path / "b", {"course.xml": "<course"})
    report = academy.courses(exports=(tmp_path,), catalogue=False)

    assert (report.deleted, report.unchanged) == (0, 1)
    assert academy.keys("academy") == [ONE, TWO]
    assert set(academy.aside("academy")) == {"b/course.xml", TWO}


def test_broken_files_of_an_export_are_set_aside_by_name(
    academy: Reading, tmp_path: Path
) -> None:
    write_export(tmp_path / "x", {"html/h1.html": None})
    for _ in range(2):
        academy.courses(exports=(tmp_path / "x",), catalogue=False)
        assert list(academy.aside("academy")) == ["x/html/h1.html"]
    write_export(tmp_path / "x")
    academy.courses(exports=(tmp_path / "x",), catalogue=False)

    assert academy.aside("academy") == {}


def test_a_unit_is_there_from_the_day_it_opens(
    academy: Reading, clock: Hands, tmp_path: Path
) -> None:
    opens = clock.now + timedelta(days=1)
    v2 = FILES["vertical/v2.xml"].replace(
        "<vertical", f'<vertical start="{opens.isoformat()}"'
    )
    write_export(tmp_path, {"vertical/v2.xml": v2})
    academy.courses(exports=(tmp_path,), catalogue=False)
    before = anchors(academy, ONE)
    clock.now = opens
    academy.courses(exports=(tmp_path,), catalogue=False)

    assert before == ["/about", UNITS[0]]
    assert anchors(academy, ONE) == ["/about", *UNITS]


@pytest.mark.parametrize("name", ["catalog_visibility", "invitation_only"])
def test_an_export_of_a_course_that_is_not_for_everybody_is_not_held(
    academy: Reading, tmp_path: Path, name: str
) -> None:
    value = "none" if name == "catalog_visibility" else "true"
    root = FILES["course/2026.xml"].replace("<course", f'<course {name}="{value}"')
    write_export(tmp_path, {"course/2026.xml": root})
    report = academy.courses(exports=(tmp_path,), catalogue=False)

    assert academy.keys("academy") == []
    assert sum(report.skipped.values()) == 1


def test_a_course_that_its_catalogue_hides_is_not_held_for_its_export(
    academy: Reading, box: Sandbox, tmp_path: Path
) -> None:
    write_export(tmp_path)
    box.library.change_course(ONE, hidden=True)
    academy.courses(exports=(tmp_path,))

    assert academy.keys("academy") == [TWO]


def test_an_excluded_course_leaves_whatever_is_broken(
    academy: Reading, tmp_path: Path
) -> None:
    write_export(tmp_path)
    academy.courses(exports=(tmp_path,), catalogue=False)
    write_export(tmp_path, {"course.xml": "<course"})
    options = {"exports": (tmp_path,), "catalogue": False}
    academy.courses(exclude=frozenset({ONE}), **options)

    assert academy.keys("academy") == []


def test_a_folder_that_is_missing_is_told_by_its_field(
    academy: Reading, tmp_path: Path
) -> None:
    write_export(tmp_path / "a")
    academy.courses(exports=(tmp_path / "a",), catalogue=False)
    with pytest.raises(SourceError, match=r"see sources\.academy\.exports"):
        academy.courses(exports=(tmp_path / "none",), catalogue=False)

    assert academy.keys("academy") == [ONE]


def test_a_folder_without_a_course_is_set_aside(
    academy: Reading, tmp_path: Path
) -> None:
    academy.courses(exports=(tmp_path,), catalogue=False)

    aside = academy.aside("academy")
    assert list(aside) == [f"{tmp_path.name}/course.xml"]
    assert "No such file" in aside[f"{tmp_path.name}/course.xml"]
