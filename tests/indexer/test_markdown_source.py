"""Documentation in Markdown: a folder of pages, and a file of them."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from indexer.source import Batch
from indexer.sources import markdown as markdown_module
from indexer.sources.markdown import DocsArchive, MarkdownSource
from indexer.sources.pages import PageRules, PathRule, page_title
from kb.errors import SourceError
from kb.store import SourceState
from kb.types import Document, DocumentId, Kind, Part, StoredState

BASE = "https://docs.example.org/en"
STATE = SourceState("docs", None, 1, 0, None, None, None)
SHARED = Path(__file__).resolve().parents[2].parent / "shared"


def write(folder: Path, pages: Mapping[str, str | bytes]) -> Path:
    for name, content in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def checkout(folder: Path, **settings: Any) -> MarkdownSource:
    return MarkdownSource("docs", folder, base_url=BASE, **settings)


def walk(
    source: MarkdownSource | DocsArchive,
    known: tuple[Document, ...] = (),
    **kwargs: Any,
) -> Batch:
    """All batches as one."""
    stored = {d.key: StoredState(DocumentId(1), d.revision, "", "") for d in known}
    batches = list(source.walk(STATE, stored, **kwargs))
    return Batch(
        documents=tuple(d for batch in batches for d in batch.documents),
        unchanged=tuple(key for batch in batches for key in batch.unchanged),
        set_aside=tuple(item for batch in batches for item in batch.set_aside),
    )


def test_each_page_is_a_document(tmp_path: Path) -> None:
    write(tmp_path, {"use/my maps.md": "# Maps\n\nText.", "notes.txt": "no page"})

    [page] = walk(checkout(tmp_path)).documents

    assert page == Document(
        source="docs",
        kind=Kind.DOCS,
        key="use/my maps",
        url="https://docs.example.org/en/use/my%20maps.html",
        title="Maps",
        parts=(Part(number=1, body="# Maps\n\nText.", format="markdown"),),
        revision=page.revision,
    )


def test_pages_come_by_path_in_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(markdown_module, "_BATCH_PAGES", 2)
    write(tmp_path, {f"{name}.md": name for name in ("c", "a/z", "b", "a/y", "d")})

    batches = list(checkout(tmp_path).walk(STATE, {}))

    assert [[page.key for page in batch.documents] for batch in batches] == [
        ["a/y", "a/z"],
        ["b", "c"],
        ["d"],
    ]


def test_the_path_tells_version_and_language(tmp_path: Path) -> None:
    write(tmp_path, {"2.41/fr/maps.md": "x", "2.40/maps.md": "x", "about.md": "x"})
    rules = PageRules(
        (
            PathRule(re.compile(r"^(?P<version>[^/]+)/(?P<language>[a-z]{2})/")),
            PathRule(re.compile(r"^(?P<version>\d[^/]*)/")),
        ),
        kind=Kind.COURSE,
        language="en",
        version="any",
        visibility="category:staff",
    )

    pages = walk(checkout(tmp_path, rules=rules)).documents

    assert [(p.key, p.version, p.language) for p in pages] == [
        ("2.40/maps", "2.40", "en"),
        ("2.41/fr/maps", "2.41", "fr"),
        ("about", "any", "en"),
    ]
    assert {(p.kind, p.visibility) for p in pages} == {(Kind.COURSE, "category:staff")}


@pytest.mark.parametrize(
    ("suffix", "urls"),
    [
        (".html", ["/a.html", "/index.html", "/use/README.html"]),
        ("", ["/a", "/index", "/use/README"]),
        ("/", ["/a/", "/", "/use/"]),
    ],
)
def test_urls_are_built_as_the_site_does(
    tmp_path: Path, suffix: str, urls: list[str]
) -> None:
    write(tmp_path, {"a.md": "x", "index.md": "x", "use/README.md": "x"})

    pages = walk(checkout(tmp_path, url_suffix=suffix)).documents

    assert [page.url for page in pages] == [BASE + url for url in urls]


def test_only_changed_pages_are_given_again(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "one", "b.md": "two"})
    before = walk(checkout(tmp_path)).documents
    write(tmp_path, {"b.md": "two, edited"})
    os.utime(tmp_path / "a.md", (1, 1))

    after = walk(checkout(tmp_path), before)

    assert after.unchanged == ("a",)
    assert [page.key for page in after.documents] == ["b"]
    assert [p.key for p in walk(checkout(tmp_path), before, full=True).documents] == [
        "a",
        "b",
    ]


def test_a_change_of_settings_changes_every_page(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "one"})
    before = walk(checkout(tmp_path)).documents

    moved = MarkdownSource("docs", tmp_path, base_url="https://new.example.org")
    french = checkout(tmp_path, rules=PageRules(language="fr"))

    assert walk(moved, before).unchanged == ()
    assert walk(french, before).unchanged == ()


@pytest.mark.parametrize(
    ("pattern", "path", "work"),
    [
        (r"^(?P<language>[a-z]{2})/", "fr/maps/use", "maps/use"),
        (r"^docs/(?P<language>[a-z]{2})/", "docs/fr/maps", "docs/maps"),
        (r"\.(?P<language>[a-z]{2})$", "maps/use.fr", "maps/use"),
        (r"_(?P<language>[a-z]{2})/", "docs_fr/maps", "docs/maps"),
        (r"/(?P<language>[a-z]{2})$", "maps/fr", "maps"),
        (r"^((?P<language>fr|pt)/)?", "fr/maps", "maps"),
        (r"^((?P<language>fr|pt)/)?", "maps", "maps"),
        (r"^(?P<language>fr|pt)/", "maps", ""),
        (r"^(?P<version>[\d.]+)/", "2.41/maps", ""),
        (
            r"^(?P<language>[a-z]{2})/(?P<version>[\d.]+)/",
            "fr/2.41/maps",
            "*/maps",
        ),
    ],
)
def test_translations_share_what_no_language_and_no_version_is(
    pattern: str, path: str, work: str
) -> None:
    rules = PageRules(path_rules=(PathRule(re.compile(pattern)),))

    assert rules.work_of(path) == work


def test_version_and_language_of_a_work_may_come_from_two_rules(tmp_path: Path) -> None:
    write(tmp_path, {"fr/core-241/maps.md": "# Cartes", "en/maps.md": "# Maps"})
    rules = PageRules(
        path_rules=(
            PathRule(re.compile(r"core-(?P<version>\d+)/")),
            PathRule(re.compile(r"^(?P<language>[a-z]{2})/")),
        )
    )

    pages = walk(checkout(tmp_path, rules=rules)).documents

    assert [(page.key, page.work) for page in pages] == [
        ("en/maps", "maps"),
        ("fr/core-241/maps", "core-*/maps"),
    ]


def test_pages_whose_work_was_not_worked_out_yet_are_read_again() -> None:
    """What a store of an earlier version holds; other pages are left as they are."""
    telling = PageRules((PathRule(re.compile("^(?P<language>fr)/")),))
    others = PageRules((PathRule(re.compile("^(?P<version>2)/")),))

    before = (others.path_rules[0].pattern.pattern, "")
    assert others.settings == ((before,), Kind.DOCS, None, None, "public")
    assert telling.settings[5:] == ("work 1",)


def test_pages_that_cannot_be_read_are_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(markdown_module, "MAX_PAGE_BYTES", 100)
    write(
        tmp_path,
        {"big.md": "x" * 101, "latin.md": b"caf\xe9", "bom.md": b"\xef\xbb\xbf# Top"},
    )
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "gone.md").symlink_to(tmp_path / "nothing.md")
    os.symlink(tmp_path / "bom.md", os.fsencode(tmp_path) + b"/\xff.md")

    batch = walk(checkout(tmp_path))

    assert [(page.key, page.title) for page in batch.documents] == [
        ("bom", "Top"),
        ("�", "Top"),
    ]
    assert batch.set_aside == (
        ("big", "101 bytes, more than 100"),
        ("gone", "cannot be read: No such file or directory"),
        ("latin", "not UTF-8 at byte 3"),
        ("pipe", "not a regular file"),
    )


def test_links_out_of_the_folder_and_hidden_files_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outside = write(tmp_path / "outside", {"secret.md": "secret"})
    inside = write(tmp_path / "docs", {"a.md": "A", ".git/x.md": "x", ".y.md": "y"})
    (inside / "secret.md").symlink_to(outside / "secret.md")
    (inside / "folder").symlink_to(outside)
    (inside / "b.md").symlink_to(inside / "a.md")

    batch = walk(checkout(inside))

    assert [page.key for page in batch.documents] == ["a", "b"]
    assert batch.set_aside == ()
    assert caplog.messages == [f"source=docs {inside / 'secret.md'} leads out of it"]


def test_a_folder_that_is_not_there_or_holds_no_page_is_an_error(
    tmp_path: Path,
) -> None:
    """It must not look like a checkout that lost all its pages."""
    write(tmp_path, {"readme.txt": "x"})

    with pytest.raises(SourceError, match=r"docs: .*none: no such folder"):
        walk(checkout(tmp_path / "none"))
    with pytest.raises(SourceError, match=r"no \.md file below it"):
        walk(checkout(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list any folder")
def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "x", "closed/b.md": "x"})
    (tmp_path / "closed").chmod(0)
    try:
        with pytest.raises(SourceError, match="Permission denied"):
            walk(checkout(tmp_path))
    finally:
        (tmp_path / "closed").chmod(0o700)


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ('---\ntitle: "Two words"\n---\n# Other', "Two words"),
        ("---\ntitle:\n---\n# Other", "Other"),
        ("```\n# not this\n```\n\n# This `one` { #x }", "This one"),
        ("## Second level\n\nSet\n===\n", "Set"),
        ("text", "My page"),
        ("#hashtag", "My page"),
        ("", "My page"),
        ("---\ntitle: never closed", "My page"),
    ],
)
def test_where_a_title_comes_from(source: str, title: str) -> None:
    assert page_title(source, "use/my-page") == title


def test_an_index_without_title_is_named_after_its_folder() -> None:
    assert page_title("", "use/data_entry/index") == "Data entry"
    assert page_title("", "index") == "Index"


# -- a file of pages -------------------------------------------------------


def pages_file(path: Path, *records: object) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record) + "\n")
    return path


def test_a_file_of_pages_is_read_like_a_checkout(tmp_path: Path) -> None:
    path = pages_file(
        tmp_path / "docs.jsonl.gz",
        {"path": "fr/maps", "url": f"{BASE}/maps.html", "markdown": "# Cartes"},
        {
            "url": f"{BASE}/b.html",
            "markdown": "x",
            "title": "B",
            "version": "2.40",
            "lang": "en",
        },
    )
    rules = PageRules(
        (PathRule(re.compile(r"^(?P<language>[a-z]{2})/")),), version="any"
    )

    batch = walk(DocsArchive("docs", path, rules=rules))

    assert [
        (p.key, p.url, p.title, p.language, p.version) for p in batch.documents
    ] == [
        ("fr/maps", f"{BASE}/maps.html", "Cartes", "fr", "any"),
        (f"{BASE}/b.html", f"{BASE}/b.html", "B", "en", "2.40"),
    ]
    assert [p.parts[0].body for p in batch.documents] == ["# Cartes", "x"]
    assert {p.parts[0].format for p in batch.documents} == {"markdown"}
    assert walk(DocsArchive("docs", path, rules=rules), batch.documents).unchanged == (
        "fr/maps",
        f"{BASE}/b.html",
    )


def test_the_key_of_a_broken_page_can_be_stored(tmp_path: Path) -> None:
    """A lone surrogate in a key would stop the harvest when it is noted."""
    path = pages_file(
        tmp_path / "docs.jsonl",
        {"path": "a", "url": f"{BASE}/a", "markdown": "x"},
        {"path": "\ud800b\0", "url": 5, "markdown": "x"},
        {"path": "\ud800", "url": 5, "markdown": "x"},
    )

    batch = walk(DocsArchive("docs", path))

    assert batch.set_aside == (
        ("b", "docs.jsonl:2: url: expected str, got int"),
        ("docs.jsonl:3", "docs.jsonl:3: url: expected str, got int"),
    )


def test_a_broken_page_is_set_aside(tmp_path: Path) -> None:
    path = pages_file(
        tmp_path / "docs.jsonl.gz",
        {"path": "a", "url": f"{BASE}/a", "markdown": "x"},
        {"path": "b", "url": "", "markdown": "x"},
        {"path": "c", "url": f"{BASE}/c"},
        {"markdown": "x"},
    )
    source = DocsArchive("docs", path)

    batch = walk(source)

    assert [page.key for page in batch.documents] == ["a"]
    assert batch.set_aside == (
        ("b", "docs.jsonl.gz:2: url: is empty"),
        ("c", "docs.jsonl.gz:3: markdown: expected str, but it is missing"),
        ("docs.jsonl.gz:4", "docs.jsonl.gz:4: url: expected str, but it is missing"),
    )
    assert not source.is_exhaustive


@pytest.mark.skipif(not SHARED.is_dir(), reason="no real pages here")
def test_real_pages_are_read_whole() -> None:
    slicer = walk(DocsArchive("docs", SHARED / "bench/slicer/docs.jsonl.gz"))
    dhis2 = walk(DocsArchive("docs", SHARED / "dhis2/docs_en.jsonl.gz"))

    assert (len(slicer.documents), slicer.set_aside) == (170, ())
    assert (len({p.key for p in dhis2.documents}), dhis2.set_aside) == (844, ())
    assert all(page.title for page in (*slicer.documents, *dhis2.documents))
