"""An exported course on disk, as a site writes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FILES = {
    "course.xml": '<course url_name="2026" org="Org" course="C1"/>',
    "course/2026.xml": (
        '<course display_name="Exported" language="fr" self_paced="true"'
        ' start="&quot;2026-02-03T08:00:00Z&quot;" end="2026-12-01T00:00:00Z">'
        '<chapter url_name="ch1"/><wiki slug="x"/></course>'
    ),
    "chapter/ch1.xml": (
        '<chapter display_name="Maps"><sequential url_name="s1"/></chapter>'
    ),
    "sequential/s1.xml": (
        '<sequential display_name="Thematic  maps">'
        '<vertical url_name="v1"/><vertical url_name="v2"/></sequential>'
    ),
    "vertical/v1.xml": (
        '<vertical display_name="Layers"><html url_name="h1"/>'
        '<video url_name="w1"/></vertical>'
    ),
    "vertical/v2.xml": (
        '<vertical display_name="Legends"><problem url_name="p1"/>'
        '<html url_name="h2" display_name="Inline"><p>Set a <b>legend</b>.</p>'
        "</html></vertical>"
    ),
    "html/h1.xml": '<html filename="h1" display_name="Text"/>',
    "html/h1.html": '<p>Add a layer, see <a href="https://e.org/x">x</a>.</p>',
    "video/w1.xml": (
        '<video display_name="A &amp; B" youtube="1.00:abc" sub="abc"'
        ' url_name="w1"><transcript language="en" src="w1.srt"/></video>'
    ),
    "static/w1.srt": "1\n00:00:01,000 --> 00:00:02,000\nHello map.\n",
    "problem/p1.xml": (
        '<problem display_name="Quiz"><p>Which legend?</p>'
        "<choicegroup><choice>Red</choice><choice>Blue<choicehint>No!</choicehint>"
        "</choice></choicegroup><solution><p>It is red.</p></solution></problem>"
    ),
    "about/overview.html": "<p>An overview.</p>",
    "about/short_description.html": "Short &lt;",
    "about/effort.html": "3 hours",
}


def write_export(
    folder: Path, changes: Mapping[str, str | bytes | None] | None = None
) -> Path:
    """Write the course into *folder*, with other files or, for ``None``, without."""
    for name, text in {**FILES, **(changes or {})}.items():
        path = folder / name
        if text is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return folder
