"""The page in Gradio: what is on it, which event calls what, and how it is put into the FastAPI app.

Nothing on the page asks any other host for anything: system fonts, no footer links, no analytics, and a content security policy
that makes the browser refuse what would slip through.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.ui import panel, session
from assistant.ui.session import Session

if TYPE_CHECKING:
    from assistant.assistant import Assistant

TITLE = "News assistant"

_HERE = Path(__file__).parent
# Questions of different readers run side by side; torch and SQLite take care of themselves.
_AT_ONCE = 4
# Gradio evaluates the page's own scripts from strings, hence 'unsafe-eval' and 'unsafe-inline'; everything else is this host.
_POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self'; form-action 'self'; base-uri 'self'; "
    "object-src 'none'; frame-ancestors 'self'"
)
_MASTHEAD = f'<header class="masthead"><h1>{TITLE}</h1><p>Answers in the articles’ own words</p></header>'
_HEAD = '<meta name="referrer" content="no-referrer">'


def mount_page(app: FastAPI, assistant: Assistant) -> FastAPI:
    """``app`` with the page at "/". Call it last: what is added to the app afterwards is hidden behind the page."""
    app.add_middleware(_OwnHostOnly)
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        build_page(assistant),
        path="/",
        theme=_theme(),
        # Not as css=: Gradio rewrites that, and inside a media query a rule about its own container no longer matches.
        head=f"{_HEAD}<style>{_read('style.css')}</style>",
        footer_links=[],
        run_history=False,
        show_error=False,
        enable_monitoring=False,
        max_file_size=1,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
    )
    return mounted


@dataclass(frozen=True)
class _Conversation:
    """The widgets of the conversation, and the session each browser session keeps."""

    shown: gr.State
    chat: gr.Chatbot
    box: gr.Textbox
    send: gr.Button
    fresh: gr.Button
    filters: dict[str, gr.Textbox | gr.Dropdown]


@dataclass(frozen=True)
class _Corpus:
    """The widgets of the list of articles."""

    tab: gr.Tab
    words: gr.Textbox
    order: gr.State
    table: gr.HTML


def build_page(assistant: Assistant) -> gr.Blocks:
    """The page over an assistant. Theme and style come with ``mount_page``."""
    page = gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True)
    with page:
        gr.HTML(_MASTHEAD, apply_default_css=False)
        with gr.Row(elem_id="layout"):
            with gr.Column(scale=3, elem_id="conversation-side", min_width=300), gr.Tabs():
                conversation = _conversation_tab()
                corpus = _corpus_tab()
            with gr.Column(scale=2, elem_id="source-side", min_width=300):
                source = gr.HTML(
                    panel.empty_html(), elem_id="source-panel", apply_default_css=False, js_on_load=_read("panel.js")
                )
        _wire_asking(assistant, conversation, source)
        _wire_reading(assistant, conversation, corpus, source)
        page.load(
            lambda: _greeting(assistant),
            outputs=[conversation.chat, conversation.filters["source"]],
            show_progress="hidden",
            api_visibility="private",
        )
    return page


def _conversation_tab() -> _Conversation:
    with gr.Tab("Conversation", id="conversation"):
        # Inside the tab: as a child of the tabs themselves it would count as one, and the next tab would be drawn twice.
        shown = gr.State(Session())
        chat = gr.Chatbot(
            elem_id="chat",
            show_label=False,
            label="Conversation",
            height=None,
            autoscroll=False,  # it would show the end of an answer first; panel.js shows its beginning
            latex_delimiters=[],
            buttons=[],
            feedback_options=None,
            layout="panel",
            group_consecutive_messages=False,
        )
        with gr.Row(elem_id="asking"):
            box = gr.Textbox(
                elem_id="question",
                label="Your question",
                show_label=False,
                placeholder="Ask about the articles",
                lines=1,
                max_lines=6,
                autofocus=True,
                scale=1,
            )
            send = gr.Button("Ask", variant="primary", elem_id="send", scale=0, min_width=72)
        with gr.Row(elem_id="extras"):
            with gr.Accordion("Filters", open=False, elem_id="filters"), gr.Row():
                filters = _filter_fields()
            fresh = gr.Button("New conversation", elem_id="fresh", size="sm", scale=0, min_width=140)
    return _Conversation(shown, chat, box, send, fresh, filters)


def _filter_fields() -> dict[str, gr.Textbox | gr.Dropdown]:
    """The fields by the names that ``session.read_filters`` knows. The script turns the dates into the browser's own."""
    labels = {"since": "From", "until": "To", "as_of": "As of"}
    days = {
        name: gr.Textbox(label=label, placeholder="2024-10-25", max_lines=1, min_width=120, elem_classes="day")
        for name, label in labels.items()
    }
    source = gr.Dropdown([session.ANY_SOURCE], value=session.ANY_SOURCE, label="Source", min_width=160)
    return {**days, "source": source}


