"""What a failure of a forum is about: one record of it, or the whole of it."""

from __future__ import annotations

from kb.errors import ForumReadOnlyError, RateLimitedError

WHOLE_FORUM = (RateLimitedError, ForumReadOnlyError)
"""Errors that are about no record: whatever is asked next meets them, too."""

MAX_FAILURES_IN_A_ROW = 3
"""A forum that fails for one record has a broken record; for so many in a row it is
down."""
