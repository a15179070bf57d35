"""Where members are from: read politely, kept for a month, of helpers alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.care import Person
from bot.forum_care import LiveCare
from bot.report.profiles import (
    MAX_REGION_CHARS,
    LookedUp,
    look_up,
    region_of,
    regions,
)
from bot.sandbox import Community, Sandbox
from indexer.channel import Channel
from kb.store import Profile, Store
from tests.bot.conftest import BOT, FakeClock
from tests.bot.making import NOW

LookUp = Callable[..., LookedUp]


@pytest.fixture
def care(channel_to: Callable[[], Channel]) -> LiveCare:
    return LiveCare(channel_to(), BOT)


@pytest.fixture
def members(community: Community, box: Sandbox) -> Mapping[str, str]:
    """Who is suggested, most often first."""
    box.settings = replace(box.settings, user_fields=("Team", "HISP group"))
    return {
        f"forum:{community.user(name).id}": name for name in ("amina", "ben", "root")
    }


@pytest.fixture
def look(
    care: LiveCare, store: Store, clock: FakeClock, members: Mapping[str, str]
) -> LookUp:
    def run(
        whom: Mapping[str, str] = members, field: str | None = "HISP group", **more: Any
    ) -> LookedUp:
        return look_up(care, store, "forum", whom, field=field, clock=clock, **more)

    return run


def known(store: Store) -> dict[str, str]:
    return {each.name: each.region for each in store.profiles.of("forum").values()}


def asked_of(box: Sandbox) -> list[str]:
    return [each.removeprefix("GET /u/") for each in box.requests if "/u/" in each]


def test_a_field_tells_it_or_the_location_or_else_the_group(
    look: LookUp, community: Community, store: Store, members: Mapping[str, str]
) -> None:
    amina, ben, root = (community.user(name) for name in members.values())
    amina.fields[2], amina.location = "HISP Tanzania", "Dodoma"
    ben.location, ben.primary_group = "Kampala", "hisp-uganda"
    root.fields[2], root.location, root.primary_group = " ", "", "hisp-india"

    assert look() == LookedUp(read=3)

    first, second, third = members
    assert regions(store, "forum") == {
        first: "HISP Tanzania",
        second: "Kampala",
        third: "hisp-india",
    }
    assert regions(store, "history") == {}


@pytest.mark.parametrize(
    ("field", "region"), [("2", "HISP"), ("hisp GROUP", "HISP"), (None, "Dodoma")]
)
def test_the_field_is_named_or_numbered(
    field: str | None, region: str, look: LookUp, community: Community, store: Store
) -> None:
    amina = community.user("amina")
    amina.fields[2], amina.location = "HISP", "Dodoma"

    look({f"forum:{amina.id}": "amina"}, field=field)

    assert known(store) == {"amina": region}


def test_a_field_that_the_forum_does_not_have_is_told_of(
    look: LookUp,
    community: Community,
    store: Store,
    caplog: pytest.LogCaptureFixture,
) -> None:
    community.user("amina").location = "Dodoma"

    assert look(field="Region").read == 3

    [warning] = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert warning.getMessage().startswith("report.region_field: ")
    assert known(store)["amina"] == "Dodoma"


def test_a_profile_is_read_again_after_a_month(
    look: LookUp, community: Community, store: Store, box: Sandbox, clock: FakeClock
) -> None:
    look()
    community.user("amina").location = "Dodoma"
    clock.forward(days=30)
    before = len(box.requests)

    assert look() == LookedUp()
    assert len(box.requests) == before, "nothing is due, and nothing is asked"
    clock.forward(seconds=1)
    assert look() == LookedUp(read=3)
    assert known(store)["amina"] == "Dodoma"


def test_so_many_are_read_at_once_and_the_others_next_time(
    look: LookUp, box: Sandbox
) -> None:
    assert look(limit=2) == LookedUp(read=2, left=1)
    assert look(limit=2) == LookedUp(read=1)
    assert asked_of(box) == ["amina.json", "ben.json", "root.json"]


def test_a_profile_that_is_not_shown_is_not_asked_for_again(
    look: LookUp, box: Sandbox, community: Community, store: Store
) -> None:
    """Nobody of that name, to those who ask."""
    community.user("ben").location = "Kampala"
    member = {"forum:4711": "nobody_here", f"forum:{community.user('ben').id}": "ben"}

    assert look(member) == LookedUp(read=1, hidden=1)
    assert look(member) == LookedUp()
    assert known(store) == {"nobody_here": "", "ben": "Kampala"}


@pytest.mark.parametrize("generation", ["2022", "2026"])
@pytest.mark.parametrize("is_staff", [True, False])
def test_a_profile_that_its_member_hides_tells_nothing(
    generation: Any,
    is_staff: bool,
    look: LookUp,
    care: LiveCare,
    community: Community,
    store: Store,
    box: Sandbox,
) -> None:
    """With a key of staff the forum tells all of it; without, its group still."""
    box.settings = replace(box.settings, generation=generation)
    community.user(BOT).moderator = is_staff
    amina, ben = community.user("amina"), community.user("ben")
    amina.hides_profile = True
    for each in (amina, ben):
        each.fields[2], each.location = "HISP", "Dodoma"
        each.primary_group = "hisp-tanzania"

    assert look() == LookedUp(read=2, hidden=1)

    assert known(store) == {"amina": "", "ben": "HISP", "root": ""}
    hidden, seen = care.person("amina"), care.person("ben")
    assert (hidden.hidden, seen.hidden) == (True, False)
    assert (hidden.id, hidden.group) == (amina.id, "hisp-tanzania")
    assert hidden.location == ("Dodoma" if is_staff else "")


@pytest.mark.parametrize(
    ("options", "hidden"),
    [
        ({}, False),
        ({"hide_profile": False, "hide_profile_and_presence": True}, False),
        ({"hide_profile": True, "hide_profile_and_presence": False}, True),
        ({"hide_profile_and_presence": True}, True),
        ({"hide_presence": True}, False),
    ],
)
def test_only_the_wish_that_the_profile_be_hidden_hides_it(
    options: dict[str, bool], hidden: bool, care: LiveCare, box: Sandbox
) -> None:
    def with_options(answer: Any) -> Any:
        answer["user"]["user_option"] = options
        return answer

    box.faults.alter(with_options, "/u/amina.json", n=1)

    assert care.person("amina").hidden == hidden


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ({"status": 503}, LookedUp(read=1, failed=2)),
        ({"drop": True}, LookedUp(read=1, failed=2)),
        (
            {"status": 429, "headers": {"Retry-After": "3000"}},
            LookedUp(read=1, failed=2),
        ),
        # What is wrong with one says nothing of the next.
        ({"malformed": True}, LookedUp(read=2, failed=1)),
    ],
)
def test_whatever_the_forum_does_a_report_is_made(
    fault: dict[str, Any],
    found: LookedUp,
    look: LookUp,
    box: Sandbox,
    store: Store,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "bot.report.profiles")
    box.faults.fail_next(20, "/u/ben.json", **fault)

    assert look() == found

    box.faults.clear()
    assert "amina" in known(store)
    assert "ben" not in known(store)
    # A forum that asks to wait is left in peace for so long.
    is_waiting = fault.get("status") == 429
    again = LookedUp(failed=2) if is_waiting else LookedUp(read=found.failed)
    assert look() == again
    told = [e.getMessage() for e in caplog.records if "report" in e.name]
    assert len(told) == 3 + is_waiting, "of each failure, and of both times"
    assert not [text for text in told if "ben" in text], "nobody is named"


def test_a_forum_that_is_down_costs_nothing_that_is_known(
    look: LookUp, community: Community, box: Sandbox, store: Store, clock: FakeClock
) -> None:
    community.user("amina").location = "Dodoma"
    look()
    clock.forward(days=40)
    box.faults.fail_next(20, "/u/amina.json", status=503)

    assert look() == LookedUp(failed=3)
    assert known(store)["amina"] == "Dodoma"


def test_a_name_that_passed_on_tells_nothing_of_who_had_it(
    look: LookUp, community: Community, store: Store
) -> None:
    community.user("amina").location = "Dodoma"

    assert look({"forum:999": "amina"}) == LookedUp(read=1)
    assert store.profiles.of("forum") == {999: Profile(999, "amina", "", NOW)}
    assert regions(store, "forum") == {}


@pytest.mark.parametrize(
    "member", ["forum:@amina", "history:7", "forum:", "forum:-1", "forum:0", "", "7"]
)
def test_who_has_no_account_there_is_passed_over(
    member: str, look: LookUp, box: Sandbox
) -> None:
    assert look({member: "amina"}) == LookedUp()
    assert box.requests == []


def test_who_opts_out_or_is_forgotten_leaves(
    look: LookUp, community: Community, store: Store
) -> None:
    look()
    amina, ben = community.user("amina"), community.user("ben")
    with store.transaction():
        store.members.wish(
            "forum",
            username="amina",
            user_id=amina.id,
            answers=False,
            origin="field",
            at=NOW,
        )
        # Of an account that nobody knew then.
        store.members.wish(
            "forum",
            username="BEN",
            user_id=None,
            answers=False,
            indexed=False,
            origin="operator",
            at=NOW,
        )

    assert ben.id in store.profiles.of("forum")
    assert look() == LookedUp(dropped=2)
    assert known(store) == {"root": ""}


def test_who_is_not_suggested_any_more_leaves_after_a_month(
    look: LookUp, store: Store, members: Mapping[str, str], clock: FakeClock
) -> None:
    look()
    [first, *_] = members
    some = {first: members[first]}

    clock.forward(days=29)
    assert look(some) == LookedUp()
    clock.forward(days=2)
    assert look(some) == LookedUp(read=1, dropped=2)
    assert known(store) == {"amina": ""}


def test_a_region_is_one_line_that_can_be_seen() -> None:
    told = "\u202eDodoma\n\n<b>Tanzania</b>\x07 " + "and so on " * 20

    region = region_of(Person(7, "amina", location=told))

    assert region.startswith("Dodoma <b>Tanzania</b> and so on")
    assert region.endswith("…")
    assert len(region) <= MAX_REGION_CHARS


@given(st.text(), st.text(), st.text())
def test_whatever_a_profile_says_it_is_short_and_on_one_line(
    field: str, location: str, group: str
) -> None:
    person = Person(7, "amina", fields={2: field}, location=location, group=group)

    region = region_of(person, 2)

    assert len(region) <= MAX_REGION_CHARS
    assert region == region.strip()
    assert len(region.splitlines()) <= 1
    assert region.isprintable() or not region.isascii()


def test_of_what_may_be_chosen_several_times_all_is_told(
    care: LiveCare, box: Sandbox, community: Community
) -> None:
    chosen = {"2": ["Kenya", "Uganda"], "3": None}

    def with_fields(answer: Any) -> Any:
        answer["user"]["user_fields"] = chosen
        answer["user"]["flair_name"] = "hisp-kenya"
        return answer

    box.faults.alter(with_fields, "/u/amina.json", n=1)

    found = care.person("amina")

    assert found.fields == {2: "Kenya, Uganda"}
    assert (region_of(found, 2), region_of(found)) == ("Kenya, Uganda", "hisp-kenya")


def test_a_clock_that_was_wrong_keeps_no_profile_for_ever(
    look: LookUp, clock: FakeClock
) -> None:
    clock.forward(days=3_000)
    look()
    clock.time = NOW + timedelta(days=1)

    assert look() == LookedUp(read=3)
