"""The signals: each documented once, each can be switched off."""

from __future__ import annotations

import pytest

from kb.signals import SIGNALS, Group, without


def test_each_signal_has_a_name_a_group_and_a_meaning() -> None:
    assert {signal.group for signal in SIGNALS.values()} == set(Group)
    assert len({signal.about for signal in SIGNALS.values()}) == len(SIGNALS)
    for name, signal in SIGNALS.items():
        assert signal.name == name
        assert signal.about
    # A name could not be told from that of a group.
    assert not set(SIGNALS) & set(Group)


def test_nothing_switched_off_leaves_all_in_their_order() -> None:
    assert without([]) == tuple(SIGNALS)


@pytest.mark.parametrize("name", SIGNALS)
def test_each_can_be_switched_off_alone(name: str) -> None:
    assert without([name]) == tuple(other for other in SIGNALS if other != name)


@pytest.mark.parametrize("group", Group)
def test_a_group_is_switched_off_as_one(group: Group) -> None:
    left = without([group.value])

    assert left == tuple(n for n, signal in SIGNALS.items() if signal.group != group)
    assert 0 < len(left) < len(SIGNALS)


def test_groups_and_signals_may_be_named_together_and_twice() -> None:
    left = set(without(["words", "solved", "solved", "coverage", "links"]))

    off = {"words", "links"}
    assert left == {
        name for name, s in SIGNALS.items() if s.group not in off and name != "solved"
    }
    assert without(list(Group)) == ()


@pytest.mark.parametrize("name", ["bm25_best", "", "Words", "bm25_title "])
def test_an_unknown_name_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(ValueError, match=f"no signal or group '{name}'; there are wor"):
        without(["words", name])
