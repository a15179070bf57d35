"""The sources that a config may name, and how each is read."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from bot.config_fields import (
    Duration,
    EnvName,
    FilePath,
    Hours,
    KindName,
    Language,
    LanguageTag,
    PageAddress,
    Regex,
    Section,
    WebAddress,
    is_language_tag,
)
from kb.types import Kind

# Requests a second when the config names none. A user API key may ask 20 times a
# minute, all admin keys of a forum together 60 times.
_USUAL_RATE = 0.5
_USER_KEY_RATE = 0.3

# A website is no API that is made for programs: gentler, and mostly cached.
_WEBSITE_RATE = 1.0

Rate = Annotated[float, Field(gt=0, le=1000)]
Visibility = Literal["public", "private"]


class _Source(Section):
    enabled: bool = True
    # How its odds of being chosen compare with what ranking says: 2 doubles them.
    weight: Annotated[float, Field(gt=0, le=100)] = 1.0


class ForumSource(_Source):
    """A Discourse forum, read over its JSON API."""

    type: Literal["forum"]
    url: WebAddress
    api_key_env: EnvName | None = None
    api_username: str | None = None
    user_api_key_env: EnvName | None = None
    respect_robots: bool = True
    webhook_secret_env: EnvName | None = None
    exclude_categories: list[str] = []
    private_categories: list[str] = []
    ignore_authors: list[str] = []
    requests_per_second: Rate | None = None
    full_walk_every: Duration = timedelta(days=1)
    recrawl_per_day: Annotated[int, Field(ge=0, le=1_000_000)] = 2000
    max_age: Duration = timedelta(days=14)
    heavy_hours: Hours | None = None

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if self.user_api_key_env is None:
            return self
        if self.api_key_env is not None:
            raise ValueError(
                "expected either api_key_env or user_api_key_env, got both"
            )
        if self.api_username is not None:
            raise ValueError(
                "expected no api_username with user_api_key_env: a user API key "
                "speaks for the account that made it"
            )
        return self

    @property
    def rate(self) -> float:
        """Requests a second: what is set, else what suits the kind of key."""
        if self.requests_per_second is not None:
            return self.requests_per_second
        return _USUAL_RATE if self.user_api_key_env is None else _USER_KEY_RATE


class ArchiveSource(_Source):
    """A forum's history in a JSONL file, gzipped or not."""

    type: Literal["archive"]
    path: FilePath
    forum_url: WebAddress


class AddressRule(Section):
    """What a page's address tells: its named groups ``language`` and ``version``."""

    pattern: Regex
    # How the version is written: 2.\g<version>. Unset, as the group has it.
    version: str = ""

    @model_validator(mode="after")
    def _fit(self) -> Self:
        known = set(re.compile(self.pattern).groupindex)
        if not known & {"language", "version"}:
            raise ValueError("expected a group named language or version")
        if self.version and "version" not in known:
            raise ValueError("expected a group named version, as version is set")
        try:
            re.sub(self.pattern, self.version, "")
        except (re.error, IndexError) as exc:
            raise ValueError(
                f"expected a version that fits its pattern ({exc})"
            ) from exc
        return self


class _Pages(_Source):
    """What holds for pages, wherever they are read."""

    kind: KindName = Kind.DOCS
    # What holds when no rule says anything.
    language: Language | None = None
    version: str | None = None
    visibility: Visibility = "public"
    rules: list[AddressRule] = []
    # Of pages in several versions the one that is searched; unset, the newest.
    current_version: str | None = None

    @field_validator("kind")
    @classmethod
    def _no_thread(cls, kind: Kind) -> Kind:
        if kind is Kind.THREAD:
            raise ValueError("expected docs, course or video: threads are a forum's")
        return kind


class MarkdownSource(_Pages):
    """A folder of Markdown pages, such as a documentation checkout."""

    type: Literal["markdown"]
    path: FilePath
    base_url: WebAddress
    url_suffix: str = ".html"
    # Of a site made with MkDocs: its mkdocs.yml, below path. Only what its nav names
    # is read, under the names that stand there; its docs_dir is at base_url.
    nav: str | None = None


class _Site(_Source):
    """What holds for all that is read from the web."""

    requests_per_second: Rate = _WEBSITE_RATE
    respect_robots: bool = True


