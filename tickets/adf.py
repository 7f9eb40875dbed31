"""Atlassian Document Format: what a document says as text, and the few nodes that we write ourselves.

Reading walks with an explicit stack, so no depth of nesting can break it. Writing knows paragraphs, text, code, lists
and tables, and the mention of a configured account: neither a mention nor a macro nor a link can be built from ticket
text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

Adf = dict[str, Any]

# An account id of Jira Cloud, or a plain user name of Data Center.
ACCOUNT_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9:._@-]{0,127}$"
_ACCOUNT_ID = re.compile(ACCOUNT_ID.removesuffix("$"), re.ASCII)

_ROWS = frozenset({"tableRow"})
_CELLS = frozenset({"tableCell", "tableHeader"})
_ITEMS = frozenset({"listItem", "taskItem", "decisionItem"})
_LISTS = frozenset({"bulletList", "orderedList", "taskList", "decisionList"})
_LINES = frozenset(
    {"paragraph", "heading", "codeBlock", "blockquote", "panel", "expand", "nestedExpand", "mediaSingle"}
)
_CARDS = frozenset({"inlineCard", "blockCard", "embedCard"})


# Reading


def flatten(adf: Mapping[str, Any] | str | None) -> str:
    """The text of a body as a person reads it: a line per block, `- ` before list items, table rows as `a | b`,
    mentions as `@name`. A string (REST v2) is returned with its line ends made `\\n`; None is the empty text."""
    if adf is None:
        return ""
    if isinstance(adf, str):
        return (adf.replace("\r\n", "\n").replace("\r", "\n") if "\r" in adf else adf).strip()
    page = _Page()
    stack: list[tuple[Any, int]] = [(adf, 0)]  # a node and its position in its ordered list, or a kind that is left
    while stack:
        node, number = stack.pop()
        if number < 0:
            page.leave(node)
            continue
        if type(node) is not dict and not isinstance(node, Mapping):
            continue
        kind = _said(node.get("type"))
        page.enter(kind, node, number)
        content = node.get("content")
        if not content or isinstance(content, str) or not isinstance(content, Sequence):
            content = ()
        said = page.enter_texts(content)
        if said < len(content):
            stack.append((kind, -1))
            first = _first_number(node) if kind == "orderedList" else 0
            for index in range(len(content) - 1, said - 1, -1):
                stack.append((content[index], first + index if first else 0))
        else:
            page.leave(kind)
    return page.text()


class _Page:
    """Collects text; the only state is where the line stands and which cell of a row is open."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._cells: list[int] = []  # per open row: cells seen so far
        self._prefix = ""
        self._is_apart = False  # within a row: a space stands between what was and whatever comes next

    def enter(self, kind: str, node: Mapping[str, Any], number: int) -> None:
        if kind == "text":
            self._write(_text_with_link(node))
            return
        if kind in _ROWS:
            self._break()
            self._cells.append(0)
        elif kind in _CELLS and self._cells:
            if self._cells[-1]:
                self._is_apart = False
                self._line.append(" | ")
            self._cells[-1] += 1
        elif kind in _ITEMS:
            self._break()
            self._prefix = f"{number}. " if number else "- "
        elif kind in _LINES or kind in _LISTS:
            self._break()
        self._write(_inline(kind, node))

    def enter_texts(self, content: Sequence[Any]) -> int:
        """Writes the texts and line breaks with which the content begins; returns how many."""
        said = 0
        for node in content:
            if type(node) is not dict or "content" in node:
                break
            kind = node.get("type")
            if kind == "text":
                self._write(_text_with_link(node))
            elif kind == "hardBreak":
                self._write("\n")
            else:
                break
            said += 1
        return said

    def leave(self, kind: str) -> None:
        if kind in _ROWS:
            if self._cells:
                self._cells.pop()
                self._break()
        elif kind in _LINES or kind in _ITEMS:
            self._break()

    def text(self) -> str:
        self._break()
        return "\n".join(self._lines).strip()

    def _write(self, words: str) -> None:
        if not words:
            return
        if self._is_apart:
            self._line.append(" ")
            self._is_apart = False
        if self._prefix:
            self._line.append(self._prefix)
            self._prefix = ""
        if "\n" not in words:
            self._line.append(words)
        elif self._cells:
            self._line.append(words.replace("\n", " "))
        else:
            *whole, last = words.split("\n")
            for part in whole:
                self._line.append(part)
                self._flush()
            self._line.append(last)

    def _break(self) -> None:
        """A block begins or ends: a new line, except inside a table's row, where it is a space."""
        if not self._cells:
            self._flush()
        elif self._line and not self._line[-1].endswith(" "):
            self._is_apart = True

    def _flush(self) -> None:
        line = "".join(self._line).rstrip()
        self._line.clear()
        self._is_apart = False
        if line:
            self._lines.append(line)


