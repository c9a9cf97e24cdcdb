"""Our own set to train on: articles about invented people and places, each with questions, in ``invented/*.txt``.

    @ a1-01 | ferry-donation | Coastal League returns money from ferry owner
    1 A sentence, numbered within its article.
    2 Another of the same paragraph; an empty line begins the next. A list item begins with "- ", a heading stands without number.
    ## A heading
    = 2 | A question that sentence 2 answers?
    = 2,4,a1-02:7 | One that each of these alone answers; sentences of other articles of the story are named with their id.
    = 3+a1-02:5 | One that needs both.
    x | One that no article of the story answers.

Everything in it was written to be trained on and for nothing else. Other languages are read as the product reads them, by their
gloss.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from assistant.gloss import LANGUAGES, in_english, reader
from assistant.words import guess_language

FOLDER = Path(__file__).with_name("invented")
_HEAD = re.compile(r"@ (?P<id>\S+) \| (?P<story>\S+) \| (?P<title>.+)")
_SENTENCE = re.compile(r"(\d+) (.+)")
_QUESTION = re.compile(r"(?:= *(?P<gold>[^|]+?)|x) *\| *(?P<question>.+)")


@dataclass
class _Article:
    id: str
    story: str
    title: str
    sentences: list[str] = field(default_factory=list)
    text: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)  # gold as written, the question


def read_invented() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The articles and the questions, as rows like those of other people's sets.

    Raises ValueError that names file and line where something is not as above.
    """
    articles = [_glossed(article) for path in sorted(FOLDER.glob("*.txt")) for article in _read(path)]
    by_id = {article.id: article for article in articles}
    if len(by_id) < len(articles):
        raise ValueError(f"{FOLDER}: an article id occurs twice")
    rows = [{"id": one.id, "story": one.story, "title": one.title, "text": one.text} for one in articles]
    return rows, [_question(by_id, one, number) for one in articles for number in range(len(one.asked))]


def _read(path: Path) -> Iterator[_Article]:
    article: _Article | None = None
    between = ""  # what stands between the sentence before and the next
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if head := _HEAD.fullmatch(line):
            if article:
                yield article
            article, between = _Article(head["id"], head["story"], head["title"]), ""
        elif not line:
            between = between and "\n\n"
        elif article is None:
            raise ValueError(f"{path}:{number}: text before the first article")
        elif line.startswith("## "):
            article.text += (between and "\n\n") + line
            between = "\n\n"
        elif sentence := _SENTENCE.fullmatch(line):
            if int(sentence[1]) != len(article.sentences) + 1 or article.asked:
                raise ValueError(f"{path}:{number}: sentence {sentence[1]} is not the next one of {article.id}")
            listed = between == " " and sentence[2].startswith("- ")
            article.text += ("\n" if listed else between) + sentence[2]
            article.sentences.append(sentence[2])
            between = " "
        elif asked := _QUESTION.fullmatch(line):
            article.asked.append((asked["gold"] or "", asked["question"]))
        else:
            raise ValueError(f"{path}:{number}: neither article, sentence, heading nor question: {line[:60]}")
    if article:
        yield article


def _glossed(article: _Article) -> _Article:
    """The article as it is read; one in English as it is."""
    language = guess_language(article.text)
    if language not in LANGUAGES:
        return article
    read = reader(article.text, language)
    text, end = "", 0
    for sentence in article.sentences:
        start = article.text.index(sentence, end)
        text += read(article.text[end:start]) + read(sentence)
        end = start + len(sentence)
    return replace(
        article,
        title=read(article.title),
        sentences=[*map(read, article.sentences)],
        text=text + read(article.text[end:]),
    )


def _question(articles: dict[str, _Article], article: _Article, number: int) -> dict[str, Any]:
    """A row as other people's sets have it; ``answers`` and ``evidence`` are the gold sentences."""
    gold, text = article.asked[number]
    keys: list[str] = []
    sentences: list[str] = []
    for named in filter(None, re.split(r"[,+]", gold)):
        key, _, place = named.strip().rpartition(":")
        own = articles.get(key or article.id)
        if own is None or own.story != article.story or not 0 < int(place) <= len(own.sentences):
            raise ValueError(f"{article.id}: the story has no sentence {named}: {text}")
        keys.append(own.id)
        sentences.append(own.sentences[int(place) - 1])
    return {
        "id": f"{article.id}-{number + 1:02}",
        "question": in_english(text),
        "language": guess_language(text),
        "answerable": bool(gold),
        "gold_ids": list(dict.fromkeys(keys)),
        "near_miss_ids": [article.id],
        "evidence": sentences,
        "answers": sentences,
    }
