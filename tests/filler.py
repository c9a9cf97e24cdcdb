"""Any number of short invented articles, all different, about towns, clubs and weather: what surrounds an article under test."""

from __future__ import annotations

import random
from collections.abc import Iterator

_TOWNS = [
    f"{first}{last}"
    for first in ("Ald", "Brack", "Corn", "Dun", "Elm", "Fern")
    for last in ("wick", "ford", "by", "ham")
]
_PEOPLE = ("Ida Brandt", "Tom Ashe", "Lena Voss", "Ravi Sood", "Maja Lind", "Otis Crane", "Nuria Sala", "Bo Farr")
_DOINGS = (
    "{person} opened a bakery on the market square of {town} after {n} years abroad.",
    "The handball club of {town} won its {n}th match in a row, and {person} scored the deciding goal.",
    "Heavy rain flooded {n} cellars in {town}; {person} of the fire brigade spoke of a long night.",
    "{person} planted {n} lime trees along the canal of {town} with pupils of the local school.",
    "The library of {town} lends out garden tools now, and {person} has repaired {n} of them.",
    "A lost dog found its way back to {town} over {n} kilometres, to the delight of {person}.",
    "The choir of {town} rehearses for its {n}th summer concert under {person}.",
    "{person} restored the tower clock of {town}, which had stood still for {n} months.",
)


def filler(count: int, *, seed: int = 1) -> Iterator[dict[str, str]]:
    """``count`` articles as JSON lines have them, the same for the same seed."""
    chosen = random.Random(seed)
    for number in range(count):
        town = chosen.choice(_TOWNS)
        sentences = [
            doing.format(person=chosen.choice(_PEOPLE), town=town, n=chosen.randint(2, 90))
            for doing in chosen.sample(_DOINGS, 1)
        ]
        yield {
            "id": f"filler-{number:05}",
            "title": f"News from {town}, part {number}",
            "date": f"20{chosen.randint(10, 24)}-{chosen.randint(1, 12):02}-{chosen.randint(1, 28):02}",
            "source": "Sample Courier",
            "url": "",
            "text": " ".join(sentences),
        }
