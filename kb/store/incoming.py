"""Pieces of statements about links ``l`` in documents ``d`` that lead to ``t``.

None of them reads the body of a part.
"""

from __future__ import annotations

ACCEPTED = (
    "EXISTS (SELECT 1 FROM parts a INDEXED BY parts_accepted WHERE a.accepted"
    " AND a.document_id = l.document_id AND a.number = l.part_number)"
)
"""It stands in a post that was accepted as the solution."""

FROM_OPENING = (
    "(d.kind = 'thread' AND l.part_number = (SELECT min(o.number) FROM parts o"
    " INDEXED BY parts_order WHERE o.document_id = l.document_id))"
)
"""It stands in the question of a thread."""

_TOPIC = "rtrim(t.link_key, '0123456789')"
OF_THE_FORUM = (
    f"l.link_key = substr({_TOPIC}, 1, length({_TOPIC}) - 3) || '/p/' || l.post_id"
)
"""Of the short address of a post: ``t`` is a topic on the same forum."""
