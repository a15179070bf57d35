"""Every known trap that concerns reading a forum has a test by its number.

The numbers are those of the list of known traps of Discourse's API. Those without
a test here concern no reading:

- 47 to 55 are traps of posting: replies that wait for approval, texts too much alike,
  retries, loops of bots, a backlog posted twice, mentions and links that call people,
  edits that bump, notices of one's own. Where the bot writes, its tests are.
- 56 to 59 are traps of webhooks, which are received by the bot and are hints only:
  what they tell is read by the roads that are tested here.
- 9, 11, 26, 33 and 45 were seen as mistakes of other clients; what a server does to
  cause them is tested like the others.

What a faithful server does beside them has tests named ``test_server_…``: pages of
thirty that name the next one, pinned topics first, both shapes of tags and solutions,
twenty posts and the ids of all, ids that are not served, gaps, small actions, hidden
and withdrawn posts, slugs that lead on, pages past the end, refusals with a page of
HTML, 403 and 410, both windows of the feed, three forms of 429, read-only mode,
translations. Its two-minute memo, posts that wait, texts that are refused and signed
webhooks concern writing and webhooks.
"""

from __future__ import annotations

import re
from pathlib import Path

READING = range(1, 47)
_TEST = re.compile(r"^def test_trap_((?:\d{2}_)+)", re.MULTILINE)


def test_every_trap_that_concerns_reading_has_a_test() -> None:
    named: set[int] = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for numbers in _TEST.findall(path.read_text(encoding="utf-8")):
            named.update(int(number) for number in numbers.split("_") if number)

    assert sorted(named) == list(READING)
