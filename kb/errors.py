"""Everything that can go wrong, as one tree; callers catch by what they can do.

::

    KBError
    ├── ConfigError(key)            the config is wrong: fix the named key
    ├── StoreError(path)            SQLite refused: locked, read-only, full, corrupt
    │   ├── NotFoundError           no such row (also LookupError)
    │   └── SchemaVersionError      the file is newer than this program
    ├── EmbeddingError(model)       the model is missing or failed
    ├── SearchIndexError(path)      a derived index cannot be used
    │   ├── IndexMissingError       never built
    │   ├── StaleIndexError         built by another model, format or store
    │   ├── CorruptIndexError       its files do not read
    │   └── DimensionMismatchError  vectors of another length (also ValueError)
    ├── ModelError(path)            learned weights do not read, or cannot be written
    ├── BridgeError(path)           a table between languages does not read, likewise
    ├── InvalidQueryError           nothing that can be searched (also ValueError)
    ├── SourceError(source)         a source cannot be read: path, format, licence
    │   ├── DisallowedError         robots.txt forbids it to who has no account
    │   └── RecordError(field)      one record is malformed (also ValueError)
    ├── ForumError(url)             a forum did not do what was asked
    │   ├── ForumUnavailableError   no network, time-out, 5xx: later
    │   │   ├── ForumReadOnlyError  a backup or an upgrade is going on: much later
    │   │   └── RateLimitedError    told to wait longer than we are willing to
    │   ├── ForumRejectedError      4xx: asking again will not help
    │   └── ForumProtocolError      an answer that is not Discourse's (field)
    ├── AlreadyRunningError(owner)  another instance holds the data folder
    └── LeakError(what)             what came later was about to be learned from

Foreign exceptions are wrapped once, at the edge, with ``raise … from exc``.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path


class KBError(Exception):
    """Root of all errors that a person can act on; the CLI prints them in one line."""


class ConfigError(KBError):
    """The configuration is wrong.

    Args:
        key: Dotted path of the key, such as ``search.dense_k``; empty for the file.
        problem: What was expected and what was found.
    """

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}" if key else problem)
        self.key = key
        self.problem = problem


class StoreError(KBError):
    """SQLite refused; nothing of the running transaction was kept."""

    def __init__(self, path: Path | str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = Path(path)


class NotFoundError(StoreError, LookupError):
    """No row has the given id."""


class SchemaVersionError(StoreError):
    """The database was written by a newer version of this program."""


class EmbeddingError(KBError):
    """The embedding model is missing or failed."""

    def __init__(self, model: str, problem: str) -> None:
        super().__init__(f"embedding model {model}: {problem}")
        self.model = model


class SearchIndexError(KBError):
    """A derived index cannot be used; ``baraza index --rebuild`` makes it anew."""

    def __init__(self, path: Path | str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = Path(path)


class IndexMissingError(SearchIndexError):
    """No index was built yet."""


class StaleIndexError(SearchIndexError):
    """The index belongs to another model, format or store."""


class CorruptIndexError(SearchIndexError):
    """The index files do not read."""


class DimensionMismatchError(SearchIndexError, ValueError):
    """Vectors of another length than the index holds."""


class ModelError(KBError):
    """Learned weights do not read or cannot be written; `path` is their file."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}; run baraza learn, or delete it")
        self.path = path


class BridgeError(KBError):
    """Tables between languages do not read or cannot be written; `path` is their
    file."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}; run baraza learn bridge, or delete it")
        self.path = path


class InvalidQueryError(KBError, ValueError):
    """The query holds nothing that can be searched."""


class SourceError(KBError):
    """A source cannot be read at all."""

    def __init__(self, source: str, problem: str) -> None:
        super().__init__(f"{source}: {problem}")
        self.source = source


class DisallowedError(SourceError):
    """The site's robots.txt does not let crawlers read this address."""


class RecordError(SourceError, ValueError):
    """One record of a source is malformed; the others are still read.

    Args:
        source: What was read: a URL, or a file with its line.
        field: The bad field, such as ``post_stream.posts[3].cooked``.
        problem: What was expected and what was found.
    """

    def __init__(self, source: str, field: str, problem: str) -> None:
        super().__init__(source, f"{field}: {problem}")
        self.field = field
        self.problem = problem


class ForumError(KBError):
    """A forum did not do what was asked."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"{url}: {problem}")
        self.url = url


class ForumUnavailableError(ForumError):
    """No network, a time-out, a server error or read-only mode: try later."""

    def __init__(self, url: str, problem: str, *, status: int | None = None) -> None:
        super().__init__(url, problem)
        self.status = status


class ForumReadOnlyError(ForumUnavailableError):
    """The forum stays in read-only mode: nothing else there will go better now."""


class RateLimitedError(ForumUnavailableError):
    """The forum asks to wait longer than this call may wait."""

    def __init__(self, url: str, *, retry_after_s: float) -> None:
        super().__init__(
            url, f"rate limited, asked to wait {retry_after_s:g} s", status=429
        )
        self.retry_after_s = retry_after_s


class ForumRejectedError(ForumError):
    """A 4xx answer: asking again will not help.

    Args:
        url: What was asked.
        status: The HTTP status.
        problem: The forum's own words, shortened.
        error_type: Discourse's ``error_type``, such as ``not_found``; it is ``None``
            when the body was not Discourse's JSON (a proxy's page, say).
    """

    def __init__(
        self, url: str, status: int, problem: str, *, error_type: str | None = None
    ) -> None:
        super().__init__(url, f"{status} {problem}")
        self.status = status
        self.problem = problem
        self.error_type = error_type


class ForumProtocolError(ForumError):
    """An answer that is not what this API serves; names the field when one is bad."""

    def __init__(self, url: str, problem: str, *, field: str = "") -> None:
        super().__init__(url, f"{field}: {problem}" if field else problem)
        self.field = field


class AlreadyRunningError(KBError):
    """Another instance works on the same data folder."""

    def __init__(self, owner: str) -> None:
        super().__init__(f"already running: {owner}")
        self.owner = owner


class LeakError(KBError):
    """Something that came later than a question was about to be used for it.

    Args:
        what: It, in words: ``a passage``, ``a link``.
        dated: When it came, or became known.
        at: The moment at which all must be earlier.
    """

    def __init__(self, what: str, *, dated: datetime, at: datetime) -> None:
        super().__init__(
            f"{what} of {dated.isoformat()} is not earlier than {at.isoformat()}"
        )
        self.what = what
        self.dated = dated
        self.at = at
