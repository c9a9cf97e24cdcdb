"""Every error this project raises on purpose. Each says what is wrong and, as ``hint``, what the reader can do next.

    AssistantError
    ├── BadInput             what the user gave cannot be used
    │   ├── UnreadableFile   a file or line that is no article
    │   ├── UnknownArticle   an id that is not in the catalog
    │   └── BadQuestion      an empty or far too long question
    ├── BadSetting           a setting that cannot be used
    ├── ModelProblem         a model that is missing or damaged
    ├── StoreProblem         the data folder cannot be used as it is
    │   └── Busy             another process is writing; the wait was bounded
    └── BrokenCitation       a quote that is not its slice: never shown

The command line prints ``str(error)`` and the hint as two lines and exits with ``exit_code``; the API answers ``status``.
"""

from __future__ import annotations

# What the chat page and the API say of any other error, which the log has whole.
UNEXPECTED = "Something went wrong that should not have."
UNEXPECTED_HINT = "The log of the server has the details. Nothing was changed; you can ask again."


class AssistantError(Exception):
    """The root of the tree. ``hint`` is one sentence that says what to do next."""

    exit_code = 1
    status = 500

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class BadInput(AssistantError):
    """What the user gave cannot be used."""

    exit_code = 2
    status = 422


class UnreadableFile(BadInput):
    """A file, a folder or a line that cannot be read as an article."""


class UnknownArticle(BadInput):
    """An article id that the catalog does not hold."""

    status = 404


class BadQuestion(BadInput):
    """A question that is empty or longer than the limit."""


class BadSetting(AssistantError):
    """A setting that cannot be used."""

    exit_code = 2


class ModelProblem(AssistantError):
    """A model that is missing, damaged or of the wrong kind."""

    exit_code = 3


class StoreProblem(AssistantError):
    """The data folder cannot be used as it is."""

    exit_code = 4


class Busy(StoreProblem):
    """Another process holds what this one needs; the wait for it was bounded."""

    status = 503


class BrokenCitation(AssistantError):
    """A quote is not the slice of the stored text that its citation names. Such a citation is never shown."""
