"""How the sandbox's forum is set up: which age of the software, which switches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Generation = Literal["2022", "2026"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Site settings, with the defaults of a fresh forum.

    Attributes:
        generation: Shapes of 2022 (tags are strings, one ``accepted_answer``, pages
            out of range are 404, ``/posts.json`` serves windows of 50 ids) or of 2026
            (tags are objects, ``accepted_answers``, redirects, 50 posts, ``per_page``).
        detailed_404: Tell private (403) and deleted (410) from missing (404).
        login_required: Visitors get 403 for everything.
        read_only: Writing gets 503.
        localise_to: Serve machine translations in this locale where a post has one,
            unless the visitor's cookie asks for the original.
        original_cookie: The cookie that asks for the original; it had other names.
        marks_translations: Say of a post that it is one; some releases did not.
        lazy_categories: As for forums with very many: ``/site.json`` names none, and
            ``/categories.json`` comes in pages.
        allowed_crawlers: Words of the names that programs must have to be let in.
        approve_posts_of: Usernames whose posts wait for approval.
        links_from_trust_level: Members below may not put any link in a post.
        limits: Enforce the forum's real rate limits; off, so that tests run free.
        blocked_words: Words that no post may hold.
        several_solutions: A topic may have more than one.
        names: Serve the full names of members.
        reactions: The plug-in for reactions is there; without it there are only likes.
        user_fields: Names of what profiles may say, numbered from 1.
        sitemap: Serve ``/sitemap.xml``.
        allow_index_in_robots_txt: Off, robots.txt forbids everything.
        overridden_robots_txt: Served in place of the usual file.
        allowed_crawler_user_agents: If any, robots.txt lets these in alone.
        blocked_crawler_user_agents: Whom robots.txt keeps out.
    """

    generation: Generation = "2026"
    locale: str = "en"
    detailed_404: bool = False
    login_required: bool = False
    read_only: bool = False
    localise_to: str | None = None
    original_cookie: str = "automatically_translate=false"
    marks_translations: bool = True
    lazy_categories: bool = False
    allowed_crawlers: frozenset[str] = frozenset()
    approve_posts_of: frozenset[str] = frozenset()
    limits: bool = False
    min_post_length: int = 20
    min_pm_length: int = 10
    min_title_length: int = 15
    max_title_length: int = 255
    max_post_length: int = 32000
    max_consecutive_replies: int = 3
    blocked_words: frozenset[str] = frozenset()
    links_from_trust_level: int = 0
    several_solutions: bool = False
    names: bool = True
    reactions: bool = False
    user_fields: tuple[str, ...] = ()
    sitemap: bool = True
    allow_index_in_robots_txt: bool = True
    overridden_robots_txt: str = ""
    allowed_crawler_user_agents: tuple[str, ...] = ()
    blocked_crawler_user_agents: tuple[str, ...] = (
        "mauibot",
        "semrushbot",
        "ahrefsbot",
        "blexbot",
        "seo spider",
    )

    @property
    def modern(self) -> bool:
        return self.generation == "2026"