def _first_number(node: Mapping[str, Any]) -> int:
    if node.get("type") != "orderedList":
        return 0
    order = _attributes(node).get("order", 1)
    return order if isinstance(order, int) and order > 0 else 1


def _inline(kind: str, node: Mapping[str, Any]) -> str:
    """What a leaf says; the empty text for containers and for what says nothing in words."""
    if kind == "paragraph":
        return ""
    if kind == "hardBreak":
        return "\n"
    attributes = _attributes(node)
    if kind == "mention":
        return "@" + _said(attributes.get("text") or attributes.get("id")).lstrip("@")
    if kind == "emoji":
        return _said(attributes.get("text") or attributes.get("shortName"))
    if kind in _CARDS:
        return _said(attributes.get("url"))
    if kind == "status":
        return _said(attributes.get("text"))
    if kind == "date":
        return _date(attributes.get("timestamp"))
    if kind in {"expand", "nestedExpand"} and attributes.get("title"):
        return f"{_said(attributes['title'])}\n"
    return ""


def _text_with_link(node: Mapping[str, Any]) -> str:
    words = _said(node.get("text"))
    marks = node.get("marks")
    if not isinstance(marks, list):
        return words
    for mark in marks:
        if (type(mark) is dict or isinstance(mark, Mapping)) and mark.get("type") == "link":
            target = _said(_attributes(mark).get("href"))
            if target and target not in words:
                return f"{words} ({target})"
    return words


def _date(timestamp: object) -> str:
    try:
        return datetime.fromtimestamp(int(_said(timestamp)) / 1000, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def _said(value: object) -> str:
    """A word or a number; nothing for a list or an object, where a document has no business to hold one."""
    if type(value) is str:
        return value
    return str(value) if isinstance(value, (str, int, float)) else ""


def _attributes(node: Mapping[str, Any]) -> Mapping[str, Any]:
    found = node.get("attrs")
    if found is None:
        return {}
    return found if type(found) is dict or isinstance(found, Mapping) else {}


# Writing


def doc(*blocks: Adf) -> Adf:
    """A document; without blocks, one empty paragraph, since Jira refuses an empty document."""
    return {"type": "doc", "version": 1, "content": list(blocks) or [paragraph()]}


def paragraph(*inline: Adf) -> Adf:
    content = [node for node in inline if node.get("type") != "text" or node.get("text")]
    return {"type": "paragraph", "content": content}


def text(words: str, *, strong: bool = False) -> Adf:
    node: Adf = {"type": "text", "text": words}
    if strong:
        node["marks"] = [{"type": "strong"}]
    return node


def code(words: str) -> Adf:
    return {"type": "text", "text": words, "marks": [{"type": "code"}]}


def mention(account_id: str) -> Adf:
    """A person who is notified. Only for an account that the configuration names: never for one from a ticket. Raises
    ValueError for what can be no account's id."""
    return {"type": "mention", "attrs": {"id": checked_account(account_id)}}


def checked_account(account_id: str) -> str:
    """Raises ValueError for what can be no account's id."""
    if not _ACCOUNT_ID.fullmatch(account_id):
        raise ValueError(f"{account_id[:60]!r} is no account's id: nobody is mentioned by it")
    return account_id


def code_block(words: str) -> Adf:
    content = [{"type": "text", "text": words}] if words else []
    return {"type": "codeBlock", "content": content}


def bullets(items: Sequence[Adf | str | Sequence[Adf]]) -> Adf:
    """A list; an item is words, an inline node, or several inline nodes. Raises ValueError when there is none."""
    if not items:
        raise ValueError("a list needs an item: Jira refuses an empty one")
    return {
        "type": "bulletList",
        "content": [{"type": "listItem", "content": [_block(item)]} for item in items],
    }


def table(header: Sequence[str], rows: Sequence[Sequence[Adf | str]]) -> Adf:
    """A table under a header. Raises ValueError when a row is of another width."""
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"a row has {len(row)} cells under a header of {len(header)}")
    head = [{"type": "tableHeader", "content": [_block(text(words, strong=True))]} for words in header]
    body = [[{"type": "tableCell", "content": [_block(cell)]} for cell in row] for row in rows]
    return {"type": "table", "content": [{"type": "tableRow", "content": cells} for cells in [head, *body]]}


def _block(item: Adf | str | Sequence[Adf]) -> Adf:
    if isinstance(item, str):
        return paragraph(text(item))
    if isinstance(item, dict):
        return paragraph(item)
    return paragraph(*item)
