"""Ask a corpus of news articles and get verbatim, dated, attributed quotes, or an honest no.

    from pathlib import Path
    from assistant import Assistant, load_settings

    with Assistant(load_settings(home=Path("data"))) as assistant:
        assistant.add([Path("articles")])
        print(assistant.ask("Who denied the report?").statements)

Importing this loads no model and no index. These names are public; everything else may change.
"""

from assistant.assistant import Assistant
from assistant.errors import AssistantError, BadInput
from assistant.rendering import answer_dict
from assistant.schema import Answer, Article, Citation, Filters, Passage, Statement, Turn
from assistant.settings import Settings, load_settings

__all__ = [
    "Answer",
    "Article",
    "Assistant",
    "AssistantError",
    "BadInput",
    "Citation",
    "Filters",
    "Passage",
    "Settings",
    "Statement",
    "Turn",
    "answer_dict",
    "load_settings",
]
