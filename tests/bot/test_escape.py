"""What foreign text becomes before it is posted, letter by letter."""

from __future__ import annotations

import pytest

from bot.escape import code_span, inline, label, prose


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        # The forum resolves these, and looks for names, pictures and tags after it.
        ("&commat;ann", "\\&commat;ann"),
        ("&#64;ann", "\\&\\#64;ann"),
        ("&#x40;ann", "\\&\\#x40;ann"),
        ("&lt;img&gt;", "\\&lt;img\\&gt;"),
        ("&lbrack;quote&rbrack;", "\\&lbrack;quote\\&rbrack;"),
        ("R&D", "R\\&D"),
    ],
)
def test_an_entity_is_shown_as_it_is_written(text: str, escaped: str) -> None:
    shown = [each.replace("\u200b", "") for each in shown_in(text)]

    assert shown == [escaped] * 3
    assert code_span(text) == f"`{text}`", "where no entity is resolved"


def shown_in(text: str) -> tuple[str, str, str]:
    return prose(text), inline(text), label(text)
