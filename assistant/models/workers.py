"""Work on one question, shared out among threads.

Each of them runs torch with one thread of its own. The threads that torch would start by itself wait for each other at every
operation: beside another busy process all of them stand still most of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Workers:
    """So many threads, the calling one among them; the others start on first use and end with the process."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._others = ThreadPoolExecutor(threads - 1, "worker") if threads > 1 else None

    def share(
        self,
        run: Callable[[Sequence[_Item]], list[_Result]],
        items: Sequence[_Item],
        sizes: Sequence[int],
        *,
        least: int = 1,
    ) -> list[_Result]:
        """One result per item, in order. ``run`` is called with each thread's share of the items, of about the same ``sizes``
        in all, with fewer threads where they would have less than ``least`` on the average; what it raises is raised.
        """
        shares = share_out(sizes, max(1, min(self._threads, sum(sizes) // least)))
        parts = [[items[place] for place in share] for share in shares]
        waiting = [self._others.submit(_on_one_thread, run, part) for part in parts[1:]] if self._others else []
        found = [_on_one_thread(run, part) for part in parts[:1]] + [one.result() for one in waiting]
        placed: dict[int, _Result] = {}
        for share, results in zip(shares, found, strict=True):
            placed |= zip(share, results, strict=True)
        return [placed[place] for place in range(len(items))]


def share_out(sizes: Sequence[int], shares: int) -> list[list[int]]:
    """The places of all items in at most so many shares of about the same size, none of them empty."""
    shared: list[list[int]] = [[] for _ in range(min(shares, len(sizes)))]
    filled = [0] * len(shared)
    for place in sorted(range(len(sizes)), key=lambda place: -sizes[place]):
        least = filled.index(min(filled))
        shared[least].append(place)
        filled[least] += max(1, sizes[place])
    return shared


def _on_one_thread(run: Callable[[Sequence[_Item]], list[_Result]], items: Sequence[_Item]) -> list[_Result]:
    import torch

    torch.set_num_threads(1)
    return run(items)
