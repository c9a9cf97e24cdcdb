"""Glossaries of our own, one foreign word a line with its English, see ``assistant.gloss``."""
