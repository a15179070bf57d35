"""A documentation site: HTML pages, their Markdown twins, sitemap and llms.txt.

Like a site built by MkDocs: headings carry ``{ #anchor }`` ids, navigation and
footers surround the text, and answers can be asked for conditionally.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from html import escape
from http import HTTPStatus

from markdown_it import MarkdownIt

from bot.sandbox.answers import HTML_TYPE, Answer, text_answer
from bot.sandbox.library import WRITTEN, DocPage, Library
from bot.sandbox.records import Addresses
from bot.sandbox.style import LOOKS, missing_page, page

_HEADING = re.compile(
    r"<h([1-6])>(.*?)(?:\s*\{\s*#([\w.-]+)\s*\})?\s*</h\1>", re.DOTALL
)
# A link to another page's source; links with a scheme or host are left alone.
_SOURCE_LINK = re.compile(r'(<a href="(?![\w+.-]+:|//)[^"#]*?)\.md(?=["#])')
_MARKDOWN = MarkdownIt("commonmark", {"xhtmlOut": False}).enable("table")


def serve(
    library: Library, sites: Addresses, path: str, headers: Mapping[str, str]
) -> Answer:
    """Answer a GET of *path*, given without the site's own prefix."""
    if path == "/robots.txt":
        return text_answer(
            f"User-agent: *\nAllow: /\nSitemap: {sites.docs}/sitemap.xml\n"
        )
    if (listed := _list(library, sites, path)) is not None:
        return _told_once(listed, library, headers)
    if path in {"", "/", "/index.html"}:
        return text_answer(_index(library, sites), kind=HTML_TYPE)
    name, dot, suffix = path.strip("/").rpartition(".")
    found = library.page(name) if dot and suffix in {"html", "md"} else None
    if found is None or (suffix == "md" and not found.has_twin):
        return text_answer(missing_page("404 - Not found"), 404, HTML_TYPE)
    if found.status != 200:
        words = f"{found.status} - {HTTPStatus(found.status).phrase}"
        return text_answer(missing_page(words), found.status, HTML_TYPE)
    return _conditional(found, suffix, sites, headers)


def _list(library: Library, sites: Addresses, path: str) -> Answer | None:
    """A list of pages; sitemaps also packed, and by way of an index."""
    pages = [page for page in library.pages.values() if page.is_listed]
    space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    match path:
        case "/sitemap.xml" | "/sitemap.xml.gz":
            rows = "".join(
                f"<url><loc>{sites.docs}/{page.path}.html</loc>"
                f"<lastmod>{page.changed:%Y-%m-%d}</lastmod></url>"
                for page in pages
            )
            whole = _xml(f"<urlset {space}>{rows}</urlset>")
            return whole if path.endswith(".xml") else _packed(whole)
        case "/sitemap-index.xml":
            row = f"<sitemap><loc>{sites.docs}/sitemap.xml.gz</loc></sitemap>"
            return _xml(f"<sitemapindex {space}>{row}</sitemapindex>")
        case "/llms.txt":
            lines = [
                f"- [{page.title}]({sites.docs}/{page.path}.md)"
                for page in pages
                if page.has_twin
            ]
            return text_answer("# Documentation\n\n" + "\n".join(lines) + "\n")
    return None


def _packed(answer: Answer) -> Answer:
    # Without the time of packing: the same list is the same file.
    body = gzip.compress(answer.body, mtime=0)
    return Answer(answer.status, body, {"Content-Type": "application/gzip"})


def _told_once(answer: Answer, library: Library, headers: Mapping[str, str]) -> Answer:
    """A list, or that it is still the same."""
    tag = f'"{hashlib.blake2b(answer.body, digest_size=8).hexdigest()}"'
    changed = max((page.changed for page in library.pages.values()), default=WRITTEN)
    marks = {"ETag": tag, "Last-Modified": format_datetime(changed, usegmt=True)}
    if headers.get("if-none-match") == tag:
        return Answer(304, b"", marks)
    return Answer(answer.status, answer.body, {**answer.headers, **marks})


def _conditional(
    page: DocPage, suffix: str, sites: Addresses, headers: Mapping[str, str]
) -> Answer:
    marks = {
        "ETag": page.etag(suffix),
        "Last-Modified": format_datetime(page.changed, usegmt=True),
    }
    if _unchanged(page, suffix, headers):
        return Answer(304, b"", marks)
    text = page.text(sites)
    if suffix == "md":
        return Answer(200, text.encode(), {"Content-Type": "text/markdown", **marks})
    return Answer(
        200, render(page, text, sites).encode(), {"Content-Type": HTML_TYPE, **marks}
    )


def _unchanged(page: DocPage, suffix: str, headers: Mapping[str, str]) -> bool:
    known = headers.get("if-none-match")
    if known is not None:
        # When both are sent, the tag alone decides (RFC 9110, 13.1.3).
        return page.etag(suffix) in [each.strip() for each in known.split(",")]
    since = headers.get("if-modified-since")
    return since is not None and page.changed <= _when(since, page.changed)


def _when(text: str, page_changed: datetime) -> datetime:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        # An unreadable date counts as none.
        return datetime.min.replace(tzinfo=page_changed.tzinfo)


def render(page: DocPage, text: str, sites: Addresses) -> str:
    """A whole HTML page around the Markdown *text*."""
    body = text.partition("\n---\n")[2] if text.startswith("---\n") else text
    html = _HEADING.sub(_heading, _MARKDOWN.render(body))
    html = _SOURCE_LINK.sub(r"\1.html", html)
    twin = f"{sites.docs}/{page.path}.md"
    link = f'<link rel="alternate" type="text/markdown" href="{twin}">'
    head = Addresses().replaced(page.head, sites)
    return (
        f'<!doctype html>\n<html lang="{page.language}">\n<head><meta charset="utf-8">'
        f"<title>{escape(page.title)} - Documentation {page.version}</title>"
        f"{link if page.has_twin else ''}"
        f'<meta name="version" content="{page.version}">{head}{LOOKS}</head>\n<body>\n'
        '<header class="md-header">Documentation · Search · Versions</header>\n'
        '<nav class="md-nav"><ul><li><a href="#">Use</a></li><li><a href="#">Manage'
        '</a></li></ul></nav>\n<main class="md-main"><article '
        f'class="md-content__inner">\n{html}</article></main>\n'
        '<footer class="md-footer">Was this page helpful?</footer>\n</body>\n</html>\n'
    )


def _heading(found: re.Match[str]) -> str:
    level, words = found[1], found[2]
    plain = re.sub(r"<[^>]+>|&\w+;", "", words).lower()
    name = found[3] or re.sub(r"\W+", "-", plain).strip("-")
    link = f'<a class="headerlink" href="#{name}" title="Permanent link">¶</a>'
    return f'<h{level} id="{name}">{words}{link}</h{level}>'


def _index(library: Library, sites: Addresses) -> str:
    items = "".join(
        f'<li><a href="{sites.docs}/{doc.path}.html">{escape(doc.title)}</a> '
        f"({doc.version}, {doc.language})</li>"
        for doc in library.pages.values()
    )
    return page("Documentation", f"<h1>Documentation</h1>\n<ul>{items}</ul>")


def _xml(content: str) -> Answer:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return text_answer(head + content, kind="application/xml; charset=utf-8")
