"""Any CrossEncoder of sentence-transformers as evidence ranker, in the packaged one's stead.

It reads the question with one sentence at a time, behind the title and the sentence before it, so that "he" stands for somebody.
Its scores mean nothing by themselves: ``python -m evals.fit.evidence --ranker NAME`` fits the decision over them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import ModelProblem
from assistant.models.encoder import has_bfloat16
from assistant.models.folders import fingerprint, model_folder, weight_digests
from assistant.models.ranker import Page, Ranker, load_packaged
from assistant.models.workers import Workers
from assistant.settings import Settings

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


class PairRanker:
    """A ranker that scores question and sentence as a pair. The weights load on first use; a page is scored by itself."""

    def __init__(self, name: str, folder: Path, *, threads: int = 1) -> None:
        self.name = name
        self.fingerprint = fingerprint(weight_digests(folder))
        self._folder, self._workers = folder, Workers(threads)
        self._loading = threading.Lock()
        self._loaded: CrossEncoder | None = None

    def read(self, question: str, pages: Sequence[Page]) -> list[list[float]]:
        """Per page and sentence the model's score as it comes, before any sigmoid. Raises ModelProblem for other models."""
        return self._workers.share(partial(self._read, question), pages, [len(page.text) for page in pages])

    def _read(self, question: str, pages: Sequence[Page]) -> list[list[float]]:
        import torch

        model = self._model()
        scores: list[list[float]] = []
        for page in pages:
            pairs = [(question, text) for text in _in_context(page)]
            found = model.predict(pairs, activation_fn=torch.nn.Identity(), show_progress_bar=False)
            scores.append([float(score) for score in found])
        return scores

    def _model(self) -> CrossEncoder:
        with self._loading:
            if self._loaded is None:
                import torch
                from safetensors import SafetensorError
                from sentence_transformers import CrossEncoder
                from transformers.utils.logging import disable_progress_bar

                disable_progress_bar()  # type: ignore[no-untyped-call]
                precision = {"dtype": torch.bfloat16} if has_bfloat16() else {}
                try:
                    model = CrossEncoder(str(self._folder), local_files_only=True, model_kwargs=precision)
                except (OSError, ValueError, SafetensorError) as error:
                    raise ModelProblem(
                        f"the ranker {self.name} cannot be loaded: {error}",
                        hint="Name a CrossEncoder of sentence-transformers, or unset ASSISTANT_RANKER.",
                    ) from error
                if model.num_labels != 1:
                    raise ModelProblem(
                        f"the ranker {self.name} gives {model.num_labels} scores a pair",
                        hint="Name a CrossEncoder that gives one, or unset ASSISTANT_RANKER.",
                    )
                self._loaded = model
        return self._loaded


def load_ranker(settings: Settings) -> Ranker | None:
    """The ranker that the settings name; None for "none". Raises ModelProblem where it is missing or damaged."""
    if settings.ranker == "none":
        return None
    if settings.ranker == "packaged":
        return load_packaged(threads=settings.threads)
    return PairRanker(settings.ranker, model_folder(settings.ranker, setting="ranker"), threads=settings.threads)


def _in_context(page: Page) -> list[str]:
    """Each sentence of the page behind the title and the sentence before it."""
    sentences = [page.text[start:end] for start, end in page.sentences]
    return [" ".join(filter(None, (page.title, *pair))) for pair in pairwise(["", *sentences])]
