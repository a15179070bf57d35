"""How the sandbox's pages look: readable on a phone, by day and by night."""

from __future__ import annotations

_CSS = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 sans-serif;max-width:46em;margin:2em auto;padding:0 1em;"
    "overflow-wrap:anywhere}"
    "article{border-top:1px solid #8886;padding:1em 0}.by{opacity:.7;font-size:.9em}"
    "aside{border-left:4px solid #8886;padding-left:1em}"
    ".solved{color:light-dark(#060,#7d7)}"
    "pre{background:#8882;padding:.6em;overflow:auto;overflow-wrap:normal}"
    "table{display:block;overflow:auto}img{max-width:100%}img.emoji{display:none}"
)

# Goes into every page's head.
LOOKS = (
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    f"<style>{_CSS}</style>"
)
