"""What is served beside the forum: documentation, courses and videos.

Read from the folder of the sample community, or put together by a test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import yaml

from bot.sandbox.load import SAMPLE, moment
from bot.sandbox.records import Addresses

# Sample pages have no dates of their own.
WRITTEN = datetime(2024, 6, 1, 8, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DocPage:
    """A page of the documentation.

    Attributes:
        path: ``version/language/section/name``, without a suffix.
        markdown: May name the sites as ``{docs}`` and so on.
        head: More HTML for its head, with the same names: what it says of itself.
        status: What asking for it is answered with, if it is not shown.
        is_listed: In sitemap and llms.txt.
        has_twin: It can be read as Markdown, too.
    """

    path: str
    markdown: str
    changed: datetime = WRITTEN
    head: str = ""
    status: int = 200
    is_listed: bool = True
    has_twin: bool = True

    @property
    def version(self) -> str:
        return self.path.split("/")[0]

    @property
    def language(self) -> str:
        return self.path.split("/")[1]

    @property
    def title(self) -> str:
        for line in self.markdown.splitlines():
            if line.startswith("# "):
                return line[2:].partition("{")[0].strip()
        return self.path.rpartition("/")[2]

    def text(self, addresses: Addresses) -> str:
        return Addresses().replaced(self.markdown, addresses)

    def etag(self, suffix: str) -> str:
        content = f"{suffix}\n{self.markdown}{self.head}"
        digest = hashlib.blake2b(content.encode(), digest_size=8)
        return f'"{digest.hexdigest()}"'


@dataclass(frozen=True, slots=True)
class Course:
    """A course: its outline is ``(chapter, units)`` in order.

    Attributes:
        public: Visitors see its outline, with what stands in its units.
        texts: HTML of units, by their names; others hold a video of that name.
        listed: In the catalogue; one that is not is still at its own address.
    """

    id: str
    name: str
    short_description: str
    language: str
    level: str
    effort: str
    start: datetime
    enrollment_start: datetime | None
    pacing: str
    outline: tuple[tuple[str, tuple[str, ...]], ...]
    public: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)
    end: datetime | None = None
    enrollment_end: datetime | None = None
    hidden: bool = False
    invitation_only: bool = False
    listed: bool = True


Privacy = Literal["public", "unlisted", "private", "deleted"]


@dataclass(frozen=True, slots=True)
class Video:
    id: str
    title: str
    description: str
    published: datetime
    duration_s: int
    language: str
    privacy: Privacy = "public"

    @property
    def is_shown(self) -> bool:
        """Whoever has its address may watch it."""
        return self.privacy in ("public", "unlisted")


@dataclass(frozen=True, slots=True)
class Playlist:
    id: str
    title: str
    videos: tuple[Video, ...]
    private: bool = False


@dataclass(slots=True)
class Library:
    """Pages by path, courses and playlists; change it and the next answer follows.

    Attributes:
        loose: Videos that are in no playlist any more.
        changed: When a feed was changed by one of the methods here.
        api_keys: Those that the Data API takes; any, and none, when ``None``.
        api_quota: How many answers it still gives; without end when ``None``.
    """

    pages: dict[str, DocPage] = field(default_factory=dict)
    courses: list[Course] = field(default_factory=list)
    playlists: list[Playlist] = field(default_factory=list)
    loose: list[Video] = field(default_factory=list)
    changed: datetime = WRITTEN
    api_keys: frozenset[str] | None = None
    api_quota: int | None = None

    @classmethod
    def sample(cls, folder: Path = SAMPLE) -> Library:
        """What lies in *folder*; a part that is missing there is empty."""
        library = cls()
        docs = folder / "docs"
        for path in sorted(docs.rglob("*.md")):
            name = path.relative_to(docs).with_suffix("").as_posix()
            library.put_page(name, path.read_text("utf-8"))
        library.courses = [_course(each) for each in _read(folder / "courses.yaml")]
        playlists = _read(folder / "videos.yaml", "playlists")
        library.playlists = [_playlist(each) for each in playlists]
        return library

    def put_page(
        self,
        path: str,
        markdown: str,
        changed: datetime = WRITTEN,
        *,
        head: str = "",
        is_listed: bool = True,
        has_twin: bool = True,
    ) -> None:
        """Add or replace the page at ``version/language/section/name``."""
        self.pages[path] = DocPage(
            path,
            markdown,
            changed,
            head=head,
            is_listed=is_listed,
            has_twin=has_twin,
        )

    def take_down(
        self, path: str, status: int = 404, *, is_listed: bool = False
    ) -> None:
        """Answer for the page with *status* from now on, such as 404, 410 or 403."""
        page = self.pages[path]
        self.pages[path] = replace(page, status=status, is_listed=is_listed)

    def page(self, path: str) -> DocPage | None:
        return self.pages.get(path)

    def videos(self) -> Mapping[str, Video]:
        """All of them by id, whether a playlist holds them or not."""
        held = [video for playlist in self.playlists for video in playlist.videos]
        return {video.id: video for video in (*self.loose, *held)}

    def change_course(self, course_id: str, **changes: Any) -> None:
        """Set fields of a course, such as ``public`` or ``listed``."""
        self.courses = [
            replace(course, **changes) if course.id == course_id else course
            for course in self.courses
        ]

    def remove_course(self, course_id: str) -> None:
        self.courses = [each for each in self.courses if each.id != course_id]

    def change_video(self, video_id: str, **changes: Any) -> None:
        """Set fields of a video wherever it is listed, such as ``privacy``."""

        def changed(video: Video) -> Video:
            return replace(video, **changes) if video.id == video_id else video

        self.playlists = [
            replace(playlist, videos=tuple(map(changed, playlist.videos)))
            for playlist in self.playlists
        ]
        self.loose = [changed(video) for video in self.loose]
        self._touch()

    def change_playlist(self, playlist_id: str, **changes: Any) -> None:
        """Set fields of a playlist, such as ``videos``, ``title`` or ``private``."""
        self.loose = list(self.videos().values())
        self.playlists = [
            replace(each, **changes) if each.id == playlist_id else each
            for each in self.playlists
        ]
        self._touch()

    def remove_playlist(self, playlist_id: str) -> None:
        """Its videos can still be watched."""
        self.loose = list(self.videos().values())
        self.playlists = [each for each in self.playlists if each.id != playlist_id]
        self._touch()

    def _touch(self) -> None:
        # Dates of HTTP are in whole seconds.
        self.changed += timedelta(seconds=1)


def write_docs(folder: Path, base_url: str) -> list[Path]:
    """Write the sample documentation as a Markdown checkout.

    Args:
        base_url: What ``{docs}`` becomes; other placeholders become its siblings.

    Returns:
        The files written, in order.
    """
    root = base_url.rstrip("/")
    sites = Addresses(root, root, f"{root}/academy", f"{root}/videos")
    written = []
    for source in sorted((SAMPLE / "docs").rglob("*")):
        if not source.is_file():
            continue
        target = folder / source.relative_to(SAMPLE / "docs")
        target.parent.mkdir(parents=True, exist_ok=True)
        text = Addresses().replaced(source.read_text("utf-8"), sites)
        target.write_text(text, "utf-8")
        written.append(target)
    return written


def _read(path: Path, key: str | None = None) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    found: Any = yaml.safe_load(path.read_text("utf-8")) or []
    rows: list[dict[str, Any]] = found[key] if key else found
    return rows


def _course(written: Mapping[str, Any]) -> Course:
    opens = written.get("enrollment_start")
    return Course(
        id=written["id"],
        name=written["name"],
        short_description=written["short_description"],
        language=written["language"],
        level=written.get("level", "introductory"),
        effort=written.get("effort", ""),
        start=moment(written["start"]),
        enrollment_start=moment(opens) if opens else None,
        pacing=written.get("pacing", "self"),
        outline=tuple(
            (each["chapter"], tuple(each["units"])) for each in written["outline"]
        ),
        public=bool(written.get("public", False)),
        texts=dict(written.get("texts", {})),
    )


def _playlist(written: Mapping[str, Any]) -> Playlist:
    return Playlist(
        id=written["id"],
        title=written["title"],
        videos=tuple(
            Video(
                id=each["id"],
                title=each["title"],
                description=each["description"],
                published=moment(each["published"]),
                duration_s=int(each["duration_s"]),
                language=each["language"],
            )
            for each in written["videos"]
        ),
    )
