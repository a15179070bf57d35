"""The bridge between languages: what words of one mean in another.

Learned from whatever a community has translated before: interface strings, term lists,
pages (`kb.bridge.learning`, which whoever only searches need not load). A question is
carried over it into the languages of what may answer (`kb.bridge.rendering`), so that a
French one finds an English page by its words, and by a model that reads English alone.
"""

from kb.bridge.bridge import Bridge, load_bridge, shipped_bridge
from kb.bridge.table import Sense, Senses, WordTable

__all__ = [
    "Bridge",
    "Sense",
    "Senses",
    "WordTable",
    "load_bridge",
    "shipped_bridge",
]
