"""How a process is asked that owns the vector index: a running chat leaves its address and a token in the data folder.

Another process on this machine then has its questions answered there, by meaning and by models that are loaded already. The
file is readable by its user only; it goes when the chat ends, and whoever owns the index next removes one that a kill left.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from assistant.schema import Answer, Filters, Turn

log = logging.getLogger(__name__)

ROUTE = "/api/owner/ask"
_CONNECT, _PATIENCE = 2.0, 20.0  # seconds; an owner that takes longer is not waited for
_FILE = "owner.json"


@dataclass(frozen=True, slots=True)
class Door:
    """Where the owner listens, what proves that the asker may read its data folder, and the settings it answers under."""

    address: str
    settings_hash: str
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on its way to the owner."""

    question: str
    turns: tuple[Turn, ...]
    filters: Filters


ASKED, ANSWER, _DOOR = TypeAdapter(Asked), TypeAdapter(Answer), TypeAdapter(Door)


def announce(home: Path, door: Door) -> None:
    """Leave the door in the data folder, complete or not at all. To be called by the owner only."""
    new = home / f"{_FILE}.new"
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(_DOOR.dump_json(door))
    new.replace(home / _FILE)


def withdraw(home: Path) -> None:
    """Remove the door. To be called by the owner only."""
    (home / _FILE).unlink(missing_ok=True)


def ask_owner(
    home: Path, question: str, *, turns: Sequence[Turn], filters: Filters, settings_hash: str
) -> Answer | None:
    """The owner's answer; None where it has no door, answers under other settings, or is not to be reached.

    Raises TimeoutError where it is there and says nothing: it was stopped, say.
    """
    import httpx

    try:
        door = _DOOR.validate_json((home / _FILE).read_bytes())
    except (OSError, ValidationError):
        return None
    if door.settings_hash != settings_hash:
        return None
    asked = ASKED.dump_json(Asked(question, tuple(turns), filters))
    headers = {"Authorization": f"Bearer {door.token}", "Content-Type": "application/json"}
    try:
        patience = httpx.Timeout(_PATIENCE, connect=_CONNECT)
        with httpx.Client(trust_env=False, timeout=patience) as client:  # never through a proxy
            reply = client.post(door.address + ROUTE, content=asked, headers=headers)
            reply.raise_for_status()
        return ANSWER.validate_json(reply.content)
    except httpx.TimeoutException as error:
        raise TimeoutError(f"the process that owns the vectors did not answer in {_PATIENCE:g} seconds") from error
    except (httpx.HTTPError, ValidationError) as error:
        log.warning("the process that owns the vectors was not to be asked: %s", error)
        return None
