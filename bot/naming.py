"""What people call the things that Baraza knows."""

from __future__ import annotations

from collections.abc import Mapping

from kb.types import Kind

NAMES: Mapping[Kind, str] = {
    Kind.THREAD: "thread",
    Kind.DOCS: "docs page",
    Kind.COURSE: "course",
    Kind.VIDEO: "video",
}
"""Kinds, as people call one of them."""
