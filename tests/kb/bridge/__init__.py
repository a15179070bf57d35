"""Tests of the bridge between languages."""
