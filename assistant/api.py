"""The HTTP door: a small JSON API, and the chat page mounted in front of everything else. README.md lists the routes.

It listens on this machine unless the user names another address, and answers only requests that name it as host.
"""

from __future__ import annotations

import logging
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Header, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from assistant import reports
from assistant.assistant import Assistant
from assistant.batch import WrittenQuestion, answer_written
from assistant.errors import UNEXPECTED, UNEXPECTED_HINT, AssistantError, BadInput
from assistant.owner import ANSWER, ROUTE, Asked, Door

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5  # how often the running chat looks for articles that another process added
_FIELDS = (
    'Send JSON, with the header Content-Type: application/json: {"question": "Who said so?"},'
    ' and if you like "turns", "as_of", "since", "until", "source".'
)
_ROUTES = "There are POST /api/ask, GET /api/articles and GET /api/articles/ID."
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def build_app(assistant: Assistant, *, hosts: list[str] | None = None, door: Door | None = None) -> FastAPI:
    """The app with its API and the chat page. ``hosts`` are the host names it answers to; None answers to all.

    Other processes on this machine ask at ``door``, if there is one.
    """

    @asynccontextmanager
    async def tending(_: FastAPI) -> AsyncIterator[None]:
        with _tending(assistant):
            yield

    app = FastAPI(title="News assistant", lifespan=tending, docs_url=None, redoc_url=None)
    if hosts is not None:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)
    _add_routes(app, assistant)
    if door is not None:
        _add_door(app, assistant, door)
    _add_end(app)
    from assistant.ui import mount_page

    return mount_page(app, assistant)


def serve(assistant: Assistant, *, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve until interrupted; ``on_ready`` is called with the address. ``port`` 0 takes a free one. Raises BadInput."""
    import uvicorn

    if not host.strip():  # it would be every address of this machine
        raise BadInput("no address is named", hint="Leave --host out to be reached from this machine only.")
    listener = _listen(host, port)
    hosts = [f"[{name}]" if ":" in name else name for name in _LOOPBACK] if host in _LOOPBACK else None
    shown = f"[{host}]" if ":" in host else host
    place = f"http://{shown}:{listener.getsockname()[1]}"
    nearby = place.replace("://0.0.0.0:", "://127.0.0.1:").replace("://[::]:", "://[::1]:")
    door = Door(nearby, assistant.settings.answering_hash)
    app = build_app(assistant, hosts=hosts, door=door)
    assistant.store.announce(door)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3))
    on_ready(f"{place}/")
    server.run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        unknown = isinstance(error, socket.gaierror)
        raise BadInput(
            f"nothing can listen at {host}:{port}: {error.strerror}",
            hint="Name an address of this machine." if unknown else "Choose another port, or a free one with: --port 0",
        ) from error
    listener.listen(128)
    return listener


def _add_routes(app: FastAPI, assistant: Assistant) -> None:
    @app.exception_handler(AssistantError)
    def answer_error(_: Request, error: AssistantError) -> JSONResponse:
        return JSONResponse({"error": str(error), "hint": error.hint}, status_code=error.status)

    @app.exception_handler(RequestValidationError)
    def answer_misshapen(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(part for part in first["loc"][1:] if isinstance(part, str)) or "body"
        return JSONResponse({"error": f"{where}: {first['msg']}", "hint": _FIELDS}, status_code=422)

    @app.exception_handler(StarletteHTTPException)
    def answer_http(_: Request, error: StarletteHTTPException) -> JSONResponse:
        return JSONResponse({"error": str(error.detail), "hint": _FIELDS}, status_code=error.status_code)

    @app.exception_handler(Exception)
    def answer_unexpected(_: Request, error: Exception) -> JSONResponse:  # the outermost door: uvicorn logs it
        return JSONResponse({"error": UNEXPECTED, "hint": UNEXPECTED_HINT}, status_code=500)

    @app.post("/api/ask")
    def ask(asked: WrittenQuestion) -> dict[str, Any]:
        """Answer one question. The fields of the answer are documented in the README."""
        return answer_written(assistant, asked)

    @app.get("/api/articles")
    def articles() -> list[dict[str, Any]]:
        """Every article without its text, newest first."""
        return [reports.json_value(row) for row in assistant.articles()]

    @app.get("/api/articles/{article_id:path}")
    def article(article_id: str, version: str | None = None) -> dict[str, Any]:
        """One article with its text, or its title and the moment of its removal."""
        found: dict[str, Any] = reports.json_value(assistant.article(article_id, version))
        return found


def _add_door(app: FastAPI, assistant: Assistant, door: Door) -> None:
    """The route that another process asks at, which must know the token from the data folder."""

    @app.post(ROUTE)
    def ask_for_another(asked: Asked, authorization: Annotated[str, Header()] = "") -> Response:
        if not secrets.compare_digest(authorization.encode(), f"Bearer {door.token}".encode()):
            raise HTTPException(403)
        answer = assistant.ask(asked.question, turns=asked.turns, filters=asked.filters)
        return Response(ANSWER.dump_json(answer), media_type="application/json")


def _add_end(app: FastAPI) -> None:
    """What answers to any other address of the API: else the chat page would."""

    @app.api_route("/api/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
    def answer_unknown(request: Request) -> JSONResponse:
        said = f"there is no {request.method} {request.url.path}"
        return JSONResponse({"error": said, "hint": _ROUTES}, status_code=404)


class _Over(Exception):
    """The chat is being closed; what is left of the index work is resumed by the next process."""


@contextmanager
def _tending(assistant: Assistant) -> Iterator[None]:
    """While it lasts, this process owns the vectors and does the index work that it or other processes left open."""
    over = threading.Event()

    def look(*_: object) -> None:
        if over.is_set():
            raise _Over

    def tend() -> None:
        warm, said = False, ""
        while not over.is_set():
            try:
                if not warm:
                    assistant.warm_up()
                    warm = True
                assistant.store.catch_up(look)
                said = ""
            except _Over:
                return
            except Exception as error:  # the outermost of this thread: the work stays open and is tried again
                if str(error) != said:  # every second, and said once
                    log.warning("index work was put off: %s", error, exc_info=not isinstance(error, AssistantError))
                said = str(error)
            over.wait(_LOOK_SECONDS)

    thread = threading.Thread(target=tend, name="index work", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
