"""Payloads that went wrong: fields dropped, null, of another type, twice, too deep."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from bot.sandbox import Community, Library, Sandbox, Settings
from bot.sandbox.settings import Generation
from tests.indexer.traps.world import Hands, Json, get

Path = tuple[str | int, ...]


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


# What a field may hold instead.
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    7,
    2**62,
    2**70,
    1.5,
    float("nan"),
    "",
    "x",
    "12",
    "-12",
    "2026-13-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "a\x00b",
    "\ud800",
    [],
    [None],
    [[1]],
    {},
    {"a": []},
    _deep(400),
    _deep(940),
)


class Mutated:
    """A payload after its mutations.

    Attributes:
        data: The payload; nothing of it is shared with the original.
        paths: What was touched, in the original.
    """

    def __init__(self, data: Any, paths: Iterable[Path]) -> None:
        self.data = data
        self.paths = tuple(paths)

    def __repr__(self) -> str:
        """Without the payload, which is long."""
        return f"Mutated({self.paths})"

    def names(self, address: str) -> bool:
        """Whether an error's address is that of something that was touched; places
        in lists are not compared, since lists lose and gain items."""
        told = _names(address)
        return any(
            told[: len(path)] == path or path[: len(told)] == told
            for path in (_of_path(path) for path in self.paths)
        )


def _names(address: str) -> tuple[str, ...]:
    return tuple(re.sub(r"\[\d+\]", "", address).split("."))


def _of_path(path: Path) -> tuple[str, ...]:
    return tuple(step for step in path if isinstance(step, str))


def paths_of(data: Any, path: Path = ()) -> Iterator[Path]:
    """Where everything in a payload stands, the payload itself left out."""
    steps: Any = ()
    if isinstance(data, dict):
        steps = data.items()
    elif isinstance(data, list):
        steps = enumerate(data)
    for step, inner in steps:
        yield (*path, step)
        yield from paths_of(inner, (*path, step))


@st.composite
def mutated(draw: st.DrawFn, data: Any, *, within: str = "", most: int = 3) -> Mutated:
    """*data* with some mutations.

    Args:
        within: Only of fields whose names match this pattern; all by default.
    """
    found = [
        path
        for path in paths_of(data)
        if not within or re.search(within, ".".join(_of_path(path)))
    ]
    chosen = draw(st.lists(st.sampled_from(found), min_size=1, max_size=most))
    # The last ones first, so that no place in a list moves before its turn.
    chosen.sort(key=str, reverse=True)
    copy = deepcopy(data)
    for path in chosen:
        _mutate(
            copy,
            path,
            draw(st.sampled_from(["drop", "null", "retype", "twice"])),
            draw(st.sampled_from(VALUES)),
        )
    return Mutated(copy, chosen)


def _mutate(data: Any, path: Path, kind: str, value: Any) -> None:
    above, last = path[:-1], path[-1]
    try:
        for step in above:
            data = data[step]
        _ = data[last]
    except (KeyError, IndexError, TypeError):  # another mutation was here
        return
    if kind == "drop":
        del data[last]
    elif kind == "twice" and isinstance(last, int):
        data.insert(last, deepcopy(data[last]))
    else:
        data[last] = None if kind == "null" else deepcopy(value)


# -- a forum of few topics that has everything ---------------------------------


@dataclass(frozen=True)
class Payloads:
    """What a forum answers, and what it is asked for that.

    Attributes:
        site, feed, list: Its categories, its posts, its topics.
        topics: Each whole, by id.
        posts: Chunks of their posts.
    """

    url: str
    site: Json
    feed: Json
    list: Json
    topics: dict[int, Json]
    posts: tuple[Json, ...]


def payloads(generation: Generation) -> Payloads:
    """The answers of a busy sandbox forum."""
    community = busy()
    with Sandbox(community, Settings(generation=generation), library=Library()) as box:
        topics = {
            topic.id: get(box, f"/t/{topic.id}.json?include_raw=true")
            for topic in community.topics.values()
        }
        long = max(topics, key=lambda key: topics[key]["posts_count"])
        return Payloads(
            url=box.url,
            site=get(box, "/site.json"),
            feed=get(box, "/posts.json"),
            list=get(box, "/latest.json?order=activity&per_page=100&page=0"),
            topics=topics,
            posts=(get(box, f"/t/{long}/posts.json?include_raw=true"),),
        )


def busy() -> Community:
    """Few topics, and everything that topics have."""
    community = Community.empty(Hands())
    community.add_category("Support", description="Questions and answers.")
    community.add_category("Android", parent="support")
    community.add_user("amina", name="Amina")
    for number, category in enumerate(["support", "android", "uncategorized"]):
        topic = community.add_topics(1, posts=4, user="amina", category=category)[0]
        community.set_tags(topic.id, ["csv", f"t{number}"])
        posts = community.posts_of(topic.id)
        community.like(posts[1].id, "amina")
        if number == 0:
            community.solve(posts[2].id)
        if number == 1:
            community.hide_post(posts[1].id)
            community.withdraw_post(posts[2].id)
        if number == 2:
            community.delete_post(posts[2].id)
            community.set_status(topic.id, "closed", enabled=True)
        community.add_post(topic.id, "And thanks.", user="ben", reply_to=2)
    return community