def _corpus_tab() -> _Corpus:
    with gr.Tab("Corpus", id="corpus") as tab:
        words = gr.Textbox(
            label="Find articles",
            show_label=False,
            placeholder="Words in title, source or id",
            max_lines=1,
            elem_id="find",
        )
        order = gr.State(panel.NEWEST_FIRST)
        table = gr.HTML(elem_id="articles", apply_default_css=False, js_on_load=_read("articles.js"))
    return _Corpus(tab, words, order, table)


def _wire_asking(assistant: Assistant, parts: _Conversation, source: gr.HTML) -> None:
    """Enter, the button and the example questions ask; one question at a time in one window, so typed text stays."""
    fields = parts.filters

    def on_ask(
        event: gr.EventData, typed: str, shown: Session, seen: list[Any], *limits: str | None
    ) -> Iterator[tuple[Any, ...]]:
        chosen = event._data if isinstance(event._data, dict) else {}
        question = str(chosen.get("question") or typed or "")
        if not question.strip():
            yield gr.skip(), gr.skip(), gr.skip(), gr.skip()
            return
        if not shown.messages and any(message["role"] == "user" for message in seen):
            shown = session.lost()
        step, box = shown, gr.skip() if chosen else ""
        for step in session.ask(assistant, shown, question, dict(zip(fields, limits, strict=True))):
            yield _messages(step), gr.skip(), box, gr.Button(interactive=False)
            box = gr.skip()  # cleared once; what is typed from now on is the next question
        yield _messages(step), step, gr.skip(), gr.Button(interactive=True)

    asking = gr.on(
        [parts.box.submit, parts.send.click, source.select],
        on_ask,
        inputs=[parts.box, parts.shown, parts.chat, *fields.values()],
        outputs=[parts.chat, parts.shown, parts.box, parts.send],
        show_progress="hidden",
        trigger_mode="once",
        concurrency_limit=_AT_ONCE,
        api_visibility="private",
    )
    parts.fresh.click(
        lambda: (_greeting(assistant)[0], Session(), panel.empty_html(), gr.Button(interactive=True)),
        outputs=[parts.chat, parts.shown, source, parts.send],
        cancels=[asking],
        show_progress="hidden",
        api_visibility="private",
    )


def _wire_reading(assistant: Assistant, parts: _Conversation, corpus: _Corpus, source: gr.HTML) -> None:
    """A click on a citation or a title opens the panel; the list is read again when its tab opens, is searched or sorted."""

    def on_open(shown: Session, event: gr.EventData) -> str:
        return session.open_source(assistant, shown, str(event._data.get("href", "")))

    def on_sort(words: str, event: gr.EventData) -> tuple[str, str]:
        order = str(event._data.get("order", ""))
        order = order if order.removeprefix("-") in panel.ORDERS else panel.NEWEST_FIRST
        return order, session.list_articles(assistant, words, order)

    def on_list(words: str, order: str) -> str:
        return session.list_articles(assistant, words, order)

    quiet: dict[str, Any] = {
        "show_progress": "hidden",
        "concurrency_limit": _AT_ONCE,
        "api_visibility": "private",
        "trigger_mode": "always_last",
    }
    source.click(on_open, inputs=parts.shown, outputs=source, **quiet)
    corpus.table.click(on_sort, inputs=corpus.words, outputs=[corpus.order, corpus.table], **quiet)
    gr.on(
        [corpus.tab.select, corpus.words.change],
        on_list,
        inputs=[corpus.words, corpus.order],
        outputs=corpus.table,
        **quiet,
    )


def _greeting(assistant: Assistant) -> tuple[gr.Chatbot, gr.Dropdown]:
    """An empty chat that says what to ask, and the sources there are."""
    welcome, sources = session.greet(assistant)
    return gr.Chatbot(value=[], placeholder=welcome), gr.Dropdown([session.ANY_SOURCE, *sources])


def _messages(shown: Session) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in shown.messages]


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _theme() -> gr.themes.Base:
    """Fonts of the reader's system only: Gradio's own theme would fetch some from elsewhere."""
    sans = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Liberation Sans", "sans-serif"]
    mono = ["ui-monospace", "Menlo", "Consolas", "Liberation Mono", "monospace"]
    return gr.themes.Base(font=sans, font_mono=mono, primary_hue="slate", neutral_hue="stone", radius_size="sm")


class _OwnHostOnly:
    """ASGI: adds the policy to every response. Written by hand because Starlette's base class buffers streams."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", _POLICY)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "no-referrer")
            await send(message)

        await self._app(scope, receive, send_with_policy if scope["type"] == "http" else send)
