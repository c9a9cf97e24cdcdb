"""One frozen ``Settings`` for the whole program: a flag wins over ``ASSISTANT_*``, that over ``.env``, that over the default.

It is made once at a door (command line, API, test) and passed on. Nothing here reads it from a global, and nothing writes it.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from assistant.errors import BadSetting

PACKAGED_ENCODER = "all-MiniLM-L6-v2"

CHECKOUT = Path(__file__).resolve().parent.parent

# What changes an answer to the same question over the same corpus; where things lie and what a page shows does not.
_ANSWERING = (
    "encoder",
    "ranker",
    "dense_weight",
    "title_weight",
    "candidates",
    "passages",
    "statements",
    "answer_threshold",
    "nearest_threshold",
)


class Settings(BaseSettings):
    """Every setting with its default. ``Settings(home=...)`` overrides; see ``load_settings`` for errors with a hint."""

    model_config = SettingsConfigDict(
        env_prefix="ASSISTANT_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Field(default_factory=lambda: default_home(), description="The data folder: catalog and indexes.")
    corpus: Path | None = Field(
        default_factory=lambda: default_corpus(), description="The folder `sync` reads by default."
    )
    language: str = Field(
        "en", pattern="^[a-z]{2}$", description="Language of articles that do not state one (ISO 639-1)."
    )

    encoder: str = Field(
        PACKAGED_ENCODER, description="The packaged model, a folder, or a sentence-transformers hub name."
    )
    ranker: str = Field(
        "packaged",
        description="The packaged ranker, a CrossEncoder by folder or hub name, or none: words and vectors only.",
    )
    threads: int = Field(
        default_factory=lambda: min(2, os.cpu_count() or 1),
        ge=1,
        description="Threads that share the reading for one question; default: 2, on a machine with one core 1.",
    )
    add_threads: int | None = Field(
        None, ge=1, description="Threads for embedding articles; default: all, in a running chat all but one."
    )
    chroma_url: str | None = Field(
        None, pattern="^https?://", description="A Chroma server instead of the local folder."
    )

    # both as fitted: fitted/fusion.json
    dense_weight: float = Field(
        0.35, ge=0, le=1, description="Share of the dense score in the fused score; the rest is BM25."
    )
    title_weight: float = Field(0.5, ge=0, description="Weight of a title match in BM25, against 1 for the text.")
    candidates: int = Field(50, ge=1, le=1000, description="Chunks taken from each index before fusing.")
    passages: int = Field(
        12, ge=1, le=100, description="Passages found for a question and read; for a count of sources twice as many."
    )
    statements: int = Field(
        5, ge=1, le=10, description="Statements an answer has at most, but where sources are counted."
    )
    answer_threshold: float | None = Field(
        None, ge=0, le=1, description="Answer at this confidence; default: as fitted."
    )
    nearest_threshold: float | None = Field(
        None, ge=0, le=1, description="From it on the outcome is nearest, not decline; as fitted."
    )

    max_question_characters: int = Field(2_000, ge=1, description="Longer questions are refused.")
    max_article_bytes: int = Field(5_000_000, ge=1, description="A larger file or JSON line is refused.")
    lock_seconds: float = Field(30.0, gt=0, description="How long a write waits for another process.")

    @field_validator("home", "corpus")
    @classmethod
    def _expanded(cls, path: Path | None) -> Path | None:
        return path and path.expanduser()

    @field_validator("home", mode="before")
    @classmethod
    def _named(cls, home: object) -> object:
        if home == "":  # what "$UNSET" becomes, and no "."
            raise ValueError("no folder is named")
        return home

    @model_validator(mode="after")
    def _thresholds_in_order(self) -> Settings:
        answer, nearest = self.answer_threshold, self.nearest_threshold
        if answer is not None and nearest is not None and nearest > answer:
            raise ValueError("nearest_threshold must not be above answer_threshold")
        return self

    @property
    def answering(self) -> dict[str, Any]:
        """The settings that change answers, as JSON values."""
        return self.model_dump(mode="json", include=set(_ANSWERING))

    @property
    def answering_hash(self) -> str:
        """16 hex digits over ``answering``."""
        return hashlib.sha256(json.dumps(self.answering, sort_keys=True).encode()).hexdigest()[:16]


def load_settings(**flags: Any) -> Settings:
    """Settings from the given flags (None means "not given"), the environment, ``.env`` and the defaults.

    Raises BadSetting, which names the first setting that cannot be used.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except UnicodeDecodeError as error:
        raise BadSetting("the file .env is not UTF-8", hint="Save it as UTF-8.") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        message = f"the setting {name} cannot be used: {first['msg']}"
        raise BadSetting(message, hint=f"Change the flag, ASSISTANT_{name.upper()} or the line in .env.") from error


def in_checkout() -> bool:
    """Whether this package runs from a checkout, with the corpus beside it."""
    return (CHECKOUT / "corpus").is_dir() and (CHECKOUT / "pyproject.toml").is_file()


def default_home() -> Path:
    """``.assistant`` beside the corpus in a checkout, the user's data folder else."""
    return CHECKOUT / ".assistant" if in_checkout() else platformdirs.user_data_path("assistant", appauthor=False)


def default_corpus() -> Path | None:
    """The corpus of the checkout, None where there is none."""
    return CHECKOUT / "corpus" if in_checkout() else None
