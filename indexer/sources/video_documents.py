"""Videos as documents, and which of them changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from indexer.playlists import VideoFacts
from indexer.source import Batch
from indexer.transcript_files import TranscriptFile, TranscriptFiles
from indexer.transcripts import Cue, decoded, read_cues
from indexer.video_parts import VIDEO_FORMAT, video_parts
from kb.errors import RecordError
from kb.store import Holdings
from kb.types import PUBLIC, Details, Document, Kind, content_hash


@dataclass(frozen=True, slots=True)
class VideosSettings:
    """What the config says of a source of videos.

    Attributes:
        playlists: ``(id, language)``; the language is for videos of which YouTube
            tells none.
        language: For those of which the playlist tells none either.
        transcripts: A folder, see `indexer.transcript_files`.
    """

    playlists: tuple[tuple[str, str | None], ...] = ()
    language: str | None = None
    visibility: str = PUBLIC
    transcripts: Path | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """Of a video: titles of its playlists, and the language that one was given."""

    titles: tuple[str, ...]
    language: str | None


class VideoMaker:
    """Makes documents of facts, and says which of them changed."""

    def __init__(
        self,
        source: str,
        url: str,
        settings: VideosSettings,
        known: Holdings,
        full: bool,
    ) -> None:
        self._source = source
        self._url = url
        self._settings = settings
        self._known = known
        self._full = full
        self._files = TranscriptFiles(source, settings.transcripts)

    def batch(
        self, videos: Collection[VideoFacts], lists: Mapping[str, Membership]
    ) -> Batch:
        """These videos, as far as they changed."""
        documents: list[Document] = []
        unchanged: list[str] = []
        aside: list[tuple[str, str]] = []
        for facts in videos:
            made = self._made(facts, lists[facts.id], aside)
            if made is None:
                unchanged.append(facts.id)
            else:
                documents.append(made)
        return Batch(
            documents=tuple(documents),
            unchanged=tuple(unchanged),
            set_aside=tuple(aside),
        )

    def _made(
        self, facts: VideoFacts, lists: Membership, aside: list[tuple[str, str]]
    ) -> Document | None:
        language = facts.language or lists.language or self._settings.language
        file = self._files.best(facts.id, language)
        data = b""
        if file is not None:
            try:
                data = self._files.read(file)
            except RecordError as exc:
                aside.append((file.path.name, f"{exc.field}: {exc.problem}"))
                file = None
        told = None if file is None else (file.path.name, data)
        revision = self._revision(facts, lists, told)
        stored = self._known.get(facts.id)
        if stored is not None and stored.revision == revision and not self._full:
            return None
        cues: tuple[Cue, ...] = ()
        text = ""
        if file is not None:
            try:
                cues, text = _spoken(file, data)
            except RecordError as exc:
                aside.append((file.path.name, f"{exc.field}: {exc.problem}"))
                # Another revision, or it would not be looked at again.
                revision = self._revision(facts, lists, "unreadable")
        return Document(
            source=self._source,
            kind=Kind.VIDEO,
            key=facts.id,
            url=f"{self._url}/watch?v={facts.id}",
            title=facts.title,
            parts=video_parts(
                facts.description, duration_s=facts.duration_s, cues=cues, text=text
            ),
            language=language or (file.language if file else None),
            visibility=self._settings.visibility,
            created_at=facts.published_at,
            revision=revision,
            details=Details(duration_s=facts.duration_s, lists=lists.titles),
        )

    def _revision(
        self, facts: VideoFacts, lists: Membership, transcript: object
    ) -> str:
        settings = (self._url, self._settings.language, self._settings.visibility)
        return content_hash(VIDEO_FORMAT, *settings, facts, lists, transcript)


def _spoken(file: TranscriptFile, data: bytes) -> tuple[tuple[Cue, ...], str]:
    if file.suffix == ".txt":
        return (), decoded(data, file.path.name)
    return read_cues(data, file.suffix, file.path.name), ""
