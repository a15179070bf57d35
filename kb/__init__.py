"""The knowledge base: SQLite is the truth, word and vector indexes derive from it."""
