#!/usr/bin/env python3
"""Clone this repository into an empty HOME, run `make chat` there, ask over HTTP, check the citation against the file.

    .ci/fresh_clone.py [--keep]

Needs what a newcomer needs: Python, make, git and the package registry. Prints the seconds of each step and exits 1 when the
quote is not exactly the characters of the file that its citation names.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unicodedata
import urllib.request
from pathlib import Path

QUESTION = "How much did Musk give to America PAC in the first half of October?"
ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Do the steps; the exit code says whether the citation held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave the folder for a look")
    kept = parser.parse_args().keep
    folder = Path(tempfile.mkdtemp(prefix="fresh-clone-"))
    home, clone = folder / "home", folder / "clone"
    home.mkdir()
    started = time.monotonic()
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    print(f"cloned      {time.monotonic() - started:6.1f} s")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ASSISTANT_")}
    chat = subprocess.Popen(
        ["make", "chat", "PORT=0"],
        cwd=clone,
        env=environment | {"HOME": str(home), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        address = wait_for_address(chat)
        print(f"chat opened {time.monotonic() - started:6.1f} s, at {address}")
        held = check(address, clone / "corpus")
        print(f"answered    {time.monotonic() - started:6.1f} s, citation {'exact' if held else 'NOT EXACT'}")
    finally:
        os.killpg(chat.pid, signal.SIGINT)
        chat.wait(30)
        if not kept:
            subprocess.run(["rm", "-rf", str(folder)], check=True)
    return 0 if held else 1


def wait_for_address(chat: subprocess.Popen[str]) -> str:
    """The address that `make chat` prints. Raises SystemExit with all its output where it ends before."""
    lines = []
    for line in chat.stdout or ():
        lines.append(line)
        if found := re.search(r"http://\S+", line) if "chat is open" in line else None:
            return found.group()
    raise SystemExit("".join(lines) + f"make chat ended with {chat.wait()}")


def check(address: str, corpus: Path) -> bool:
    """Ask, and compare every quote with the characters of its file, read without the program."""
    body = json.dumps({"question": QUESTION}).encode()
    request = urllib.request.Request(f"{address}api/ask", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as response:
        answer = json.load(response)
    held = answer["outcome"] == "answer"
    for statement in answer["statements"]:
        for citation in statement["citations"]:
            file = (corpus / citation["article_id"]).read_bytes().decode()
            text = unicodedata.normalize("NFC", file).split("\n---\n", 1)[1].lstrip("\n")
            held = held and text[citation["start"] : citation["end"]] == citation["quote"]
            print(f"  “{citation['quote']}”\n  {citation['source']}, {citation['published']}")
    return held


if __name__ == "__main__":
    sys.exit(main())
