"""Instant search: what a search box asks, answered in milliseconds.

`kb.search.Searcher` ranks a question, with all that is known of who asks and what
was linked before; that takes a tenth of a second. Whoever types into a box has a few
words, wants filters, and does not wait.
"""
