"""The ``mkdocs.yml`` of a documentation: which pages it shows, under which names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from kb.errors import SourceError


class _Lenient(yaml.SafeLoader):
    """Reads what tags that MkDocs has for its plug-ins stand before as nothing."""


_Lenient.add_multi_constructor("", lambda _loader, _suffix, _node: None)


@dataclass(frozen=True, slots=True)
class Nav:
    """What a nav names.

    Attributes:
        folder: Its ``docs_dir``, which is the root of the site.
        names: Of its pages; empty where it names none.
    """

    folder: Path
    names: dict[Path, str]


def read_nav(source: str, path: Path) -> Nav:
    """The pages that a nav names.

    Args:
        source: For errors.
        path: Of the file; pages lie in its ``docs_dir`` (``docs`` unless told).

    Raises:
        SourceError: It cannot be read, or has no nav.
    """
    try:
        data = yaml.load(path.read_text("utf-8"), Loader=_Lenient)  # noqa: S506 - safe
    except (OSError, UnicodeDecodeError) as exc:
        raise SourceError(source, f"{path}: cannot be read ({exc})") from exc
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise SourceError(source, f"{path}: not valid YAML ({exc})") from exc
    nav = data.get("nav") if isinstance(data, dict) else None
    if not isinstance(nav, list):
        raise SourceError(source, f"{path}: nav: expected a list, got {nav!r:.60}")
    folder = data.get("docs_dir", "docs")
    if not isinstance(folder, str):
        raise SourceError(source, f"{path}: docs_dir: expected a folder")
    root = path.parent / folder
    return Nav(root, {root / page: name for name, page in _pages("", nav, set())})


def _pages(name: str, entry: object, met: set[int]) -> Iterator[tuple[str, str]]:
    """``(name, page)`` of an entry and all below it; links to elsewhere are none.

    Args:
        met: Lists and mappings that were gone through. YAML's aliases put one at many
            places, or into itself; it names its pages once.
    """
    if id(entry) in met:
        return
    if isinstance(entry, list | dict):
        met.add(id(entry))
    match entry:
        case str() if entry.endswith(".md") and "://" not in entry:
            yield name, entry
        case list():
            for each in entry:
                # Pages that stand in a list by themselves take their own title.
                yield from _pages("", each, met)
        case dict():
            for title, below in entry.items():
                yield from _pages(str(title), below, met)
