"""Answers, schedules, reports: the only package that may write to a forum."""
