"""How the sandbox's pages look: readable on a phone, by day and by night."""

from __future__ import annotations

from html import escape

_CSS = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 sans-serif;max-width:46em;margin:2em auto;padding:0 1em;"
    "overflow-wrap:anywhere}"
    "article{border-top:1px solid #8886;padding:1em 0}"
    # A colour, not an opacity, which would also fade the mark within.
    ".by{font-size:.9em;color:light-dark(#555,#aaa)}"
    "aside{border-left:4px solid #8886;padding-left:1em}"
    "blockquote{margin:.4em 0;border-left:4px solid #8883;padding-left:.8em}"
    "aside>blockquote{border:0;padding:0}blockquote>p{margin:0}"
    "ul,ol{padding-left:1.3em}li{margin:.5em 0}"
    ".solved{color:light-dark(#060,#7d7)}"
    "pre{background:#8882;padding:.6em;overflow:auto;overflow-wrap:normal}"
    "table{display:block;overflow:auto}img{max-width:100%}img.emoji{display:none}"
)

# Goes into every page's head.
LOOKS = (
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    f"<style>{_CSS}</style>"
)


def page(title: str, body: str, language: str = "en") -> str:
    """A whole page; *title* is plain text, *body* is HTML."""
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title>{LOOKS}</head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def missing_page(words: str = "Oops! That page does not exist.") -> str:
    """What a person gets where there is nothing."""
    return page("Page not found", f"<h1>{escape(words)}</h1>")
