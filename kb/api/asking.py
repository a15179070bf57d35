"""What may be asked, and what it means: parameters to filters; pure.

What the endpoint does not know it refuses. A parameter that is misspelt would
otherwise be a filter that lets everything through, and nobody would notice.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated, Any, Literal, Self
from urllib.parse import unquote_to_bytes

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

from kb.api.answers import Complaint
from kb.api.backend import About
from kb.instant.records import Filters
from kb.tongues import language_code
from kb.types import Kind, TopicId

MAX_QUERY_CHARS = 1_000
MAX_TEXT_CHARS = 5_000
MAX_TITLE_CHARS = 500
MAX_URL_CHARS = 2_000
MAX_K, MAX_PAGE, MAX_DEPTH = 50, 20, 200
DEFAULT_K, DEFAULT_RELATED = 10, 5
# Of one filter: more is no question of a person.
MAX_VALUES, MAX_VALUE_CHARS = 20, 100
MAX_ID = 2**63 - 1
_SHOWN_CHARS = 40

_MOMENT = re.compile(
    r"(?P<year>[0-9]{4})(-(?P<month>[0-9]{2})(-(?P<day>[0-9]{2})"
    # A plus sign that is not encoded comes as a space.
    r"([T ](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?)(?P<zone>Z|[-+ ][0-9:]{5}))?"
    r")?)?",
    re.IGNORECASE,
)


_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_CODE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")
_WHOLE = re.compile(r"-?[0-9]{1,19}")


def moment(text: str) -> datetime:
    """A year, a month, a day or a time of RFC 3339, by its first moment in UTC.

    >>> moment("2024").isoformat(), moment("2024-05").isoformat()
    ('2024-01-01T00:00:00+00:00', '2024-05-01T00:00:00+00:00')
    >>> moment("2024-05-02T01:00:00 02:00").isoformat()
    '2024-05-01T23:00:00+00:00'

    Raises:
        ValueError: It is none of them.
    """
    found = _MOMENT.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        year, month, day = found["year"], found["month"] or "01", found["day"] or "01"
        if not found["time"]:
            return datetime(int(year), int(month), int(day), tzinfo=UTC)
        clock, zone = found["time"], found["zone"].upper().replace(" ", "+")
        # A leap second has no place of its own here.
        leaps = clock[6:8] == "60"
        clock = f"{clock[:6]}59" if leaps else clock
        at = datetime.fromisoformat(f"{year}-{month}-{day}T{clock}{zone}")
        at += timedelta(seconds=leaps)
    except (ValueError, OverflowError):
        raise ValueError(
            "expected YYYY, YYYY-MM, YYYY-MM-DD or a time of RFC 3339"
        ) from None
    try:
        return at.astimezone(UTC)
    except OverflowError:  # On the first or last day that there is.
        return _FIRST if at.year == 1 else _LAST


def cleaned(text: str) -> str:
    r"""Without what no keyboard types: NUL and other control characters part words.

    >>> cleaned("back\x00up\n")
    'back up '
    """
    if text.isprintable():
        return text
    return "".join(
        " " if unicodedata.category(each) in ("Cc", "Cs") else each for each in text
    )


def shown(text: str) -> str:
    """As much of what came as may be repeated in an answer.

    >>> shown("x" * 100) == "x" * 40 + "…"
    True
    """
    text = cleaned(text)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"


def nearest(name: str, known: Collection[str]) -> str:
    """What an unknown name may have been meant for, as a sentence.

    >>> nearest("langauge", ["lang", "language", "k"])
    'unknown; did you mean language?'
    >>> nearest("zzz", ["lang", "k"])
    'unknown; known are k, lang'
    """
    if not known:
        return "unknown; there are no parameters here"
    close = get_close_matches(name[:_SHOWN_CHARS].casefold(), known, n=1)
    if close:
        return f"unknown; did you mean {close[0]}?"
    return f"unknown; known are {', '.join(sorted(known))}"


def is_utf8(quoted: bytes) -> bool:
    """Whether a part of an address can be read without guessing.

    >>> is_utf8(b"q=caf%C3%A9"), is_utf8(b"q=caf%E9")
    (True, False)
    """
    if b"%" not in quoted and quoted.isascii():
        return True
    try:
        unquote_to_bytes(quoted).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def misnamed(names: Sequence[str], known: Collection[str]) -> Complaint | None:
    """What is wrong with the names of parameters.

    >>> misnamed(["q", "kind", "kind"], ["q", "kind"]) is None
    True
    >>> misnamed(["q", "q"], ["q"]).problem
    'given more than once'
    """
    seen: set[str] = set()
    for name in names:
        if name not in known:
            return Complaint(shown(name), nearest(name, known))
        if name in seen and name not in _REPEATABLE:
            return Complaint(name, "given more than once")
        seen.add(name)
    return None


def in_digits(value: object) -> object:
    """A number, or text that is one to everybody.

    Raises:
        ValueError: It is neither.
    """
    # More is taken for a number elsewhere: "1_0", " 1", "1.0", and digits of others.
    if isinstance(value, float) and value.is_integer():
        # To JSON 5.0 is whole.
        return int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if is_number or (isinstance(value, str) and _WHOLE.fullmatch(value)):
        return value
    raise ValueError("expected a whole number, in digits")


@lru_cache(maxsize=1_000)
def _of_language(value: str) -> str:
    # What is no code is not repeated in the complaint: it may be anything.
    if not _CODE.fullmatch(value):
        raise ValueError("expected the code of a language, such as fr")
    return language_code(value)


def _whole(least: int, most: int, description: str = "") -> Any:
    """A number between two; what checks its digits hides from pydantic what it is."""
    schema = {"type": "integer", "minimum": least, "maximum": most}
    told = schema | ({"description": description} if description else {})
    return (BeforeValidator(in_digits), Field(ge=least, le=most), WithJsonSchema(told))


Id = Annotated[int, *_whole(1, MAX_ID)]
_K = Annotated[int, *_whole(1, MAX_K, "how many, at most")]
_Page = Annotated[int, *_whole(1, MAX_PAGE)]
_Language = Annotated[
    str,
    AfterValidator(_of_language),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{_CODE.pattern}$",
            "description": "a code such as fr or pt-BR, of which the language counts",
        }
    ),
]
_Name = Annotated[str, Field(min_length=1, max_length=MAX_VALUE_CHARS, pattern=r"\S")]
_Names = Annotated[list[_Name], Field(max_length=MAX_VALUES)]
_Moment = Annotated[
    datetime,
    BeforeValidator(lambda value: moment(value) if isinstance(value, str) else value),
    WithJsonSchema(
        {
            "type": "string",
            "anyOf": [
                {"pattern": "^[0-9]{3}[1-9]$"},
                {"pattern": "^[0-9]{3}[1-9]-(0[1-9]|1[0-2])$"},
                {"format": "date"},
                {"format": "date-time"},
            ],
        }
    ),
]

_REPEATABLE = frozenset({"kind", "lang", "language", "category", "tag", "version"})


class _Parameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def of(cls, named: Sequence[tuple[str, str]]) -> Self:
        """What a query string says.

        Raises:
            ValidationError: It does not fit.
        """
        values: dict[str, str | list[str]] = {}
        for name, value in named:
            held = values.setdefault(name, [] if name in _REPEATABLE else value)
            if isinstance(held, list):
                held.append(value)
        return cls.model_validate(values)


class SearchParameters(_Parameters):
    """Of ``GET /api/search``; of several values of one filter any will do."""

    q: str = Field(
        "",
        max_length=MAX_QUERY_CHARS,
        description="words, with the operators of the query language",
    )
    k: _K = DEFAULT_K
    page: _Page = 1
    kind: list[Kind] = Field([], max_length=MAX_VALUES)
    lang: list[_Language] = Field([], max_length=MAX_VALUES)
    language: list[_Language] = Field(
        [], max_length=MAX_VALUES, description="the older name of lang"
    )
    category: _Names = []
    tag: _Names = []
    version: _Names = []
    solved: Literal["yes", "no", "true", "false"] | None = None
    since: _Moment | None = None
    before: _Moment | None = None
    typing: Literal["true", "false"] = Field(
        "false",
        description="true while somebody types: the last word may be half of one, and "
        "the search is not counted",
    )

    def filters(self) -> Filters:
        """Which documents are wanted."""
        return Filters(
            kinds=frozenset(self.kind) or None,
            languages=frozenset((*self.lang, *self.language)) or None,
            categories=_folded(self.category),
            tags=_folded(self.tag),
            versions=_folded(self.version),
            solved=None if self.solved is None else self.solved in ("yes", "true"),
            since=self.since,
            before=self.before,
        )


_ONE_OF = {"topic_id": "integer", "url": "string", "text": "string"}


class RelatedParameters(_Parameters):
    """Of ``/api/related``: exactly one of *topic_id*, *url* and *text*."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": [name], "properties": {name: {"type": json_type}}}
                for name, json_type in _ONE_OF.items()
            ]
        }
    )

    topic_id: Id | None = None
    url: str | None = Field(None, max_length=MAX_URL_CHARS, pattern=r"^https?://[^\s/]")
    text: str | None = Field(None, min_length=1, max_length=MAX_TEXT_CHARS)
    title: str = Field("", max_length=MAX_TITLE_CHARS, description="goes with text")
    k: _K = DEFAULT_RELATED
    kind: list[Kind] = Field([], max_length=MAX_VALUES)
    lang: list[_Language] = Field([], max_length=MAX_VALUES)

    def about(self) -> About | None:
        """What is asked about; ``None``: nothing, or several things at once."""
        given = (self.topic_id, self.url, self.text)
        if sum(each is not None for each in given) != 1:
            return None
        return About(
            topic_id=None if self.topic_id is None else TopicId(self.topic_id),
            url=self.url,
            text=None if self.text is None else cleaned(self.text),
            title=cleaned(self.title),
        )


class Feedback(BaseModel):
    """What ``POST /api/feedback`` takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document_id: Id
    helped: bool = Field(strict=True)


def _folded(names: Sequence[str]) -> frozenset[str]:
    return frozenset(cleaned(name).strip().casefold() for name in names)
