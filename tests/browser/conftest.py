"""The chat page in a real Chromium: a server on a free port, and windows that note every request they make."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.stand_in import CONTACTS, DONATIONS, HOSTILE, StandIn

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
Window = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A running Chromium. Without one these tests are skipped on a laptop, and fail where CI=true."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        reason = f"none of {', '.join(names)} is installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def stand_in() -> StandIn:
    """Three articles in memory, one of them hostile. A test may slow it down or remove an article while the page runs."""
    return StandIn([CONTACTS, DONATIONS, HOSTILE])


@pytest.fixture
def address(stand_in: StandIn) -> Iterator[str]:
    """Where the page over ``stand_in`` is served."""
    with serving(stand_in) as url:
        yield url


@pytest.fixture
def window(chromium: Browser, address: str) -> Iterator[Window]:
    """Opens the page in a browser session of its own: ``window(width=390)``. At the end no request may have left the host."""
    requests: list[str] = []
    with ExitStack() as opened:

        def open_window(url: str = address, *, width: int = 1280, height: int = 800, **options: Any) -> Page:
            context = chromium.new_context(viewport={"width": width, "height": height}, **options)
            opened.callback(context.close)
            context.on("request", lambda request: requests.append(request.url))
            page = context.new_page()
            page.set_default_timeout(15_000)
            page.goto(url)
            page.wait_for_selector(".welcome")
            return page

        yield open_window
    strangers = {url for url in requests if urlsplit(url).scheme not in ("data", "blob")}
    assert {urlsplit(url).hostname for url in strangers} <= {"127.0.0.1"}


@contextmanager
def serving(assistant: Any) -> Iterator[str]:
    """The page over an assistant on a free port of this machine, while the block lasts."""
    from assistant.ui import mount_page

    with serving_app(mount_page(FastAPI(), assistant)) as url:
        yield url


@contextmanager
def serving_app(app: FastAPI) -> Iterator[str]:
    """An app on a free port of this machine, while the block lasts."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not server.started and thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert server.started
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join()
