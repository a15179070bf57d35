"""Reads sources politely and turns them into documents and passages."""
