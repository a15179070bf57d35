"""Tantivy's errors as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kb.errors import CorruptIndexError, SearchIndexError


@contextmanager
def tantivy_errors(path: Path, error: type[SearchIndexError]) -> Iterator[None]:
    """Raise *error*, with what to do about it, for whatever Tantivy raises."""
    try:
        yield
    except (ValueError, RuntimeError, OSError) as exc:
        raise error(path, f"{exc}; {_advice(error)}") from exc
    except BaseException as exc:
        # A panic inside Tantivy, as damaged files may cause, arrives as an
        # exception that is no Exception and cannot be imported.
        if type(exc).__name__ != "PanicException":
            raise
        raise error(path, f"{exc}; {_advice(error)}") from exc


def _advice(error: type[SearchIndexError]) -> str:
    if error is CorruptIndexError:
        return "run baraza index --rebuild"
    return "check that there is room and that it may be written"
