"""A report as text, in each form, and into files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from bot.report.brief import brief
from bot.report.model import Report
from bot.report.tables import TABLES, as_table, tables
from kb.errors import KBError
from kb.whole import write_whole

__all__ = [
    "TABLES",
    "TEXTS",
    "as_table",
    "schema_text",
    "tables",
    "write_file",
    "write_tables",
]


def page(report: Report) -> str:
    """The page, with its tables."""
    from bot.report.page import render_page

    return render_page(report, csv=tables(report))


def markdown(report: Report) -> str:
    """All parts of the Markdown, a rule between them."""
    from bot.report.markdown import render_markdown

    return "\n\n---\n\n".join(render_markdown(report))


def as_json(report: Report) -> str:
    """The JSON, by the schema that `schema_text` prints."""
    from bot.report.schema import to_json

    return to_json(report)


def schema_text() -> str:
    """The schema of the JSON, as ``docs/report.schema.json`` has it."""
    from bot.report import schema

    return schema.schema_text().rstrip("\n")


TEXTS: Mapping[str, Callable[[Report], str]] = {
    "html": page,
    "markdown": markdown,
    "json": as_json,
    "brief": brief,
}


def write_file(path: Path, text: str) -> None:
    """Write a file, whole or not at all; a table with the mark by which spreadsheets
    tell UTF-8.

    Raises:
        KBError: It cannot be written.
    """
    is_table = path.suffix.casefold() == ".csv"
    try:
        write_whole(path, text.encode("utf-8-sig" if is_table else "utf-8", "replace"))
    except OSError as exc:
        raise KBError(f"{path} cannot be written: {exc.strerror or exc}") from exc


# The job of `baraza run` writes there, below the data folder.
FOLDER = "report"


def written_json(data_dir: Path) -> Path:
    """Where the JSON lies; it tells of which period the others are, too."""
    return data_dir / FOLDER / "report.json"


def remove_written(data_dir: Path) -> None:
    """Remove what the job wrote: it names people, and is made anew.

    Raises:
        KBError: Something cannot be removed.
    """
    try:
        for path in (data_dir / FOLDER).glob("*"):
            if path.suffix in (".html", ".json", ".csv", ".part"):
                path.unlink(missing_ok=True)
    except OSError as exc:
        raise KBError(f"{data_dir / FOLDER}: {exc.strerror or exc}") from exc


def write_tables(folder: Path, found: Mapping[str, str]) -> None:
    """Write each table into a folder, as NAME.csv.

    Raises:
        KBError: One cannot be written.
    """
    for name, text in found.items():
        write_file(folder / f"{name}.csv", text)
