"""Work shared among threads: every item once, shares alike in size, results in order, errors raised."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from assistant.models.workers import Workers, share_out


@given(st.lists(st.integers(0, 512)), st.integers(1, 9))
def test_every_item_is_in_one_share_and_no_share_is_much_larger(sizes: list[int], shares: int) -> None:
    shared = share_out(sizes, shares)
    assert sorted(place for share in shared for place in share) == list(range(len(sizes)))
    assert len(shared) == min(shares, len(sizes))
    assert all(shared)
    filled = [sum(sizes[place] for place in share) for share in shared]
    assert max(filled, default=0) - min(filled, default=0) <= max(sizes, default=0) + len(sizes)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_each_thread_takes_a_share_at_the_same_time_and_runs_torch_alone(threads: int) -> None:
    met = threading.Barrier(threads)
    before = torch.get_num_threads()

    def double(items: Sequence[int]) -> list[tuple[int, int]]:
        met.wait(10)  # broken, unless all run side by side
        return [(2 * item, torch.get_num_threads()) for item in items]

    try:
        found = Workers(threads).share(double, range(7), [5, 1, 4, 2, 3, 1, 1])
    finally:
        torch.set_num_threads(before)
    assert found == [(2 * item, 1) for item in range(7)]


@pytest.mark.parametrize(("least", "shares"), [(1, 3), (7, 2), (10, 2), (11, 1), (100, 1)])
def test_no_thread_is_used_for_less_than_is_worth_it(least: int, shares: int) -> None:
    seen: list[list[int]] = []

    def note(items: Sequence[int]) -> list[int]:
        seen.append(list(items))
        return list(items)

    assert Workers(3).share(note, range(4), [5, 5, 5, 5], least=least) == [0, 1, 2, 3]
    assert len(seen) == shares


@pytest.mark.parametrize("wrong", [0, 1])
def test_what_a_share_raises_is_raised(wrong: int) -> None:
    def fail_at(items: Sequence[int]) -> list[int]:
        if wrong in items:
            raise ValueError(wrong)
        return list(items)

    workers = Workers(2)
    with pytest.raises(ValueError, match=str(wrong)):
        workers.share(fail_at, [0, 1], [1, 1])
    assert workers.share(fail_at, [5, 6, 7], [1, 1, 1]) == [5, 6, 7]
