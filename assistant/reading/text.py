"""Bytes → text as it is stored. Pure: no files."""

from __future__ import annotations

import re
import unicodedata

from charset_normalizer import from_bytes

from assistant.errors import UnreadableFile

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_NOT_TEXT = (b"%PDF-", b"PK\x03\x04", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"{\\rtf", b"\xd0\xcf\x11\xe0")
BOMS = {b"\xff\xfe\x00\x00": "utf-32", b"\x00\x00\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}

# Old one-byte encodings that short texts often fit equally well; then the language of the corpus decides.
_LATIN = {"cp1250", "cp1252", "cp1254"}
_CODEPAGE = {**dict.fromkeys(("pl", "cs", "sk", "hu", "sl", "hr", "ro"), "cp1250"), "tr": "cp1254"}
_ENCODINGS = [*sorted(_LATIN), "cp1251", "cp1253", "cp1255", "cp1256", "koi8_r", "gb18030", "big5", "shift_jis"]
_ENCODINGS += ["euc_jp", "euc_kr"]


def decode(raw: bytes, language: str = "en") -> tuple[str, str]:
    """The cleaned text of ``raw``, and a note if it was not Unicode. ``language`` decides between likely encodings.

    Raises UnreadableFile for bytes that are no text.
    """
    encoding = next((name for bom, name in BOMS.items() if raw.startswith(bom)), "utf-8-sig")
    hint = "Save it as plain text in UTF-8."
    if raw.startswith(_NOT_TEXT):
        raise UnreadableFile("not a text file", hint=hint)
    try:
        text, note = raw.decode(encoding), ""
    except UnicodeDecodeError as error:
        if encoding != "utf-8-sig" or b"\0" in raw:
            raise UnreadableFile("not a text file", hint=hint) from error
        encoding = _guess_encoding(raw, language)
        text = raw.decode(encoding, errors="replace")
        note = f"read as {encoding}, not UTF-8: check the accented letters"
    if 10 * len(_CONTROLS.findall(text.replace("\r", ""))) > len(text):
        raise UnreadableFile("not a text file", hint=hint)
    return clean(text), note


def clean(text: str) -> str:
    """The text as it is stored: NFC, ``\\n`` line ends, no BOM, a space for other control characters but tabs."""
    text = re.sub(r"\r\n?|[\u2028\u2029]", "\n", text).replace("\ufeff", "")
    return unicodedata.normalize("NFC", _SURROGATES.sub("\ufffd", _CONTROLS.sub(" ", text)))


def one_line(text: str) -> str:
    """The text cleaned, its blanks and line ends as single spaces."""
    return " ".join(clean(text).split())


def from_first_line(text: str) -> str:
    """The text without the blank lines before it."""
    return text[text.rfind("\n", 0, len(text) - len(text.lstrip())) + 1 :]


def _guess_encoding(raw: bytes, language: str) -> str:
    matches = from_bytes(raw, cp_isolation=_ENCODINGS)
    best = matches.best()
    if best is None:
        raise UnreadableFile("not a text file, or in an unknown encoding", hint="Save it as plain text in UTF-8.")
    as_good = {
        name
        for match in matches
        if (match.chaos, match.coherence) == (best.chaos, best.coherence)
        for name in match.could_be_from_charset
    }
    usual = _CODEPAGE.get(language, "cp1252")
    return usual if best.encoding in _LATIN and usual in as_good else best.encoding
