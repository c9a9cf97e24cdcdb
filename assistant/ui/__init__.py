"""The chat page: the conversation on the left, the article a quote comes from on the right.

Importing this turns Gradio's analytics off before Gradio itself is imported; import it first, then ``gradio`` if you need it.
"""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from assistant.ui.page import build_page, mount_page

__all__ = ["build_page", "mount_page"]
