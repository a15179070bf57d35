"""What parsers of translations are given and give back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


class TermsError(ValueError):
    """A file of translations cannot be read at all; the message says why and where."""


@dataclass(frozen=True, slots=True)
class File:
    """What is known of a file beside its content.

    Attributes:
        name: Its path below the source's folder, or its address.
        language: As a rule of the config or its name tells, else the source's own.
        is_ruled: A rule tells it: it comes before what the file itself says.
        source_language: Of the texts that gettext translates from.
        columns: What columns of lists hold: ``language``, ``text``, ``key``, or the
            code of a language.
    """

    name: str
    language: str | None = None
    is_ruled: bool = False
    source_language: str = "en"
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Raw:
    """A text as it is written.

    Attributes:
        key: Of its unit, unique among the files that are translations of each other.
        text: With placeholders, accelerators and tags.
    """

    key: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a file says.

    Attributes:
        texts: In its order.
        faults: What could not be read of it, with its line; the rest was.
    """

    texts: tuple[Raw, ...]
    faults: tuple[str, ...] = ()
