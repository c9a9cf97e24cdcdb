"""Invented articles, each version with a word of its own, their vectors, and the files that they are read from."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from assistant.models import TokenVectors, Vectors

States = Mapping[str, int]
"""Article id → the version of its text, 0 where it is not (or no longer) there."""

_WORD = re.compile(r"\w+")
_COMMON = tuple(
    f"{first}{last}"
    for first in "bo da fe gu hi ko lu mi na pe ro su".split()
    for last in "lan mer tok vis zen".split()
)


class HashedWords:
    """A small encoder: a text is the sum of its words, each a row of bytes from its hash. The same in every process."""

    name = "hashed words"
    window = 40
    fingerprint = "torture-1"

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Words of each text."""
        return [len(_WORD.findall(text)) for text in texts]

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        """One unit row per text, float32 (n, 32)."""
        rows = [np.sum([_hashed(word) for word in ("", *_WORD.findall(text))], axis=0) for text in texts]
        return np.array([row / np.linalg.norm(row) for row in rows], np.float32).reshape(-1, 32)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """As for questions."""
        return self.encode_questions(texts)

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """The range and the row of each word."""
        found = [list(_WORD.finditer(text)) for text in texts]
        return [([m.span() for m in matches], self.encode_questions([m.group() for m in matches])) for matches in found]


@cache
def _hashed(word: str) -> Vectors:
    row: Vectors = np.frombuffer(hashlib.sha256(word.lower().encode()).digest(), np.uint8).astype(np.float32)
    return row - np.float32(127.5)


def marker(article_id: str, version: int) -> str:
    """A word that only this version of this article has."""
    return f"zq{article_id.split('.')[0]}v{version}"


def wording(article_id: str, version: int) -> str:
    """The text of a version: nine sentences, different from every other, with its marker in the first and in the last."""
    drawn = random.Random(f"{article_id} {version}")
    sentences = [" ".join(drawn.choices(_COMMON, k=11)).capitalize() + "." for _ in range(7)]
    word = marker(article_id, version)
    return " ".join(
        [f"Today {word} was opened in {drawn.choice(_COMMON)}.", *sentences, f"Nobody closed {word} again."]
    )


def write_lines(path: Path, articles: States) -> None:
    """Write a JSON lines file of the articles that are there."""
    lines = [
        {"id": id_, "title": f"News {id_[1:5]}", "text": wording(id_, version)}
        for id_, version in articles.items()
        if version
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    _age(path)


def read_lines(path: Path) -> dict[str, int]:
    """The articles of a JSON lines file, each in its first version; none where there is no file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {json.loads(line)["id"]: 1 for line in lines}


def write_folder(folder: Path, articles: States) -> None:
    """Write a file for each of the articles, and delete those of the articles that are not there."""
    folder.mkdir(exist_ok=True)
    for id_, version in articles.items():
        if version:
            (folder / id_).write_text(f"News {id_[1:5]}\n\n{wording(id_, version)}\n", encoding="utf-8")
            _age(folder / id_)
        else:
            (folder / id_).unlink(missing_ok=True)


def _age(path: Path) -> None:
    """Make a file an hour old: what was just written is not trusted to be as it was, and would be read in any case."""
    os.utime(path, (time.time() - 3_600,) * 2)
