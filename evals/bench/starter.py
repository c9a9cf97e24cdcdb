"""The five lines that LlamaIndex's own documentation starts with, on Chroma, with the same encoder: what ours is compared with.

    documents = …
    store = ChromaVectorStore(chroma_collection=client.get_or_create_collection("starter"))
    index = VectorStoreIndex.from_documents(documents, storage_context=StorageContext.from_defaults(vector_store=store))
    nodes = index.as_retriever().retrieve(question)

All settings are the defaults: chunks of 1,024 tokens, of which the encoder reads 256; batches of 10; the text in the folder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from llama_index.core import Document, StorageContext, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import TextNode
from llama_index.vector_stores.chroma import ChromaVectorStore
from numpy.typing import NDArray
from pydantic import PrivateAttr

Encode = Callable[[list[str]], NDArray[np.float32]]


class LocalEmbedding(BaseEmbedding):
    """An encoder as LlamaIndex wants it; stands for its ``HuggingFaceEmbedding``, which calls the same ``encode`` in tens."""

    _encode: Encode = PrivateAttr()

    def __init__(self, encode: Encode) -> None:
        super().__init__(model_name="local")
        self._encode = encode

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embeddings([query])[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        found: list[list[float]] = self._encode(texts).tolist()
        return found


def index_articles(folder: Path, articles: Sequence[dict[str, str]], encode: Encode) -> tuple[VectorStoreIndex, int]:
    """Articles indexed from nothing in a folder, and how many chunks that made."""
    documents = [
        Document(text=article["text"], metadata={name: article[name] for name in ("title", "date", "source")})
        for article in articles
    ]
    context, collection = _context(folder)
    index = VectorStoreIndex.from_documents(documents, storage_context=context, embed_model=LocalEmbedding(encode))
    return index, int(collection.count())


def index_passages(
    folder: Path, ids: Sequence[str], texts: Sequence[str], vectors: NDArray[np.float32], encode: Encode
) -> VectorStoreIndex:
    """An index of passages whose vectors are known, as it would be after it had encoded them."""
    context, collection = _context(folder)
    if collection.count() < len(ids):
        nodes = [
            TextNode(id_=id_, text=text, embedding=row.tolist())
            for id_, text, row in zip(ids, texts, vectors, strict=True)
        ]
        return VectorStoreIndex(nodes, storage_context=context, embed_model=LocalEmbedding(encode))
    return VectorStoreIndex.from_vector_store(context.vector_store, embed_model=LocalEmbedding(encode))


def _context(folder: Path) -> tuple[StorageContext, Any]:
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
    collection = client.get_or_create_collection("starter")
    return StorageContext.from_defaults(vector_store=ChromaVectorStore(chroma_collection=collection)), collection
