"""Exported courses: the folders of XML that Open edX calls OLX.

Nothing that a file says leads out of its folder, and no entity, DTD or address in it is
followed. What is for staff, or for some learners only, is left out.

Source: https://docs.openedx.org, "Open Learning XML".
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from lxml import etree

from indexer.closed_xml import closed_parser
from indexer.fields import moment_of
from indexer.transcripts import decoded, read_cues
from indexer.units import Unit, titled
from kb.errors import RecordError
from kb.types import content_hash

MAX_FILE_BYTES = 5 * 2**20
"""Larger files are set aside."""

MAX_UNITS = 20_000
"""Of a course; what comes after is left out, and told."""

# What an address can hold as it is.
_ID = re.compile(r"(?!\.+$)[\w.~-]+")
# What tells the answer of an exercise, or is no text; so is what ends in "hint".
_PUZZLE_ASIDE = frozenset({"answer", "solution", "script", "style"})
_BLOCKS = frozenset({"html", "video", "problem"})


@dataclass(frozen=True, slots=True)
class Export:
    """An exported course.

    Attributes:
        key: As its site has it: ``course-v1:ORG+COURSE+RUN``.
        facts: What the export says of the course, by the names of the catalogue.
        units: In its order.
        set_aside: ``(file, reason)`` of what is missing or broken.
    """

    key: str
    facts: dict[str, str]
    units: tuple[Unit, ...]
    set_aside: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        """Of all that a document takes from it."""
        return content_hash(sorted(self.facts.items()), self.units)


def read_export(folder: Path) -> Export:
    """The course whose ``course.xml`` lies in *folder*.

    Raises:
        RecordError: That file, or the one it leads to, cannot be read.
    """
    return _Reading(folder).export()


def parse_xml(data: bytes, source: str) -> Any:
    """The root element of an XML file; entities stay unread.

    Raises:
        RecordError: It is not well-formed.
    """
    try:
        root = etree.fromstring(data, closed_parser())
    except (etree.XMLSyntaxError, ValueError) as exc:
        problem = str(exc).splitlines()[0] if str(exc) else "empty"
        raise RecordError(source, "xml", f"is not well-formed: {problem}") from exc
    if root is None:
        raise RecordError(source, "xml", "holds no element")
    return root


@dataclass(slots=True)
class _Path:
    """Where in the outline something stands."""

    headings: tuple[str, ...] = ()
    starts_at: datetime | None = None


@dataclass(slots=True)
class _Reading:
    """One export, while it is read."""

    folder: Path
    aside: list[tuple[str, str]] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    # Each file is read once: no outline is longer than its files.
    seen: set[tuple[str, str]] = field(default_factory=set)
    # Blocks that its policy keeps from learners, as ``chapter/NAME``.
    hidden: frozenset[str] = frozenset()

    def export(self) -> Export:
        pointer = parse_xml(self._bytes("course.xml"), self._named("course.xml"))
        org, course, run = (
            pointer.get(name, "").strip() for name in ("org", "course", "url_name")
        )
        for name, value in (("org", org), ("course", course), ("url_name", run)):
            if not _ID.fullmatch(value):
                raise RecordError(
                    self._named("course.xml"), name, f"expected a name, got {value!r}"
                )
        root = pointer
        if not len(pointer):
            name = f"course/{run}.xml"
            root = parse_xml(self._bytes(name), self._named(name))
        policy = self._policy(run)
        self.hidden = frozenset(name for name, of in policy.items() if _is_hidden(of))
        self._outline(root, _Path(), ("chapter", "sequential", "vertical"))
        facts = self._facts(root, policy.get(f"course/{run}", {}))
        return Export(
            f"course-v1:{org}+{course}+{run}",
            facts,
            tuple(self.units),
            tuple(self.aside),
        )

    # -- the outline ---------------------------------------------------------

    def _outline(self, parent: Any, path: _Path, levels: tuple[str, ...]) -> None:
        for child in parent:
            if child.tag != levels[0]:
                continue
            if len(self.units) >= MAX_UNITS:
                self._set_aside("course.xml", f"more than {MAX_UNITS} units")
                return
            if f"{child.tag}/{child.get('url_name', '')}" in self.hidden:
                continue
            element = self._resolved(child)
            if element is None or _is_private(element) or _is_private(child):
                continue
            here = _Path(
                (*path.headings, _name(element)), _later(path.starts_at, element)
            )
            if levels[1:]:
                self._outline(element, here, levels[1:])
            else:
                block_id = child.get("url_name") or element.get("url_name") or ""
                self._unit(element, block_id, here)

    def _unit(self, vertical: Any, block_id: str, path: _Path) -> None:
        if not _ID.fullmatch(block_id):
            self._set_aside("vertical", f"url_name: expected a name, got {block_id!r}")
            return
        texts = [self._block(child) for child in vertical if child.tag in _BLOCKS]
        html = "\n".join(filter(None, texts))
        self.units.append(Unit(block_id, path.headings, html, path.starts_at))

    def _resolved(self, element: Any) -> Any | None:
        """The element, or the one in the file that it stands for."""
        name = element.get("url_name", "")
        if len(element) or (element.text or "").strip() or not name:
            return element
        tag = str(element.tag)
        path = f"{tag}/{name}.xml"
        if (tag, name) in self.seen:
            return None
        self.seen.add((tag, name))
        if set(element.keys()) - {"url_name"} and not self._exists(path):
            return element
        data = self._maybe_bytes(path)
        if data is None:
            return None
        try:
            return parse_xml(data, self._named(path))
        except RecordError as exc:
            self._set_aside(path, f"{exc.field}: {exc.problem}")
            return None

    # -- blocks ----------------------------------------------------------------

    def _block(self, child: Any) -> str:
        element = self._resolved(child)
        if element is None or _is_private(element) or _is_private(child):
            return ""
        if child.tag == "html":
            return self._html(element)
        if child.tag == "video":
            return titled(_name(element)) + self._spoken(element)
        return titled(_name(element)) + _question(element)

    def _html(self, element: Any) -> str:
        filename = element.get("filename", "")
        if not filename:
            return _inner(element)
        # Colons stood for slashes once.
        path = f"html/{filename.replace(':', '/')}.html"
        if self._is_read(path):
            return ""
        data = self._maybe_bytes(path)
        if data is None:
            return ""
        try:
            return decoded(data, self._named(path))
        except RecordError as exc:
            self._set_aside(path, f"{exc.field}: {exc.problem}")
            return ""

    def _spoken(self, video: Any) -> str:
        """The words of the first transcript that is there."""
        for name in _transcripts(video):
            path = f"static/{name}"
            if not self._exists(path):
                continue
            if self._is_read(path):
                return ""
            data = self._maybe_bytes(path)
            if data is None:
                continue
            try:
                return titled(_words(data, path, self._named(path)))
            except RecordError as exc:
                self._set_aside(path, f"{exc.field}: {exc.problem}")
        return ""

    def _is_read(self, path: str) -> bool:
        """Whether a file was met before; it is from now on."""
        if ("", path) in self.seen:
            return True
        self.seen.add(("", path))
        return False

    # -- facts -----------------------------------------------------------------

    def _facts(self, root: Any, policy: Mapping[str, str]) -> dict[str, str]:
        told = {str(name): str(value) for name, value in root.items()}
        told |= policy
        facts = {
            "name": told.get("display_name", ""),
            "language": told.get("language", ""),
            "start": told.get("start", ""),
            "end": told.get("end", ""),
            "enrollment_start": told.get("enrollment_start", ""),
            "enrollment_end": told.get("enrollment_end", ""),
            "pacing": {"true": "self", "false": "instructor"}.get(
                told.get("self_paced", "").lower(), ""
            ),
            "invitation_only": told.get("invitation_only", ""),
            "catalog_visibility": told.get("catalog_visibility", ""),
        }
        for name in ("overview", "short_description", "effort"):
            path = f"about/{name}.html"
            data = self._maybe_bytes(path) if self._exists(path) else None
            facts[name] = "" if data is None else data.decode("utf-8", "replace")
        # Times are JSON in XML: within quotes of their own.
        return {name: v for name, value in facts.items() if (v := value.strip(' "'))}

    def _policy(self, run: str) -> dict[str, dict[str, str]]:
        """What older exports say of their blocks beside them, by ``tag/NAME``."""
        path = f"policies/{run}/policy.json"
        data = self._maybe_bytes(path) if self._exists(path) else None
        if data is None:
            return {}
        try:
            policy = json.loads(data)
            found = {str(block): _attributes(of) for block, of in policy.items()}
            return found if f"course/{run}" in found else _missing(run)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
            self._set_aside(path, f"is no policy: {exc!r:.80}")
            return {}

    # -- files -----------------------------------------------------------------

    def _bytes(self, path: str) -> bytes:
        """A file of the export.

        Raises:
            RecordError: It is missing, too large, or lies elsewhere.
        """
        try:
            found = (self.folder / path).resolve()
            if not found.is_relative_to(self.folder.resolve()):
                raise RecordError(self._named(path), "path", "leads out of the folder")
            status = found.stat()
            if not stat.S_ISREG(status.st_mode):
                raise RecordError(self._named(path), "file", "not a regular file")
            if status.st_size > MAX_FILE_BYTES:
                problem = f"{status.st_size} bytes, more than {MAX_FILE_BYTES}"
                raise RecordError(self._named(path), "file", problem)
            return found.read_bytes()
        except OSError as exc:
            problem = f"cannot be read: {exc.strerror or exc}"
            raise RecordError(self._named(path), "file", problem) from exc

    def _maybe_bytes(self, path: str) -> bytes | None:
        try:
            return self._bytes(path)
        except RecordError as exc:
            self._set_aside(path, f"{exc.field}: {exc.problem}")
            return None

    def _exists(self, path: str) -> bool:
        try:
            return (self.folder / path).exists()
        except OSError:
            return False

    def _named(self, path: str) -> str:
        return f"{self.folder.name}/{path}"

    def _set_aside(self, path: str, reason: str) -> None:
        self.aside.append((self._named(path), reason))


# -- elements --------------------------------------------------------------


def _name(element: Any) -> str:
    return " ".join(str(element.get("display_name", "")).split())


def _attributes(policy: Any) -> dict[str, str]:
    """A part of a policy as attributes are written."""
    return {
        str(name): json.dumps(value) if value in (True, False) else str(value)
        for name, value in policy.items()
        if value is not None
    }


def _missing(run: str) -> NoReturn:
    raise KeyError(f"course/{run}")


def _is_hidden(attributes: Any) -> bool:
    """For staff, or not in the outline that learners see."""
    return any(
        attributes.get(name, "").strip(' "').lower() not in ("", "false", "0", "null")
        for name in ("visible_to_staff_only", "hide_from_toc")
    )


def _is_private(element: Any) -> bool:
    """Hidden, or for one group of learners."""
    if _is_hidden(element):
        return True
    return element.get("group_access", "").strip() not in ("", "{}", "null")


def _later(inherited: datetime | None, element: Any) -> datetime | None:
    """When it can be seen at the earliest: not before what it stands in."""
    # Times are JSON in XML: within quotes of their own.
    own = moment_of(element.get("start", "").strip(' "'))
    return max(filter(None, (inherited, own)), default=None)


def _inner(element: Any) -> str:
    """What an element holds, as markup."""
    children = "".join(
        etree.tostring(child, encoding="unicode", method="html") for child in element
    )
    return (element.text or "") + children


def _question(problem: Any) -> str:
    """The text of an exercise, without its solution."""
    texts = " ".join(_texts(problem)).split()
    return titled(" ".join(texts))


def _texts(element: Any) -> list[str]:
    found: list[str] = []
    # Not by recursion: a file may be nested as deep as it likes.
    waiting = [(element, False)]
    while waiting:
        node, is_tail = waiting.pop()
        if is_tail:
            found.append(node.tail or "")
            continue
        if isinstance(node.tag, str) and not _is_aside(node.tag):
            found.append(node.text or "")
            for child in reversed(node):
                waiting += [(child, True), (child, False)]
    return [text for text in found if text.strip()]


def _is_aside(tag: str) -> bool:
    return tag in _PUZZLE_ASIDE or tag.endswith("hint")


def _transcripts(video: Any) -> list[str]:
    """Names of files below ``static`` that may hold what is said, the best first."""
    names = [each.get("src", "") for each in video.iter("transcript")]
    try:
        named = json.loads(video.get("transcripts") or "{}")
        names += [str(name) for name in named.values()]
    except (ValueError, AttributeError, RecursionError):
        # Not ours to mend: the other ways to name one remain.
        pass
    ids = [video.get("sub", ""), video.get("youtube_id_1_0", "")]
    ids += [pair.partition(":")[2] for pair in video.get("youtube", "").split(",")]
    names += [f"subs_{each}.srt.sjson" for each in ids if each]
    names += [f"{each}.srt" for each in ids if each]
    return list(dict.fromkeys(filter(None, names)))


def _words(data: bytes, path: str, source: str) -> str:
    """What a transcript says.

    Raises:
        RecordError: It cannot be read.
    """
    if not path.endswith(".sjson"):
        suffix = ".vtt" if path.endswith(".vtt") else ".srt"
        return " ".join(cue.text for cue in read_cues(data, suffix, source))
    try:
        texts = json.loads(data)["text"]
        return " ".join(text for text in texts if isinstance(text, str))
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise RecordError(source, "text", f"is no transcript: {exc!r:.80}") from exc
