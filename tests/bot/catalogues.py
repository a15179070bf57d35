"""Catalogues as a community would write them."""

from __future__ import annotations

from pathlib import Path

HEADER = """\
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"

"""

SWAHILI = """\
msgid "This may already answer your question:"
msgid_plural "These may already answer your question:"
msgstr[0] "Huenda hii tayari inajibu swali lako:"
msgstr[1] "Huenda hizi tayari zinajibu swali lako:"

msgctxt "kind"
msgid "documentation"
msgstr "nyaraka"

msgid "{kind} in {language}"
msgstr "{kind} kwa {language}"
"""

ARABIC = """\
msgid "This may already answer your question:"
msgid_plural "These may already answer your question:"
msgstr[0] "قد تجيب هذه الصفحات عن سؤالك:"
msgstr[1] "قد تجيب هذه الصفحة عن سؤالك:"
msgstr[2] "قد تجيب هاتان الصفحتان عن سؤالك:"
msgstr[3] "قد تجيب هذه الصفحات عن سؤالك:"
msgstr[4] "قد تجيب هذه الصفحات عن سؤالك:"
msgstr[5] "قد تجيب هذه الصفحات عن سؤالك:"

msgctxt "kind"
msgid "documentation"
msgstr "توثيق"

msgid "{kind} in {language}"
msgstr "{kind} ({language})"

msgid "version {version}"
msgstr "الإصدار {version}"

msgid ""
"I am a bot of {community}. I only point to what is already written; members may "
"know better."
msgstr "أنا روبوت {community}. أشير فقط إلى ما كُتب؛ قد يعرف الأعضاء أكثر."
"""


def written(folder: Path, name: str, text: str, *, header: str = HEADER) -> Path:
    """A folder with one more catalogue in it; *name* is its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(header + text, encoding="utf-8")
    return folder
