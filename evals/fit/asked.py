"""Questions of our own about other people's articles, in ``asked/*.txt``: to train on, and mostly near misses.

    @ squadshifts | new_wiki-97b2fc144d
    = the words that answer it | A question that the article answers?
    x | One that it seems to answer, but does not?

The words are the article's own, and every place where they stand counts as an answer. Articles are named as in the set's corpus;
what stands before the dash is the domain in squadshifts. The questions are ours; the words quoted are under the set's licence.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("asked")
_HEAD = re.compile(r"@ (?P<set>\S+) \| (?P<article>.+)")
_QUESTION = re.compile(r"(?:= (?P<answer>[^|]+?)|x) \| (?P<question>.+)")


def read_asked(folder: str) -> list[dict[str, Any]]:
    """The questions about articles of the set of this name, as rows like its own; ``ours`` marks them.

    Raises ValueError that names file and line where something is not as above.
    """
    rows: list[dict[str, Any]] = []
    about = Counter[str]()
    for path in sorted(FOLDER.glob("*.txt")):
        head: re.Match[str] | None = None
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line:
                continue
            if found := _HEAD.fullmatch(line):
                head = found
                continue
            asked = _QUESTION.fullmatch(line)
            if head is None or asked is None:
                raise ValueError(
                    f"{path}:{number}: neither the head of an article nor a question about it: {line[:60]}"
                )
            if head["set"] == folder:
                about[head["article"]] += 1
                rows.append(_row(head["article"], asked["answer"], asked["question"], about[head["article"]]))
    return rows


def _row(article: str, answer: str | None, question: str, number: int) -> dict[str, Any]:
    said = [answer] if answer else []
    return {
        "id": f"{article}-ours-{number:02}",
        "question": question,
        "answerable": bool(answer),
        "gold_ids": [article] if answer else [],
        "near_miss_ids": [] if answer else [article],
        "evidence": said,
        "answers": said,
        "domain": article.partition("-")[0],
        "ours": True,
    }
