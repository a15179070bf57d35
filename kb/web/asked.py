"""What an address of the search page asks for; pure.

A page is opened by people, from links that may be old or cut short: what cannot be
understood is left out, and told, where the endpoint would refuse it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from kb.api.asking import (
    DEFAULT_K,
    MAX_DEPTH,
    MAX_PAGE,
    MAX_QUERY_CHARS,
    MAX_VALUE_CHARS,
    MAX_VALUES,
    cleaned,
    moment,
    shown,
)
from kb.instant.records import Filters
from kb.tongues import language_code, primary
from kb.types import Kind

Chosen = tuple[str, str]
"""A filter and a value of it, as in the address: ``("kind", "docs")``."""

NAMES = ("kind", "lang", "category", "tag", "version", "solved", "since", "before")
_ONE_ONLY = frozenset({"solved", "since", "before"})
PAGES = min(MAX_PAGE, MAX_DEPTH // DEFAULT_K)


@dataclass(frozen=True, slots=True)
class Asked:
    """A search, as its address has it.

    Attributes:
        chosen: In the order of `NAMES`.
        ui: Language of the page, where the address names one.
        left_out: What was not understood, as ``name:value``.
        too_long: The query is; *q* is the beginning of it.
    """

    q: str = ""
    chosen: tuple[Chosen, ...] = ()
    page: int = 1
    ui: str = ""
    left_out: tuple[str, ...] = ()
    too_long: bool = False

    @property
    def is_search(self) -> bool:
        """Whether there is anything to search for."""
        return bool(self.q.strip() or self.chosen)

    @property
    def filters(self) -> Filters:
        """What was chosen, as the knowledge base takes it."""
        values = {
            name: [value for each, value in self.chosen if each == name]
            for name in NAMES
        }
        kinds = frozenset(map(Kind, values["kind"]))
        solved = values["solved"]
        return Filters(
            kinds=kinds or None,
            languages=frozenset(values["lang"]) or None,
            categories=frozenset(map(str.casefold, values["category"])),
            tags=frozenset(map(str.casefold, values["tag"])),
            versions=frozenset(map(str.casefold, values["version"])),
            solved=solved == ["yes"] if solved else None,
            since=moment(values["since"][0]) if values["since"] else None,
            before=moment(values["before"][0]) if values["before"] else None,
        )

    def address(self, **changes: object) -> str:
        """Relative to the page: this search, or this one with *changes*."""
        asked = replace(self, **changes) if changes else self  # type: ignore[arg-type]
        pairs = [("q", asked.q)] if asked.q else []
        pairs += asked.chosen
        pairs += [("page", str(asked.page))] if asked.page > 1 else []
        pairs += [("ui", asked.ui)] if asked.ui else []
        return f"search?{urlencode(pairs)}" if pairs else "search"

    def has(self, name: str, value: str) -> bool:
        """Whether a filter is on."""
        return any(_is_same(each, (name, value)) for each in self.chosen)

    def with_query(self, q: str) -> str:
        """The address of the same search with other words."""
        return self.address(q=q, page=1)

    def toggled(self, name: str, value: str) -> str:
        """The address of this search with a filter, or without it where it is on. Of
        times there is one."""
        kept = [each for each in self.chosen if not _is_same(each, (name, value))]
        if not self.has(name, value):
            kept = [each for each in kept if each[0] != name or name not in _ONE_ONLY]
            kept.append((name, value))
        return self.address(chosen=_ordered(kept), page=1)

    def without(self, *names: str) -> str:
        """The address of this search without some filters; of all without *names*."""
        kept = [each for each in self.chosen if names and each[0] not in names]
        return self.address(chosen=tuple(kept), page=1)


def _is_same(one: Chosen, other: Chosen) -> bool:
    return one[0] == other[0] and one[1].casefold() == other[1].casefold()


def read(pairs: Iterable[tuple[str, str]], languages: Sequence[str]) -> Asked:
    """What an address asks for.

    Args:
        pairs: Its parameters; those of other programs are passed over.
        languages: In which there is a page.

    >>> read([("q", "map"), ("kind", "docs"), ("kind", "banana")], ["en"])
    Asked(q='map', chosen=(('kind', 'docs'),), page=1, ui='', \
left_out=('kind:banana',), too_long=False)
    """
    q, page, ui = "", 1, ""
    chosen: list[Chosen] = []
    left_out: list[str] = []
    for name, value in pairs:
        if name == "q":
            q = q or cleaned(value)
        elif name == "page":
            page = _page(value)
        elif name == "ui":
            ui = value if value in languages else ""
        elif name in NAMES and value.strip():
            known = _known(name, value)
            if known and len(chosen) < MAX_VALUES:
                chosen.append((name, known))
            elif len(left_out) < MAX_VALUES:
                left_out.append(shown(f"{name}:{value}"))
    return Asked(
        q[:MAX_QUERY_CHARS],
        _ordered(chosen),
        page,
        ui,
        tuple(left_out),
        len(q) > MAX_QUERY_CHARS,
    )


def _page(value: str) -> int:
    # More digits than a page has are no number: int() would take a while.
    is_number = value.isascii() and value.isdigit() and len(value) < 6
    return min(max(int(value), 1), PAGES) if is_number else 1


def _known(name: str, value: str) -> str:
    """A value as `Asked.filters` can take it; empty when there is none such."""
    value = cleaned(value).strip()
    if len(value) > MAX_VALUE_CHARS:
        return ""
    try:
        return _READ.get(name, str)(value)
    except ValueError:
        return ""


def _kind(value: str) -> str:
    return Kind(value.lower()).value


def _solved(value: str) -> str:
    return {"yes": "yes", "true": "yes", "no": "no", "false": "no"}.get(value, "")


def _time(value: str) -> str:
    moment(value)
    return value


_READ: dict[str, Callable[[str], str]] = {
    "kind": _kind,
    "lang": language_code,
    "solved": _solved,
    "since": _time,
    "before": _time,
}


def _ordered(chosen: Iterable[Chosen]) -> tuple[Chosen, ...]:
    """In the order of `NAMES`, each once; the last counts where there may be one."""
    last: dict[Chosen | str, Chosen] = {}
    for pair in chosen:
        last[pair[0] if pair[0] in _ONE_ONLY else pair] = pair
    return tuple(sorted(last.values(), key=lambda pair: NAMES.index(pair[0])))


def language_for(accept: str, languages: Sequence[str], default: str) -> str:
    """Which of *languages* a browser would like best; none of them: *default*.

    >>> language_for("de, fr-CA;q=0.8, en;q=0.5", ["en", "fr"], "en")
    'fr'
    >>> language_for("fr;q=0, *", ["en", "fr"], "en")
    'en'
    """
    best, wish = 0.0, default
    for part in accept[:1_000].split(","):
        code, _, rest = part.strip().partition(";")
        weight = _weight(rest)
        # The first of those that are liked as well.
        if primary(code) in languages and weight > best:
            best, wish = weight, primary(code)
    return wish


def _weight(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
