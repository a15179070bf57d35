"""The nav of a documentation made with MkDocs, and a checkout that is read by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.mkdocs import Nav, read_nav
from indexer.sources.markdown import MarkdownSource
from kb.errors import SourceError
from kb.store import SourceState

STATE = SourceState("docs", None, 1, 0, None, None, None)
NAV = """
site_name: Manual
markdown_extensions:
  - pymdownx.emoji:
      emoji_index: !!python/name:material.extensions.emoji.twemoji
nav:
  - Start: index.md
  - Use:
      - "Data: entry": use/entry.md
      - use/maps.md
      - Elsewhere: https://example.org/page.md
      - Deeper:
          - Last: use/deep/last.md
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mkdocs.yml"
    path.write_text(text, "utf-8")
    return path


def test_pages_have_the_names_of_the_nav(tmp_path: Path) -> None:
    docs = tmp_path / "docs"

    assert read_nav("docs", written(tmp_path, NAV)) == Nav(
        docs,
        {
            docs / "index.md": "Start",
            docs / "use/entry.md": "Data: entry",
            docs / "use/maps.md": "",
            docs / "use/deep/last.md": "Last",
        },
    )


def test_a_list_that_is_in_itself_or_at_many_places_is_read_once(
    tmp_path: Path,
) -> None:
    doubled = [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 30)]
    text = "\n".join(["a0: &a0 [a.md]", *doubled, "nav: &nav [*a29, *nav, b.md]"])

    found = read_nav("docs", written(tmp_path, text))

    assert found.names == {tmp_path / "docs/a.md": "", tmp_path / "docs/b.md": ""}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "not valid YAML"),
        ("site_name: x", "nav: expected a list, got None"),
        ("nav: {a: b.md}", "nav: expected a list"),
        ("- a", "nav: expected a list, got None"),
        ("docs_dir: [a]\nnav: [a.md]", "docs_dir: expected a folder"),
        (None, "cannot be read"),
    ],
)
def test_what_is_no_nav_is_told(tmp_path: Path, text: str | None, problem: str) -> None:
    path = tmp_path / "mkdocs.yml"
    if text is not None:
        written(tmp_path, text)

    with pytest.raises(SourceError, match=problem) as refused:
        read_nav("docs", path)

    assert str(path) in str(refused.value)


def checkout(folder: Path) -> MarkdownSource:
    return MarkdownSource(
        "docs", folder, base_url="https://docs.example", nav="mkdocs.yml"
    )


def test_only_what_the_nav_names_is_read(tmp_path: Path) -> None:
    written(tmp_path, "docs_dir: .\nnav:\n  - Home page: a.md\n  - b.md\n  - c.md\n")
    for name in ("a", "b", "draft"):
        (tmp_path / f"{name}.md").write_text(f"# Of {name}\n\nText.", "utf-8")

    (batch,) = checkout(tmp_path).walk(STATE, {})

    assert [(page.key, page.title) for page in batch.documents] == [
        ("a", "Home page"),
        ("b", "Of b"),
    ]


def test_the_folder_of_the_pages_is_the_root_of_the_site(tmp_path: Path) -> None:
    written(tmp_path, "nav:\n  - Start: use/start.md\n")
    (tmp_path / "docs/use").mkdir(parents=True)
    (tmp_path / "docs/use/start.md").write_text("Text.", "utf-8")

    (batch,) = checkout(tmp_path).walk(STATE, {})

    assert [(page.key, page.url) for page in batch.documents] == [
        ("use/start", "https://docs.example/use/start.html")
    ]


def test_pages_outside_of_the_checkout_are_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "checkout"
    folder.mkdir()
    (tmp_path / "notes.md").write_text("Of somebody else.", "utf-8")
    written(folder, "docs_dir: ..\nnav: [notes.md]\n")

    with pytest.raises(SourceError, match="docs_dir: leads out of"):
        list(checkout(folder).walk(STATE, {}))


def test_another_name_in_the_nav_is_a_change(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Of a\n\nText.", "utf-8")
    revisions = []
    for name in ("Home", "Start"):
        written(tmp_path, f"docs_dir: .\nnav:\n  - {name}: a.md\n")
        (batch,) = checkout(tmp_path).walk(STATE, {})
        revisions.append(batch.documents[0].revision)

    assert revisions[0] != revisions[1]


def test_a_nav_without_pages_that_are_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Text.", "utf-8")
    written(tmp_path, "docs_dir: .\nnav: [b.md]\n")

    with pytest.raises(SourceError, match="its nav names no page below"):
        list(checkout(tmp_path).walk(STATE, {}))
