"""Citations: made by slicing the stored text, and sliced again before they are shown. A quote is never typed."""

from __future__ import annotations

from assistant.errors import BrokenCitation
from assistant.schema import Article, Citation


def cite(article: Article, start: int, end: int) -> Citation:
    """The characters ``[start, end)`` of the article as a citation. Raises BrokenCitation for an empty or impossible range."""
    if not 0 <= start < end <= len(article.text):
        raise BrokenCitation(f"the article {article.id} has no characters {start} to {end}", hint=_HINT)
    return Citation(
        article_id=article.id,
        version=article.version,
        start=start,
        end=end,
        quote=article.text[start:end],
        title=article.title,
        source=article.source,
        published=article.published,
        updated=article.updated,
        url=article.url,
    )


def verify(citation: Citation, article: Article) -> Citation:
    """The citation itself, if everything it says of this version of the article is so. Raises BrokenCitation else."""
    if (citation.article_id, citation.version) != (article.id, article.version):
        raise BrokenCitation(
            f"the citation is of {citation.article_id} version {citation.version}, not of {article.id} version"
            f" {article.version}",
            hint=_HINT,
        )
    if citation != cite(article, citation.start, citation.end):
        raise BrokenCitation(
            f"the quote is not what the article {article.id} says at {citation.start} to {citation.end}", hint=_HINT
        )
    return citation


_HINT = "The citation is not shown. Check the data folder: assistant doctor"
