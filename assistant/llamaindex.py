"""For programs built on LlamaIndex: the assistant as a retriever and as a query engine. Neither ever resolves an LLM.

Offsets, dates and the decision to decline come along: a node's metadata names its article, version and characters, and the
response of a declined question has no source nodes.
"""

from __future__ import annotations

import asyncio

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import RESPONSE_TYPE, Response
from llama_index.core.callbacks import CallbackManager
from llama_index.core.prompts.mixin import PromptMixinType
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from assistant import citing, rendering, reports
from assistant.assistant import Assistant
from assistant.schema import Citation


class NewsRetriever(BaseRetriever):
    """The passages for a question, best first, as nodes."""

    def __init__(self, assistant: Assistant) -> None:
        super().__init__(callback_manager=CallbackManager([]))
        self._assistant = assistant

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [
            _node(citing.cite(passage.article, passage.chunk.start, passage.chunk.end), passage.score)
            for passage in self._assistant.retrieve(query_bundle.query_str)
        ]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


class NewsQueryEngine(BaseQueryEngine):
    """Answers verbatim or declines. ``response.metadata["answer"]`` is the whole answer as documented for JSON."""

    def __init__(self, assistant: Assistant) -> None:
        super().__init__(callback_manager=CallbackManager([]))
        self._assistant = assistant

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        answer = self._assistant.ask(query_bundle.query_str)
        nodes = [_node(c, statement.support) for statement in answer.statements for c in statement.citations]
        return Response(
            response=rendering.answer_markdown(answer),
            source_nodes=nodes,
            metadata={"answer": rendering.answer_dict(answer)},
        )

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        return await asyncio.to_thread(self._query, query_bundle)

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}


def _node(citation: Citation, score: float) -> NodeWithScore:
    """The cited characters as a node. Only the details are metadata: an LLM prompt of LlamaIndex shows them with the text."""
    details = reports.json_value(citation)
    quote = details.pop("quote")
    id_ = f"{citation.article_id}@{citation.version}:{citation.start}-{citation.end}"
    return NodeWithScore(node=TextNode(id_=id_, text=quote, metadata=details), score=score)
