"""Any number of different invented articles, to measure speed with: the sentences of ``corpus/`` in other company.

    python -m evals.bench.corpus OUT.jsonl [--articles 20000] [--seed 1]

Sentences are shuffled and recombined in paragraphs, names and numbers exchanged. What this is: text with the lengths, words and
word frequencies of news, each article and each passage another, the same for the same seed, from the invented outlets of
``corpus/``. What it is not: news, or material for quality. An article makes no sense as a whole, no question has an answer in it,
and one sentence pattern comes back in hundreds of articles, so that far more articles share words with a question than in a real
archive: a full-text search has more to rank here, not less.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from evals.schema import CORPUS, read_sources

ARTICLES, SEED, CHARACTERS = 20_000, 1, 2_450

_FIRST_DAY, _DAYS = date(2010, 1, 1), 5_800
_INVENTED = 4_000  # names that no sample article has: the long tail of an archive's vocabulary
_SENTENCE_END = re.compile(r"(?<=[.!?”])\s+(?=[A-Z“])")
_CHANGEABLE = re.compile(r"\d+|(?<=[a-z,;] )[A-Z][a-zà-ÿ]{3,}")
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][a-zà-ÿ]{3,}")


@dataclass(frozen=True, slots=True)
class Material:
    """What articles are put together from."""

    sentences: tuple[str, ...]
    titles: tuple[str, ...]
    outlets: tuple[str, ...]
    names: tuple[str, ...]


def read_material(folder: Path = CORPUS, *, seed: int = SEED) -> Material:
    """The sentences, titles, outlets and names of the English sample articles, and invented names beside them."""
    sources = [source for source in read_sources(folder).values() if source.field("language") in (None, "en")]
    lines = [line for source in sources for line in source.text.splitlines() if line[:1].isalpha() or line[:1] == "“"]
    sentences = sorted({text for line in lines for text in _SENTENCE_END.split(line) if len(text) >= 30})
    known = sorted({name for sentence in sentences for name in _NAME.findall(sentence)})
    return Material(
        sentences=tuple(sentences),
        titles=tuple(sorted({source.field("title") or "" for source in sources} - {""})),
        outlets=tuple(sorted({source.field("source") or "" for source in sources} - {""})),
        names=(*known, *_invented_names(random.Random(seed), _INVENTED)),
    )


def articles(
    count: int, *, seed: int = SEED, characters: int = CHARACTERS, folder: Path = CORPUS
) -> Iterator[dict[str, str]]:
    """``count`` articles as JSON lines have them, of about ``characters`` on average; no two texts are equal."""
    material, rng = read_material(folder, seed=seed), random.Random(seed)
    seen: set[int] = set()
    for number in range(count):
        text = _text(material, rng, characters)
        while hash(text) in seen:
            text = _text(material, rng, characters)
        seen.add(hash(text))
        id_, outlet = f"bench-{seed}-{number:06}", rng.choice(material.outlets)
        yield {
            "id": id_,
            "title": _changed(rng.choice(material.titles), material, rng),
            "date": (_FIRST_DAY + timedelta(days=rng.randrange(_DAYS))).isoformat(),
            "source": outlet,
            "url": f"https://{outlet.lower().replace(' ', '-')}.example/{id_}",
            "text": text,
        }


def write(out: Path, count: int, *, seed: int = SEED, characters: int = CHARACTERS) -> str:
    """Write the articles as JSON lines, all or nothing. Returns what was written, in a line."""
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(out.name + ".partial")
    total, texts = 0, set()
    with partial.open("w", encoding="utf-8") as file:
        for article in articles(count, seed=seed, characters=characters):
            file.write(json.dumps(article, ensure_ascii=False) + "\n")
            total += len(article["text"])
            texts.add(article["text"])
    partial.replace(out)
    return f"wrote {out}: {count:,} articles, {total / max(count, 1):,.0f} characters on average, {len(texts):,} different texts"


def corpus_file(work: Path, count: int, *, seed: int = SEED, characters: int = CHARACTERS) -> Path:
    """The file of these articles in the work folder, written if it is not there."""
    file = work / "corpus" / f"articles-{count}-{characters}-{seed}.jsonl"
    if not file.is_file():
        write(file, count, seed=seed, characters=characters)
    return file


def _text(material: Material, rng: random.Random, characters: int) -> str:
    """Paragraphs of two to five sentences, between three quarters and five quarters of ``characters`` long."""
    wanted, length = rng.uniform(0.75, 1.25) * characters, 0
    paragraphs: list[str] = []
    while length < wanted:
        chosen = [
            _changed(sentence, material, rng) for sentence in rng.choices(material.sentences, k=rng.randint(2, 5))
        ]
        while len(chosen) > 1 and length + sum(map(len, chosen)) > 1.25 * characters:
            chosen.pop()
        paragraphs.append(" ".join(chosen))
        length += len(paragraphs[-1]) + 2
    return "\n\n".join(paragraphs)


def _changed(text: str, material: Material, rng: random.Random) -> str:
    """The text with every number and half of the names exchanged."""

    def exchange(found: re.Match[str]) -> str:
        old = found.group()
        if old[0].isdigit():
            return str(rng.randrange(10 ** (len(old) - 1), 10 ** len(old)))
        return rng.choice(material.names) if rng.random() < 0.5 else old

    return _CHANGEABLE.sub(exchange, text)


def _invented_names(rng: random.Random, count: int) -> list[str]:
    consonants, vowels = [letter for letter in string.ascii_lowercase if letter not in "aeiouqxy"], "aeiou"
    names: set[str] = set()
    while len(names) < count:
        syllables = (rng.choice(consonants) + rng.choice(vowels) for _ in range(rng.randint(2, 4)))
        names.add(("".join(syllables) + rng.choice(["", "n", "r", "s", "ck", "ld"])).capitalize())
    return sorted(names)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--articles", type=int, default=ARTICLES)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--characters", type=int, default=CHARACTERS, help="about how many on average")
    chosen = parser.parse_args()
    print(write(chosen.out, chosen.articles, seed=chosen.seed, characters=chosen.characters))


if __name__ == "__main__":
    main()
