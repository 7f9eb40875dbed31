"""Atlassian documents: whether one is sound, its plain text, its HTML, and a document from what a person typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import urlsplit

Adf = dict[str, Any]

DEEPEST = 40
# The nodes that may stand where text stands, and those that may not.
INLINE = frozenset(
    {"text", "hardBreak", "mention", "emoji", "inlineCard", "date", "status", "mediaInline", "placeholder"}
)
BLOCK = frozenset(
    {"paragraph", "heading", "codeBlock", "blockquote", "rule", "bulletList", "orderedList", "listItem", "panel"}
    | {"table", "tableRow", "tableCell", "tableHeader", "mediaSingle", "mediaGroup", "media", "blockCard", "embedCard"}
    | {"taskList", "taskItem", "decisionList", "decisionItem", "expand", "nestedExpand", "extension", "caption"}
)
MARKS = frozenset(
    {"strong", "em", "code", "link", "strike", "underline", "textColor", "backgroundColor", "subsup", "alignment"}
    | {"indentation", "annotation", "border", "breakout", "dataConsumer", "fragment"}
)
# What must stand directly inside a list or a table.
CHILDREN = {
    "bulletList": {"listItem"},
    "orderedList": {"listItem"},
    "table": {"tableRow"},
    "tableRow": {"tableCell", "tableHeader"},
    "codeBlock": {"text"},
}
HOLDS_INLINE = frozenset({"paragraph", "heading", "codeBlock", "taskItem", "decisionItem"})
LINES = frozenset({"paragraph", "heading", "codeBlock", "taskItem", "decisionItem", "tableRow"})

_TAGS = {
    "paragraph": "p",
    "codeBlock": "pre",
    "blockquote": "blockquote",
    "bulletList": "ul",
    "orderedList": "ol",
    "listItem": "li",
    "tableRow": "tr",
    "tableCell": "td",
    "tableHeader": "th",
    "panel": "section",
}
_MARK_TAGS = {"strong": "b", "em": "i", "code": "code", "strike": "s", "underline": "u"}


def is_document(body: object) -> bool:
    """Whether Jira would take it: version 1, known nodes and marks in places where they may stand, no empty text."""
    if not isinstance(body, Mapping) or body.get("type") != "doc" or body.get("version") != 1:
        return False
    if not isinstance(body.get("content"), list) or not body.keys() <= {"type", "version", "content"}:
        return False
    stack: list[tuple[Any, str, int]] = [(node, "doc", 1) for node in body["content"]]
    while stack:
        node, parent, depth = stack.pop()
        if depth > DEEPEST or not _is_node(node, parent):
            return False
        stack.extend((child, str(node["type"]), depth + 1) for child in node.get("content", ()))
    return True


def _is_node(node: object, parent: str) -> bool:
    if not isinstance(node, Mapping) or not isinstance(node.get("content", []), list):
        return False
    kind = node.get("type")
    if not isinstance(kind, str) or not isinstance(node.get("attrs", {}), Mapping):
        return False
    if kind not in (INLINE if parent in HOLDS_INLINE else BLOCK) or kind not in CHILDREN.get(parent, {kind}):
        return False
    if kind == "text" and not (isinstance(node.get("text"), str) and node["text"]):
        return False
    marks = node.get("marks", [])
    return isinstance(marks, list) and all(map(_is_mark, marks))


def _is_mark(mark: object) -> bool:
    if not isinstance(mark, Mapping) or not isinstance(mark.get("attrs", {}), Mapping):
        return False
    return isinstance(mark.get("type"), str) and mark["type"] in MARKS


def plain_text(body: Mapping[str, Any] | None) -> str:
    """A line per paragraph, heading or item; the cells of a row joined by " | "."""
    return "\n".join(line for node in (body or {}).get("content") or () for line in _lines(node))


def _lines(node: Mapping[str, Any]) -> list[str]:
    kind, content = node.get("type"), node.get("content") or ()
    if kind == "tableRow":
        return [
            " | ".join(
                " ".join(line for part in cell.get("content") or () for line in _lines(part)) for cell in content
            )
        ]
    if kind in HOLDS_INLINE:
        return ["".join(inline_text(child) for child in content)]
    return [line for child in content for line in _lines(child)]


def inline_text(node: Mapping[str, Any]) -> str:
    """The words of a node that stands where text stands."""
    attributes = node.get("attrs") or {}
    if node.get("type") == "hardBreak":
        return "\n"
    if node.get("type") == "mention":
        return "@" + str(attributes.get("text") or attributes.get("id") or "").lstrip("@")
    return str(node.get("text") or attributes.get("text") or attributes.get("url") or "")


def to_html(body: Mapping[str, Any] | None) -> str:
    """The document with our own tags around it; whatever stands in it is escaped, links lead to https only."""
    return "".join(_block_html(node) for node in (body or {}).get("content") or ())


def _block_html(node: Mapping[str, Any]) -> str:
    kind, content = str(node.get("type")), node.get("content") or ()
    if kind in INLINE:
        return _inline_html(node)
    inner = "".join(_block_html(child) for child in content)
    if kind == "rule":
        return "<hr>"
    if kind == "heading":
        return f"<h3>{inner}</h3>"
    if kind == "table":
        return f"<table>{inner}</table>"
    tag = _TAGS.get(kind, "div")
    return f"<{tag}>{inner}</{tag}>"


def _inline_html(node: Mapping[str, Any]) -> str:
    if node.get("type") == "hardBreak":
        return "<br>"
    html = escape(inline_text(node))
    for mark in node.get("marks") or ():
        tag = _MARK_TAGS.get(str(mark.get("type")))
        target = str((mark.get("attrs") or {}).get("href", ""))
        if tag:
            html = f"<{tag}>{html}</{tag}>"
        elif mark.get("type") == "link" and _is_https(target):
            html = f'<a href="{escape(target, quote=True)}" rel="noreferrer">{html}</a>'
    return html


def _is_https(target: str) -> bool:
    try:
        return urlsplit(target).scheme == "https"
    except ValueError:
        return False


def paragraphs(text: str) -> Adf:
    """What a person typed: blank lines part paragraphs; lines between ``` are code."""
    content: list[Adf] = []
    for number, part in enumerate(re.split(r"^```.*$\n?", text.strip(), flags=re.MULTILINE)):
        if number % 2:
            code = part.rstrip("\n")
            content.append({"type": "codeBlock", "content": [{"type": "text", "text": code}] if code else []})
        else:
            content += [_paragraph(block) for block in re.split(r"\n\s*\n", part.strip()) if block.strip()]
    return {"type": "doc", "version": 1, "content": content}


def _paragraph(block: str) -> Adf:
    inline: list[Adf] = []
    for number, words in enumerate(block.splitlines()):
        if number:
            inline.append({"type": "hardBreak"})
        if words:
            inline.append({"type": "text", "text": words})
    return {"type": "paragraph", "content": inline}
