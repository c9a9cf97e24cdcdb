"""The full-text index: BM25 over chunks in tantivy, one analyser per language. Derived from the catalog and rebuildable.

It never parses query syntax: a question is analysed into words, and each word is looked up as it is. The caller holds the write
lock of the data folder while it writes; readers see a commit on their next search.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import tantivy
from tantivy import Filter, Occur, Query, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from assistant.errors import StoreProblem

# ISO 639-1 → tantivy's stemmer. A text in any other language is lower-cased and split into words, not stemmed.
STEMMED = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "fi": "finnish",
    "fr": "french", "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
_WITH_STOP_WORDS = set(STEMMED) - {"ar", "el", "ro", "ta", "tr"}
OTHER = "xx"

# tantivy's English list is Lucene's, which keeps the words that questions are made of.
_QUESTION_WORDS = {
    "en": "about any can could did do does had has have he her his how i me my she should tell us we were what when where"
    " which who whom whose why would you your",
    "de": "wann warum was welche welcher welches wem wen wer weshalb wessen wie wieso wo wohin woher wofür worüber",
    "fr": "combien comment est-ce où pourquoi quand que quel quelle quelles quels qui quoi",
    "es": "cuál cuáles cuándo cuánta cuántas cuánto cuántos cómo dónde por qué quién quiénes",
}
_LONGEST_WORD = 80  # bytes; longer runs are no words
_HEAP = 50_000_000  # bytes the writer gathers before it writes a segment


@dataclass(frozen=True, slots=True)
class Entry:
    """A chunk as it is indexed."""

    chunk_id: str
    language: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that an index returned, with that index' own score."""

    chunk_id: str
    score: float


class FullText:
    """The open index of one data folder. ``created`` says that it was empty or missing and has to be filled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.created = not tantivy.Index.exists(str(folder))
        self._schema = _schema()
        try:
            self._index = self._open()
        except ValueError as error:
            raise StoreProblem(
                f"the full-text index {folder} cannot be opened: {error}", hint="Rebuild it: assistant rebuild fulltext"
            ) from error

    def write(self, entries: Iterable[Entry], deleted: Iterable[str]) -> None:
        """Delete and (re)write chunks in one commit. Safe on disk when it returns."""
        with self._writer() as writer:
            for chunk_id in deleted:
                writer.delete_documents_by_term("chunk_id", chunk_id)
            for entry in entries:
                writer.delete_documents_by_term("chunk_id", entry.chunk_id)
                language = entry.language if entry.language in STEMMED else OTHER
                document = tantivy.Document()
                document.add_text("chunk_id", entry.chunk_id)
                document.add_text(f"title_{language}", entry.title)
                document.add_text(f"text_{language}", entry.text)
                writer.add_document(document)
            writer.commit()
        self._index.reload()

    def search(
        self,
        question: str,
        *,
        languages: Sequence[str],
        limit: int,
        title_weight: float,
        allowed: Sequence[str] | None = None,
    ) -> list[Hit]:
        """The best chunks by BM25, best first, equal scores in order of id; among ``allowed`` only, where it is given."""
        wanted = self._query(question, languages, title_weight)
        if wanted is None or (allowed is not None and not allowed):
            return []
        if allowed is not None:
            inside = Query.const_score_query(Query.term_set_query(self._schema, "chunk_id", list(allowed)), 0.0)
            wanted = Query.boolean_query([(Occur.Must, wanted), (Occur.Must, inside)])
        self._index.reload()
        searcher = self._index.searcher()
        hits = [
            Hit(str(searcher.doc(address)["chunk_id"][0]), float(score))
            for score, address in searcher.search(wanted, limit).hits
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))

    def clear(self) -> None:
        """Delete every chunk from the index."""
        with self._writer() as writer:
            writer.delete_all_documents()
            writer.commit()
        self._index.reload()

    def ids(self) -> set[str]:
        """Every chunk in the index."""
        self._index.reload()
        searcher = self._index.searcher()
        found = searcher.search(Query.all_query(), max(1, searcher.num_docs)).hits
        return {str(searcher.doc(address)["chunk_id"][0]) for _, address in found}

    def count(self) -> int:
        """How many chunks are in the index."""
        self._index.reload()
        return int(self._index.searcher().num_docs)

    def _writer(self) -> tantivy.IndexWriter:
        """A writer over the index as it is on disk. The write lock that the caller holds says that there is no other one.

        A killed process leaves tantivy's lock file, and maybe files of a commit that did not come about: the next commit would
        write files of the same names, and fails on them. Only an index opened afresh knows which they are.
        """
        (self._folder / ".tantivy-writer.lock").unlink(missing_ok=True)
        writer = self._open().writer(heap_size=_HEAP, num_threads=1)
        writer.garbage_collect_files()
        return writer

    def _open(self) -> tantivy.Index:
        index = tantivy.Index(self._schema, path=str(self._folder), reuse=True)
        for language in (*STEMMED, OTHER):
            index.register_tokenizer(f"news_{language}", _analyser(language))
        return index

    def _query(self, question: str, languages: Sequence[str], title_weight: float) -> Query | None:
        parts: list[tuple[Occur, Query]] = []
        for language in sorted({language if language in STEMMED else OTHER for language in languages}):
            for word in words(question, language):
                parts.append((Occur.Should, Query.term_query(self._schema, f"text_{language}", word)))
                if title_weight > 0:
                    title = Query.term_query(self._schema, f"title_{language}", word)
                    parts.append((Occur.Should, Query.boost_query(title, title_weight)))
        return Query.boolean_query(parts) if parts else None


def words(text: str, language: str) -> list[str]:
    """The distinct index terms of a question in order, stop words and question words left out unless nothing else is there."""
    terms = list(dict.fromkeys(_analyser(language).analyze(text)))
    asking = set(_analyser(language).analyze(_QUESTION_WORDS.get(language, "")))
    return [term for term in terms if term not in asking] or terms


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("chunk_id", stored=True, tokenizer_name="raw", index_option="basic")
    for language in (*STEMMED, OTHER):
        for field in ("title", "text"):
            builder.add_text_field(f"{field}_{language}", tokenizer_name=f"news_{language}", index_option="freq")
    return builder.build()


@cache
def _analyser(language: str) -> TextAnalyzer:
    builder = (
        TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.remove_long(_LONGEST_WORD)).filter(Filter.lowercase())
    )
    if language in _WITH_STOP_WORDS:
        builder = builder.filter(Filter.stopword(STEMMED[language]))
    if language in STEMMED:
        builder = builder.filter(Filter.stemmer(STEMMED[language]))
    return builder.filter(Filter.ascii_fold()).build()
