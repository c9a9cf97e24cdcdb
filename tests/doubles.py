"""Small real implementations that stand in for the slow ones."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from assistant.models import Page, TokenVectors, Vectors

_WORD = re.compile(r"\w+")


class WordEncoder:
    """An encoder whose vectors are bags of hashed words: equal words give equal parts, in any process."""

    def __init__(self, *, window: int = 64, dimension: int = 64, fingerprint: str = "words-1") -> None:
        self.name = "words"
        self.window = window
        self.fingerprint = fingerprint
        self._dimension = dimension

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(_WORD.findall(text)) for text in texts]

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        return np.stack(
            [self._unit(sum((self._word(w) for w in _WORD.findall(text)), self._word(""))) for text in texts]
        )

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        return self.encode_questions(texts)

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        found: list[TokenVectors] = []
        for text in texts:
            matches = list(_WORD.finditer(text))
            rows = [self._unit(self._word(match.group())) for match in matches]
            found.append(([match.span() for match in matches], np.array(rows, np.float32).reshape(-1, self._dimension)))
        return found

    def _word(self, word: str) -> Vectors:
        seed = int.from_bytes(hashlib.sha256(word.lower().encode()).digest()[:8], "big")
        return np.random.default_rng(seed).standard_normal(self._dimension).astype(np.float32)

    @staticmethod
    def _unit(row: Vectors) -> Vectors:
        return (row / max(float(np.linalg.norm(row)), 1e-9)).astype(np.float32)


class WordRanker:
    """A ranker for which a sentence answers as far as it has the words of the question; ``seen`` are the pages it read."""

    name = "words"
    fingerprint = "words-1"

    def __init__(self) -> None:
        self.seen: list[Page] = []

    def read(self, question: str, pages: Sequence[Page]) -> list[list[float]]:
        self.seen += pages
        asked = set(_WORD.findall(question.lower()))
        sentences = [[page.text[start:end] for start, end in page.sentences] for page in pages]
        return [
            [6 * len(asked & set(_WORD.findall(text.lower()))) / max(len(asked), 1) - 3 for text in texts]
            for texts in sentences
        ]
