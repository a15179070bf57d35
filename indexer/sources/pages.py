"""What documentation pages have in common, wherever they are read. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from indexer.blocks import join_blocks, tidy
from indexer.clean import clean_markdown
from indexer.render import front_matter, without_front_matter
from kb.types import PUBLIC, Document, Kind, Part

PAGE_FORMAT = 1
"""Grows with every change of what a page is read as."""


@dataclass(frozen=True, slots=True)
class PathRule:
    r"""What a page's path tells, by the groups ``version`` and ``language``.

    Attributes:
        version: How the version is written; as the group has it when empty.
    """

    pattern: re.Pattern[str]
    version: str = ""

    def version_of(self, found: re.Match[str]) -> str | None:
        if not found.groupdict().get("version"):
            return None
        return found.expand(self.version) if self.version else found["version"]


@dataclass(frozen=True, slots=True)
class PageRules:
    r"""What holds for the pages of a source.

    Attributes:
        path_rules: Searched in a page's path, in order; the first that tells the
            version gives it, and the first that tells the language that.
        language: Of pages that no rule gives one; so `version`.

    >>> core = re.compile(r"/core-(?P<version>2(?P<minor>\d\d))/")
    >>> core = PathRule(core, r"2.\g<minor>")
    >>> rules = PageRules((core, PathRule(re.compile("^(?P<language>[a-z]{2})/"))))
    >>> rules.of("fr/core-241/maps"), rules.page_of("fr/core-241/maps")
    (('2.41', 'fr'), 'fr/core-*/maps')
    """

    path_rules: tuple[PathRule, ...] = ()
    kind: Kind = Kind.DOCS
    language: str | None = None
    version: str | None = None
    visibility: str = PUBLIC

    def of(self, path: str) -> tuple[str | None, str | None]:
        """``(version, language)`` of the page at *path*."""
        version = language = None
        for rule in self.path_rules:
            if found := rule.pattern.search(path):
                version = version or rule.version_of(found)
                language = language or found.groupdict().get("language")
        return version or self.version, language or self.language

    def page_of(self, path: str) -> str:
        """What the versions of the page at *path* share; empty where it tells none."""
        for rule in self.path_rules:
            found = rule.pattern.search(path)
            if found and found.groupdict().get("version"):
                start, end = found.span("version")
                return f"{path[:start]}*{path[end:]}"
        return ""

    def work_of(self, path: str) -> str:
        """What the translations of the page at *path* share, whatever their version;
        empty where no rule that tells languages fits.

        A language goes with what sets it off from the rest, so that the language that
        stands in no address may be left out by its rule:

        >>> rules = PageRules((PathRule(re.compile("^((?P<language>fr|pt)/)?")),))
        >>> rules.work_of("fr/maps"), rules.work_of("maps"), PageRules().work_of("maps")
        ('maps', 'maps', '')
        """
        language = self._first(path, "language")
        if language is None:
            return ""
        spans = [(*_set_off(path, *language.span("language")), "")]
        version = self._first(path, "version")
        if version is not None and version["version"]:
            spans.append((*version.span("version"), "*"))
        for start, end, mark in sorted(spans, reverse=True):
            path = path[: max(start, 0)] + mark + path[max(end, 0) :]
        return path

    def _first(self, path: str, group: str) -> re.Match[str] | None:
        """How the first rule that tells it fits, whether it finds any or not."""
        found = [
            match
            for rule in self.path_rules
            if group in rule.pattern.groupindex and (match := rule.pattern.search(path))
        ]
        return next(
            (match for match in found if match[group]), found[0] if found else None
        )

    @property
    def settings(self) -> tuple[object, ...]:
        """All of it, for a revision."""
        rules = tuple((rule.pattern.pattern, rule.version) for rule in self.path_rules)
        told = (rules, self.kind, self.language, self.version, self.visibility)
        # What was read before it was worked out is read again; other pages are not.
        is_told = any("language" in rule.pattern.groupindex for rule in self.path_rules)
        return (*told, "work 1") if is_told else told


def _set_off(path: str, start: int, end: int) -> tuple[int, int]:
    """A span with one sign that separates it: ``fr/``, ``.fr``, ``_fr``."""
    if start == end:
        return start, end
    if path[end : end + 1] == "/" and (start == 0 or path[start - 1] == "/"):
        return start, end + 1
    return (start - 1, end) if start and path[start - 1] in "._-/" else (start, end)


def markdown_page(
    source: str,
    key: str,
    url: str,
    text: str,
    rules: PageRules,
    *,
    title: str | None = None,
    version: str | None = None,
    language: str | None = None,
    revision: str = "",
) -> Document:
    """A page as a document; what the page itself states comes before *rules*."""
    ruled_version, ruled_language = rules.of(key)
    return Document(
        source=source,
        kind=rules.kind,
        key=key,
        url=url,
        title=title or page_title(text, key),
        parts=(Part(number=1, body=text, format="markdown"),),
        language=language or ruled_language,
        visibility=rules.visibility,
        version=version or ruled_version,
        revision=revision,
        page=rules.page_of(key),
        work=rules.work_of(key),
    )


_TITLE_LINE = re.compile(r"^title:[ \t]*(.+?)[ \t]*$", re.MULTILINE)
_FENCE = re.compile(r"[ ]{0,3}(```|~~~)")
_HEADING = re.compile(r"[ ]{0,3}#[ \t]+\S")
_UNDERLINE = re.compile(r"[ ]{0,3}=+[ \t]*$")


def page_title(source: str, path: str) -> str:
    r"""A page's title: of its front matter, its first level-1 heading, or its path.

    >>> page_title("---\ntitle: 'Maps'\n---\n# Other", "guide/maps")
    'Maps'
    >>> page_title("Text.\n\n# About *maps* { #maps }", "guide/maps")
    'About maps'
    >>> page_title("Text.", "guide/using-maps")
    'Using maps'
    """
    source = source.replace("\r\n", "\n").lstrip("\ufeff")
    if stated := _TITLE_LINE.search(front_matter(source)):
        title = tidy(_unquoted(stated[1])).strip()
        if title:
            return title
    heading = _first_heading(without_front_matter(source).split("\n"))
    title = join_blocks(clean_markdown(heading)) if heading else ""
    return " ".join(title.split()) or _title_of_path(path)


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if is_quoted else text


def _first_heading(lines: Sequence[str]) -> str:
    fence = ""
    before = ""
    for line in lines:
        if match := _FENCE.match(line):
            if not fence:
                fence = match[1]
            elif match[1] == fence:
                fence = ""
        elif not fence and _HEADING.match(line):
            return line.strip()
        elif not fence and before.strip() and _UNDERLINE.match(line):
            return f"# {before.strip()}"
        before = line
    return ""


def _title_of_path(path: str) -> str:
    folder, _, name = path.rpartition("/")
    if name.lower() in ("index", "readme") and folder:
        name = folder.rpartition("/")[2]
    words = re.sub(r"[-_]+", " ", name).strip()
    return words[:1].upper() + words[1:] if words else path