class WebsiteSource(_Site, _Pages):
    """Pages of a website, found by its sitemap, its llms.txt or a feed."""

    type: Literal["website"]
    url: WebAddress
    # Unset: what robots.txt names, else /sitemap.xml.
    sitemaps: list[PageAddress] | None = None
    feeds: list[PageAddress] = []
    pages: list[PageAddress] = []
    # Expressions searched in a page's path, without the slash it starts with.
    include: list[Regex] = []
    exclude: list[Regex] = []
    # Markdown twins (page.md beside page.html): auto takes those that llms.txt or the
    # page itself names.
    twins: Literal["auto", "always", "never"] = "auto"
    # CSS selector of a page's main part, where it is not found by itself.
    content: str = ""
    # Each page is an event; those that are over, or have no date, are left out.
    events: bool = False
    # A page whose date in the sitemap stands still is asked for that often.
    recheck_every: Duration = timedelta(days=7)
    max_page_bytes: Annotated[int, Field(ge=1024, le=100 * 2**20)] = 5 * 2**20
    max_pages: Annotated[int, Field(ge=1, le=1_000_000)] = 50_000


class CoursesSource(_Site):
    """Courses of an Open edX site, by its catalogue; and exported ones."""

    type: Literal["courses"]
    url: WebAddress
    language: Language | None = None
    visibility: Visibility = "public"
    # Read their catalogue. False: exported courses alone.
    catalogue: bool = True
    # Folders of exported courses (OLX), for links to their units.
    exports: list[FilePath] = []
    # Course keys that are left out.
    exclude: list[str] = []

    @model_validator(mode="after")
    def _reads_something(self) -> Self:
        if self.enabled and not self.catalogue and not self.exports:
            raise ValueError("expected a folder under exports, or catalogue: true")
        return self


class Playlist(Section):
    """A playlist, with what YouTube may not tell of its videos."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{2,64}$")]
    language: Language | None = None


class VideosSource(_Site):
    """Playlists of YouTube, by their feeds or, with a key, by its Data API."""

    type: Literal["videos"]
    # A playlist's feed is named by a person, as to a feed reader, and not crawled to;
    # YouTube's robots.txt keeps crawlers from all feeds.
    respect_robots: bool = False
    url: WebAddress = "https://www.youtube.com"
    api_url: WebAddress = "https://www.googleapis.com"
    api_key_env: EnvName | None = None
    playlists: list[Playlist] = []
    language: Language | None = None
    visibility: Visibility = "public"
    # A folder of transcripts: VIDEO.vtt, .srt or .txt, or VIDEO.fr.vtt.
    transcripts: FilePath | None = None

    @model_validator(mode="after")
    def _reads_something(self) -> Self:
        if self.enabled and not self.playlists:
            raise ValueError("expected at least one id under playlists")
        return self

    @field_validator("playlists", mode="before")
    @classmethod
    def _bare_ids(cls, playlists: object) -> object:
        if not isinstance(playlists, list):
            return playlists
        return [{"id": each} if isinstance(each, str) else each for each in playlists]


class FileRule(Section):
    """What a file's path or address tells: its named group ``language``."""

    pattern: Regex

    @field_validator("pattern")
    @classmethod
    def _tells_it(cls, pattern: str) -> str:
        if "language" not in re.compile(pattern).groupindex:
            raise ValueError("expected a group named language")
        return pattern


class TermsSource(_Site):
    """Files of translations, from which the bridge between languages is learned."""

    type: Literal["terms"]
    # A file, or a folder that is searched with all below it.
    path: FilePath | None = None
    # Of these a file's path below it must fit one; * stands for slashes, too.
    include: list[str] = []
    urls: list[PageAddress] = []
    # Where a file's language stands, if neither its header nor its name tells.
    rules: list[FileRule] = []
    # Of files that tell none: app.properties, values/strings.xml.
    language: LanguageTag | None = None
    # Of the texts that gettext translates from.
    source_language: LanguageTag = "en"
    # Of lists: what a column holds, by its name: key, language, text, or a code.
    columns: dict[str, str] = {}

    @field_validator("columns")
    @classmethod
    def _hold_something(cls, columns: dict[str, str]) -> dict[str, str]:
        for name, role in columns.items():
            known = role in ("key", "language", "text") or is_language_tag(role)
            if not known:
                raise ValueError(
                    f"{name}: expected key, language, text or the code of a language, "
                    f"such as fr or pt-BR, got {role!r}"
                )
        return columns

    @model_validator(mode="after")
    def _reads_something(self) -> Self:
        if self.enabled and self.path is None and not self.urls:
            raise ValueError("expected a path, or an address under urls")
        return self


Source = Annotated[
    ForumSource
    | ArchiveSource
    | MarkdownSource
    | WebsiteSource
    | CoursesSource
    | VideosSource
    | TermsSource,
    Field(discriminator="type"),
]
