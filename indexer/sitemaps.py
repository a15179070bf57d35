"""Sitemaps: XML, an index of others, or plain text, gzipped or not. Pure.

After sitemaps.org. A sitemap that cannot be read is an error that says what was found:
taken for an empty one, it would make a whole site look deserted.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

from indexer.closed_xml import closed_parser
from indexer.site import Listed
from kb.errors import SourceError

MAX_BYTES = 50 * 2**20
"""Of one sitemap, unpacked, as its protocol has it."""

_GZIP = b"\x1f\x8b"
# Of one file: what follows is copied with each.
_MAX_MEMBERS = 1000
_BOM = b"\xef\xbb\xbf"
_FEEDS = frozenset({"rss", "feed", "RDF"})


@dataclass(frozen=True, slots=True)
class Sitemap:
    """What one sitemap names: pages, or other sitemaps."""

    pages: tuple[Listed, ...] = ()
    nested: tuple[str, ...] = ()


def read_sitemap(url: str, body: bytes, *, max_bytes: int = MAX_BYTES) -> Sitemap:
    """Read a sitemap.

    Args:
        url: Where it came from, for errors.
        body: As it was served; gzip is told by its first bytes.
        max_bytes: The most that it may be, unpacked.

    Raises:
        SourceError: It is empty, broken, too large, or something else.

    >>> body = b"<urlset><url><loc>https://a.org/x</loc></url></urlset>"
    >>> read_sitemap("https://a.org/sitemap.xml", body).pages
    (Listed(url='https://a.org/x', lastmod='', twin=''),)
    """
    data = unpacked(url, body, max_bytes=max_bytes).removeprefix(_BOM).strip()
    if not data:
        raise SourceError(url, "expected a sitemap, and it is empty")
    if is_html(data):
        raise SourceError(url, "expected a sitemap, found an HTML page")
    # In UTF-16 it begins with a mark, or with a zero byte.
    if data.startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
        return _from_xml(url, data)
    return _from_text(url, data)


def unpacked(url: str, body: bytes, *, max_bytes: int = MAX_BYTES) -> bytes:
    """*body* without its gzip, if it has one.

    Raises:
        SourceError: It is broken, or larger than *max_bytes* unpacked.
    """
    if not body.startswith(_GZIP):
        return body
    out = bytearray()
    rest = body
    # A file may be several, one after the other; zeros may fill it up.
    members = 0
    while rest.startswith(_GZIP):
        members += 1
        if members > _MAX_MEMBERS:
            raise SourceError(url, f"is more than {_MAX_MEMBERS} gzip files in one")
        stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            out += stream.decompress(rest, max_bytes + 1 - len(out))
        except zlib.error as exc:
            raise SourceError(url, f"its gzip is broken: {exc}") from exc
        if len(out) > max_bytes:
            raise SourceError(url, f"is larger than {max_bytes:,} bytes unpacked")
        if not stream.eof:
            raise SourceError(url, "its gzip ends too early")
        rest = stream.unused_data
    return bytes(out)


def is_html(body: bytes) -> bool:
    """Whether it begins as an HTML page does, whatever it was served as.

    >>> is_html(b" <!DOCTYPE HTML><title>x"), is_html(b"<?xml version='1.0'?><urlset/>")
    (True, False)
    """
    start = body[:1024].removeprefix(_BOM).lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body"))


def xml_root(url: str, data: bytes) -> Any:
    """The root of an XML document; entities, types and networks stay closed.

    Raises:
        SourceError: It is broken, or declares a document type of its own.
    """
    try:
        root = etree.fromstring(data, closed_parser())
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise SourceError(url, f"is broken XML: {exc}") from exc
    if root is None:
        raise SourceError(url, "is broken XML: it has no element")
    if root.getroottree().docinfo.internalDTD is not None:
        raise SourceError(
            url, f"expected plain XML, found a document type ({_name(root)})"
        )
    return root


def _from_xml(url: str, data: bytes) -> Sitemap:
    root = xml_root(url, data)
    match _name(root):
        case "urlset":
            return Sitemap(pages=tuple(_entries(root, "url")))
        case "sitemapindex":
            return Sitemap(nested=tuple(e.url for e in _entries(root, "sitemap")))
        case name if name in _FEEDS:
            raise SourceError(
                url, "expected a sitemap, found a feed; name it under feeds"
            )
        case name:
            raise SourceError(url, f"expected a sitemap, found <{name[:80]}>")


def _entries(root: Any, name: str) -> Iterator[Listed]:
    for entry in root:
        if _name(entry) != name:
            continue
        told = {_name(child): (child.text or "").strip() for child in entry}
        if loc := told.get("loc"):
            yield Listed(loc, told.get("lastmod", ""))


def _from_text(url: str, data: bytes) -> Sitemap:
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError as exc:
        raise SourceError(
            url, f"expected a sitemap, found neither XML nor text in UTF-8 ({exc})"
        ) from exc
    addresses = [line.strip() for line in lines if line.strip()]
    for address in addresses:
        if not address.lower().startswith(("http://", "https://")):
            raise SourceError(
                url, f"expected an address in every line, found {address[:80]!r}"
            )
    return Sitemap(pages=tuple(map(Listed, addresses)))


def _name(element: Any) -> str:
    """Without its namespace: old sitemaps have other ones, or none."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
