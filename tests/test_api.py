"""The HTTP door and the doors for LlamaIndex programs."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from assistant import Article, Assistant
from assistant.api import build_app, serve
from assistant.errors import BadInput
from assistant.llamaindex import NewsQueryEngine, NewsRetriever
from tests.conftest import CORPUS

QUESTION = "How much did Musk give to America PAC in the first half of October?"


@pytest.fixture(scope="module")
def client(newsroom: Assistant) -> Iterator[TestClient]:
    with TestClient(build_app(newsroom, hosts=["127.0.0.1"]), base_url="http://127.0.0.1") as opened:
        yield opened


def test_ask_and_check_the_citation_over_http(client: TestClient) -> None:
    answer = client.post("/api/ask", json={"question": QUESTION}).json()
    assert answer["outcome"] == "answer"
    citation = answer["statements"][0]["citations"][0]
    article = client.get(f"/api/articles/{citation['article_id']}", params={"version": citation["version"]}).json()
    assert article["text"][citation["start"] : citation["end"]] == citation["quote"]
    assert article["published"] == citation["published"]
    assert len(client.get("/api/articles").json()) == len(list(CORPUS.glob("*.md")))


def test_filters_and_turns_over_http(client: TestClient) -> None:
    asked = {"question": "What did he say?", "turns": [{"question": "Who is Elon Musk?"}], "as_of": "2022-12-31"}
    answer = client.post("/api/ask", json=asked).json()
    assert answer["as_of"] == "2022-12-31"
    assert answer["asked_as"] == "What did Elon Musk say?"
    assert {passage["article_id"][:4] for passage in answer["passages"]} <= {"2019", "2022"}


@pytest.mark.parametrize(
    ("body", "status"),
    [({"question": " "}, 422), ({"question": "x" * 50_000}, 422), ({}, 422), ({"question": "a", "as_of": "soon"}, 422)],
)
def test_bad_questions_over_http(client: TestClient, body: dict[str, str], status: int) -> None:
    answer = client.post("/api/ask", json=body)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "hint"}
    assert all(answer.json().values())


def test_a_body_of_the_wrong_form_is_told_what_is_wrong_with_it(client: TestClient) -> None:
    answer = client.post("/api/ask", json={"question": "Who?", "as_of": "soon"}).json()
    assert answer["error"].startswith("as_of: ")
    assert client.post("/api/ask", content=b"{").json()["error"].startswith("body: ")


def test_a_limit_that_is_misspelt_is_refused(client: TestClient) -> None:
    answer = client.post("/api/ask", json={"question": "Who denied the report?", "from": "2024-10-01"})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("from: ")


def test_what_nobody_expected_has_a_hint_too(newsroom: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(newsroom, "ask", fail)
    with TestClient(build_app(newsroom), base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        answer = client.post("/api/ask", json={"question": "Who denied the report?"})
    assert (answer.status_code, set(answer.json())) == (500, {"error", "hint"})
    assert "bug" not in answer.text


def test_errors_have_a_hint_over_http(client: TestClient) -> None:
    answer = client.get("/api/articles/nothing.md")
    assert answer.status_code == 404
    assert answer.json()["hint"]


def test_every_error_of_the_api_has_the_same_form(client: TestClient) -> None:
    body, form = b'{"question": "caf\xe9"}', {"content-type": "application/json"}
    wrong = [
        client.post("/api/ask", content=body, headers=form),
        client.get("/api/ask"),
        client.get("/api/anything"),
        client.post("/api/articles"),
    ]
    assert [answer.status_code for answer in wrong] == [400, 404, 404, 404]
    for answer in wrong:
        assert set(answer.json()) == {"error", "hint"}
        assert all(answer.json().values())


def test_a_blank_source_limits_nothing_and_blanks_around_one_do_not_count(client: TestClient) -> None:
    asked = {"question": "What did Putin ask Musk about Starlink and Taiwan?"}
    usual = client.post("/api/ask", json=asked).json()
    assert client.post("/api/ask", json=asked | {"source": " "}).json()["statements"] == usual["statements"]
    source = usual["statements"][0]["citations"][0]["source"]
    named = client.post("/api/ask", json=asked | {"source": f" {source} "}).json()
    assert {c["source"] for statement in named["statements"] for c in statement["citations"]} == {source}


def test_no_address_is_not_every_address(newsroom: Assistant) -> None:
    for host, hint in (("", "Leave --host out"), ("no.such.name.invalid", "an address of this machine")):
        with pytest.raises(BadInput) as caught:
            serve(newsroom, host=host, port=0, on_ready=print)
        assert hint in caught.value.hint


def test_another_host_name_is_not_answered(client: TestClient) -> None:
    """A page on the web whose name was made to point to this machine gets nothing."""
    assert client.get("/api/articles", headers={"host": "evil.example"}).status_code == 400


def test_a_port_in_use_is_said(newsroom: Assistant) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(BadInput) as caught:
            serve(newsroom, host="127.0.0.1", port=taken.getsockname()[1], on_ready=print)
    assert "--port 0" in caught.value.hint


def test_llamaindex_retriever_keeps_offsets(newsroom: Assistant) -> None:
    nodes = NewsRetriever(newsroom).retrieve(QUESTION)
    assert nodes
    for found in nodes:
        details = found.node.metadata
        article = newsroom.article(details["article_id"], details["version"])
        assert isinstance(article, Article)
        assert article.text[details["start"] : details["end"]] == found.node.get_content()


def test_llamaindex_engine_answers_and_declines(newsroom: Assistant) -> None:
    engine = NewsQueryEngine(newsroom)
    response = engine.query(QUESTION)
    assert response.metadata is not None
    assert response.metadata["answer"]["outcome"] == "answer"
    first = response.source_nodes[0].node
    cited = response.metadata["answer"]["statements"][0]["citations"][0]
    assert (first.get_content(), first.metadata["published"]) == (cited["quote"], cited["published"])
    assert any("$44 million" in found.node.get_content() for found in response.source_nodes)
    declined = engine.query("How many goals did Messi score for Barcelona?")
    assert declined.source_nodes == []
    assert str(declined)
