"""Bodies as a Data Center keeps them, in wiki markup: what was sent comes back as it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.jira_adf import INLINE, Adf, inline_text, paragraphs, plain_text

# Where a body came in as wiki markup, the document keeps it under this name. Jira Cloud never shows it.
SOURCE = "wiki"
NEWLINE = "\r\n"
_MARKS = {"strong": "*{}*", "em": "_{}_", "code": "{{{{{}}}}}", "strike": "-{}-", "underline": "+{}+"}


def from_wiki(text: str) -> Adf:
    """A document that shows the text on the page and gives it back unchanged."""
    return {**paragraphs(text), SOURCE: text}


def wiki_source(body: Mapping[str, Any] | None) -> str:
    """The words of a body as history tells them: the wiki markup that was sent, else plain text."""
    source = (body or {}).get(SOURCE)
    return source if isinstance(source, str) else plain_text(body)


def without_source(body: Adf | None) -> Adf | None:
    """As Jira Cloud shows it."""
    if body is None or SOURCE not in body:
        return body
    return {name: value for name, value in body.items() if name != SOURCE}


def to_wiki(body: Mapping[str, Any] | None) -> str | None:
    """Wiki markup as a browser would have sent it; None where there is no body."""
    if body is None:
        return None
    source = body.get(SOURCE)
    if isinstance(source, str):
        return source
    blocks = [_block(node, "") for node in body.get("content") or ()]
    return "\n\n".join(blocks).replace("\n", NEWLINE)


def _block(node: Mapping[str, Any], bullet: str) -> str:
    kind, content = str(node.get("type")), node.get("content") or ()
    if kind == "codeBlock":
        return "{code}\n" + "".join(map(inline_text, content)) + "\n{code}"
    if kind == "heading":
        return "h3. " + _inline(content)
    if kind == "rule":
        return "----"
    if kind in ("bulletList", "orderedList"):
        mark = bullet + ("*" if kind == "bulletList" else "#")
        return "\n".join(_item(item, mark) for item in content)
    if kind == "tableRow":
        edge = "||" if content and content[0].get("type") == "tableHeader" else "|"
        return (
            edge
            + edge.join(" ".join(_block(part, "") for part in cell.get("content") or ()) for cell in content)
            + edge
        )
    if content and content[0].get("type") in INLINE:
        return _inline(content)
    return "\n".join(_block(child, "") for child in content)


def _item(item: Mapping[str, Any], mark: str) -> str:
    lines = [
        _block(child, mark) if str(child.get("type")).endswith("List") else f"{mark} {_block(child, '')}"
        for child in item.get("content") or ()
    ]
    return "\n".join(lines)


def _inline(content: Any) -> str:
    return "".join(map(_marked, content))


def _marked(node: Mapping[str, Any]) -> str:
    text = inline_text(node)
    for mark in node.get("marks") or ():
        kind = str(mark.get("type"))
        if kind == "link":
            text = f"[{text}|{(mark.get('attrs') or {}).get('href', '')}]"
        elif kind in _MARKS:
            text = _MARKS[kind].format(text)
    return text
