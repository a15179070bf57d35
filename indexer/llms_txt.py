"""llms.txt: a list of a site's pages in Markdown, mostly of their Markdown twins. Pure.

After llmstxt.org.
"""

from __future__ import annotations

from markdown_it import MarkdownIt

from indexer.sitemaps import is_html

MAX_CHARS = 5_000_000
"""What is read of it."""

_MARKDOWN = MarkdownIt("commonmark", {"html": False})


def read_llms_txt(body: bytes) -> tuple[str, ...]:
    """The addresses of its links, in their order, each once; relative ones as they
    stand. None where it is no text, or an HTML page that stands for a missing one.

    >>> read_llms_txt(b"# Docs\\n\\n- [Maps](https://a.org/maps.md): How to draw them")
    ('https://a.org/maps.md',)
    >>> read_llms_txt(b"<!doctype html><a href='x.md'>x</a>")
    ()
    """
    if is_html(body):
        return ()
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return ()
    found: list[str] = []
    for token in _MARKDOWN.parse(text[:MAX_CHARS]):
        for child in token.children or ():
            href = child.attrGet("href") if child.type == "link_open" else None
            if isinstance(href, str) and href:
                found.append(href)
    return tuple(dict.fromkeys(found))
