"""File, folder, JSON lines → Article. The text is fixed here once, and every offset of the program counts in it.

One bad file or line never stops the others: it comes back as a Failure. Only what the user named himself and cannot be
used at all (a missing path, a folder without articles) raises, so that an unmounted folder is not taken for an emptied
one. This package never writes, never fetches, and never guesses a date or a source.

    roots.py     folder, file → Found, one by one; which roots a path belongs to and holds
    formats.py   Markdown, plain text, JSON line → Article and its version
    text.py      bytes → clean text
"""

from assistant.reading.formats import read_file, read_line, version_of
from assistant.reading.roots import (
    LINKED,
    OTHER,
    SUFFIXES,
    Found,
    as_stored,
    ids_in,
    place_of,
    read_root,
    root_of,
    roots_of,
)
from assistant.reading.text import clean, decode

READING_VERSION: int = 1
"""Recorded in the catalog; raised when the same bytes would give another text: offsets change their meaning then.

Not for a form that was misread and is read now: the articles that have it get a new version, and ``roots`` has the files read
again.
"""

__all__ = [
    "LINKED",
    "OTHER",
    "READING_VERSION",
    "SUFFIXES",
    "Found",
    "as_stored",
    "clean",
    "decode",
    "ids_in",
    "place_of",
    "read_file",
    "read_line",
    "read_root",
    "root_of",
    "roots_of",
    "version_of",
]
