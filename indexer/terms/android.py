"""Translations of Android apps: ``strings.xml`` below folders named ``values-fr``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from indexer.closed_xml import closed_parser
from indexer.terms.records import File, Raw, Said, TermsError

_UNICODE = re.compile(r"\\u([0-9a-fA-F]{4})")
_SIGN = re.compile(r"\\([@?'\"\\])")
# Another string's name, not a text.
_REFERENCE = re.compile(r"[@?][\w.:+]*(?:/[\w.]+|[\w.])")


def read_android(data: bytes, file: File) -> Said:
    """Strings, plurals and arrays; nothing that must not be translated.

    Raises:
        TermsError: It is broken, declares a document type, is no list of strings, or
            nothing tells its language.
    """
    root = _root(data)
    if root.tag != "resources":
        raise TermsError(f"expected resources, got {str(root.tag)[:60]}")
    if file.language is None:
        raise TermsError("no language in its folder's name: set language, or a rule")
    texts: list[Raw] = []
    faults: list[str] = []
    for element in root.iterchildren(etree.Element):
        if element.get("translatable") == "false":
            continue
        name = element.get("name")
        if element.tag in ("string", "plurals", "string-array") and not name:
            faults.append(f"line {element.sourceline}: {element.tag} without a name")
            continue
        for key, item in _items(element):
            text = _text(item)
            if text and not _REFERENCE.fullmatch(text):
                texts.append(Raw(f"{name}{key}", file.language, text))
    return Said(tuple(texts), tuple(faults))


def _root(data: bytes) -> Any:
    try:
        root = etree.fromstring(data, closed_parser())
    except (etree.XMLSyntaxError, ValueError) as exc:
        problem = str(exc).splitlines()[0] if str(exc) else "empty"
        raise TermsError(f"broken XML: {problem}") from exc
    # Entities of its own, which may be bombs, are declared there alone.
    if root.getroottree().docinfo.internalDTD is not None:
        raise TermsError("declares a document type of its own")
    return root


def _items(element: Any) -> Iterator[tuple[str, Any]]:
    """What a resource says, each with what its key ends in."""
    match element.tag:
        case "string":
            yield "", element
        case "plurals":
            for item in element.iterchildren("item"):
                # Of languages that differ in their forms these two correspond.
                if (quantity := item.get("quantity")) in ("one", "other"):
                    yield f"\x04{quantity}", item
        case "string-array":
            for number, item in enumerate(element.iterchildren("item")):
                yield f"\x04{number}", item


def _text(element: Any) -> str:
    """All text of an element, its quotes and escapes undone."""
    text = " ".join("".join(_pieces(element)).split())
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    text = _UNICODE.sub(lambda found: chr(int(found[1], 16)), text)
    return _SIGN.sub(r"\1", text)


def _pieces(element: Any) -> Iterator[str]:
    for item in element.iter(etree.Element):
        # <xliff:g> holds an example of what a placeholder becomes.
        is_example = etree.QName(item).localname == "g"
        if item.text and not is_example:
            yield item.text
        if item is not element and item.tail:
            yield item.tail
