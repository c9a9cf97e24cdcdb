"""Who may import whom, and what importing costs. The table is the one in README.md, layer by layer."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "assistant"

LAYERS: list[set[str]] = [
    {"errors", "schema"},
    {"locks", "settings"},
    {"chunking", "citing", "database", "fitted", "fulltext", "glossaries", "models", "press", "reading", "rendering"},
    {"outbox", "owner", "showing", "vectors", "words"},
    {"gloss"},
    {"catalog", "conversation", "evidence", "quoting"},
    {"indexing", "retrieval", "sameness", "spelling"},
    {"answering"},
    {"excerpts", "sources", "store", "terminal"},
    {"doctor", "ingest"},
    {"assistant", "reports"},
    {"batch", "llamaindex", "ui"},
    {"api"},
    {"cli"},
]
LAYER = {module: number for number, modules in enumerate(LAYERS) for module in modules}
HEAVY = {
    "torch": {"models"},
    "sentence_transformers": {"models"},
    "transformers": {"models"},
    "chromadb": {"vectors"},
    "llama_index": {"vectors", "llamaindex"},
    "tantivy": {"fulltext", "words"},
    "sqlite3": {"database", "catalog"},
    "gradio": {"ui"},
}


def imports(path: Path) -> set[str]:
    """Every absolute module name that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    module = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert module in LAYER, f"{module} has no layer: add it to the table here and in README.md"
    for name in imports(path):
        first, *rest = name.split(".")
        if first in HEAVY:
            assert module in HEAVY[first], f"{first} belongs to {HEAVY[first]}, not to {module}"
        assert first not in ("evals", "tests") or module == "cli"
        if first == "assistant" and rest and rest[0] in LAYER and rest[0] != module:
            assert LAYER[rest[0]] < LAYER[module], f"{module} imports {rest[0]}, which is not below it"


@pytest.mark.parametrize(
    "command", ["import assistant", "from assistant.cli import app; app(['--help'], standalone_mode=False)"]
)
def test_importing_and_help_load_nothing_heavy(command: str) -> None:
    heavy = ("torch", "chromadb", "gradio", "llama_index", "sentence_transformers", "transformers")
    check = f"{command}\nimport sys; print('LOADED', [name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert "LOADED []" in done.stdout
