"""Blocks of code as the documents show them."""

import re
from pathlib import Path

PROJECT = Path(__file__).parents[1]


def snippet(document: str, first_line: str) -> str:
    """Return the block of Python that begins with a comment, as it stands in a document."""
    text = (PROJECT / document).read_text(encoding="utf-8")
    (found,) = re.findall(rf"^```python\n(# {re.escape(first_line)}\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return found
