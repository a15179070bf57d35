"""The moderators' triage report: what needs somebody, and how the community is.

``records`` is what it is made from, ``model`` what it says. Each section has a module
of its own, pure, between the two; ``making`` puts them together, and ``page``,
``markdown`` and ``tables`` write down what came of it.
"""
