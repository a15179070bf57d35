"""A small, faithful Discourse on 127.0.0.1, with docs, courses and videos beside it.

For tests, for ``baraza demo`` and for people to play with::

    with Sandbox() as box:
        httpx.get(f"{box.url}/latest.json")
"""

from bot.sandbox.community import Community
from bot.sandbox.library import Library, write_docs
from bot.sandbox.records import PostType
from bot.sandbox.server import Sandbox
from bot.sandbox.settings import Settings

__all__ = ["Community", "Library", "PostType", "Sandbox", "Settings", "write_docs"]
