"""File, folder, JSON lines → Article. The text is fixed here once, and every offset of the program counts in it.

One bad file or line never stops the others: it comes back as a Failure. Only what the user named himself and cannot be
used at all (a missing path, a folder without articles) raises, so that an unmounted folder is not taken for an emptied
one. This package never writes, never fetches, and never guesses a date or a source.

    roots.py     folder, file → Found, one by one; which root a path belongs to
    formats.py   Markdown, plain text, JSON line → Article and its version
    text.py      bytes → clean text
"""

from assistant.reading.formats import read_file, read_line, version_of
from assistant.reading.roots import SUFFIXES, Found, place_of, read_root, root_of
from assistant.reading.text import clean, decode

READING_VERSION: int = 1
"""Recorded in the catalog; raised when the same bytes would give another text: offsets change their meaning then."""

__all__ = [
    "READING_VERSION",
    "SUFFIXES",
    "Found",
    "clean",
    "decode",
    "place_of",
    "read_file",
    "read_line",
    "read_root",
    "root_of",
    "version_of",
]
