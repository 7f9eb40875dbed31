"""Our own documents as Jira wiki markup, for Data Center: REST v2 takes bodies as strings that Jira renders.

Text never becomes markup. A character that markup could begin, end or escape with is written as a numeric character
reference (`[` as `&#91;`): no stage of Jira's renderer reads those, and where a field is shown raw, the sign is ugly
instead of active. A backslash would be read by some stages and not by others. What stays plain is what cannot be
markup where it stands: `eu-west-1`, `data_class`, `Region: x`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from tickets.adf import checked_account

_Node = Mapping[str, Any]
_ALWAYS = frozenset("\\{}[]|~^*+@#%&")
_MARKS = {"": ("", ""), "strong": ("*", "*"), "code": ("{{", "}}")}
_EMOTICON = re.compile(r"\([^\s()]{1,8}\)")  # (y), (/), (flagoff): also those that a site adds
_LEADING = re.compile(r"(?:h\d|bq|www)$", re.IGNORECASE)  # a heading, a quotation, an address without a scheme


def to_wiki(adf: _Node) -> str:
    """A document of `tickets.adf` as wiki markup: paragraphs, bullets, tables, code blocks; text strong or as code.

    Line ends and blanks in text become one space, characters that nobody sees a replacement character. A mark is left
    out where markup could not carry it (next to a letter or a digit), and so is an item without words. A code block
    whose words could end it, or that Jira would search for mentions, is written as text. Mentions stand on lines of
    their own. Raises ValueError for a node that we do not write.
    """
    if adf.get("type") != "doc":
        raise ValueError(f"a document is to be written as wiki markup, not a node of the type {adf.get('type')!r}")
    return "\n\n".join(filter(None, map(_block, _content(adf))))


def _block(node: _Node) -> str:
    kind = node.get("type")
    if kind == "paragraph":
        return _paragraph(node)
    if kind == "codeBlock":
        return _code_block("".join(_words(part) for part in _content(node)))
    if kind == "bulletList":
        return "\n".join(f"* {words}" for item in _content(node) if (words := _only_paragraph(item, "listItem")))
    if kind == "table":
        return "\n".join(map(_row, _content(node)))
    raise ValueError(f"a node of the type {kind!r} has no wiki markup here")


def _row(node: _Node) -> str:
    cells = _content(node)
    is_header = bool(cells) and cells[0].get("type") == "tableHeader"
    kind, bar = ("tableHeader", "||") if is_header else ("tableCell", "|")
    return "".join(f"{bar} {_only_paragraph(cell, kind, marked=not is_header)} " for cell in cells) + bar


def _only_paragraph(node: _Node, kind: str, *, marked: bool = True) -> str:
    """The text of an item or a cell, which holds one paragraph: a second one would break its line."""
    inside = _content(node)
    if node.get("type") != kind or len(inside) != 1 or inside[0].get("type") != "paragraph":
        raise ValueError(f"a {kind} of one paragraph has wiki markup here, {node.get('type')!r} of other nodes has not")
    return _paragraph(inside[0], marked=marked)


def _paragraph(node: _Node, *, marked: bool = True) -> str:
    if any(part.get("type") == "mention" for part in _content(node)):
        return _mentions(_content(node))
    runs = _carried(_runs(_content(node), marked=marked))
    done = ""
    for index, (words, mark) in enumerate(runs):
        opening, closing = _MARKS[mark]
        core = words.strip(" ") if mark else words
        start = words.index(core)
        done = _escaped(done + words[:start] + opening, core, is_last=index == len(runs) - 1)
        done += closing + words[start + len(core) :]
    return done.strip(" ")


def _mentions(nodes: Sequence[_Node]) -> str:
    """A line of mentions and blanks: next to other words one could be joined with them, so there it is refused."""
    said = [node for node in nodes if node.get("type") == "mention" or _words(node).strip()]
    return " ".join(map(_mention, said))


def _mention(node: _Node) -> str:
    if node.get("type") != "mention":
        raise ValueError("a mention has wiki markup here on a line of mentions alone")
    return f"[~{checked_account(str((node.get('attrs') or {}).get('id')))}]"


def _runs(nodes: Sequence[_Node], *, marked: bool) -> list[tuple[str, str]]:
    """The words and their mark, one of `_MARKS`; blanks of every kind are single spaces."""
    runs: list[tuple[str, str]] = []
    for node in nodes:
        words = _visible(re.sub(r"\s+", " ", _words(node)))
        names = {str(mark.get("type")) for mark in node.get("marks") or ()}
        if unknown := names - set(_MARKS):
            raise ValueError(f"a text marked {sorted(unknown)} has no wiki markup here")
        mark = next((name for name in ("code", "strong") if name in names), "") if marked and words.strip(" ") else ""
        runs.append((words, mark))
    return _merged(runs)


def _carried(runs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without the marks that stand next to a letter or a digit: Jira would show their signs."""
    kept = []
    for index, (words, mark) in enumerate(runs):
        before = words[0] if words[0] == " " or not index else runs[index - 1][0][-1]
        after = words[-1] if words[-1] == " " or index == len(runs) - 1 else runs[index + 1][0][0]
        is_joined = (index > 0 and before.isalnum()) or (index < len(runs) - 1 and after.isalnum())
        kept.append((words, "" if is_joined else mark))
    return kept


def _merged(runs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Neighbours of one mark as one run: what they say together is judged together."""
    merged: list[tuple[str, str]] = []
    for words, mark in runs:
        if merged and merged[-1][1] == mark:
            merged[-1] = (re.sub(" +", " ", merged[-1][0] + words), mark)
        elif words:
            merged.append((words, mark))
    return merged


def _escaped(done: str, words: str, *, is_last: bool = True) -> str:
    """`done` and the words after it, with everything that could be markup there as character references."""
    parts = [done]
    tail = done[-3:]
    for index, char in enumerate(words):
        after = words[index + 1 : index + 2]
        is_end = is_last and not after
        part = char if _is_plain(char, tail, after, is_end) and not _EMOTICON.match(words, index) else f"&#{ord(char)};"
        parts.append(part)
        tail = (tail + part)[-3:]
    return "".join(parts)


def _is_plain(char: str, tail: str, after: str, is_end: bool) -> bool:
    """Whether this character cannot be markup after `tail`, the last of what is written, and before `after`, which is
    empty where markup of ours or the end of the block follows."""
    before = tail[-1:]
    if char in _ALWAYS:
        return False
    if char == "_":
        return _is_word(before) and _is_word(after)
    if char == "-":  # before a digit it could join a key: OPS-1 becomes a link
        return _is_word(before) and _is_word(after) and not (after.isdecimal() and not before.islower())
    if char == ":":  # a scheme's needs something after it; so do :D and :)
        return after == " " or is_end
    if char == ".":
        return not _LEADING.search(tail)
    if char == "!":  # an image's first one stands after no letter
        return _is_word(before)
    if char == "?":
        return before not in ("?", "(") and after != "?"
    if char == "(":
        return before != ";" and (bool(after) or is_end)
    if char == ")":  # the second half of ;) and of an escape's own semicolon
        return before not in (";", ":", "-", "=")
    return before != ";" or char not in "DP"


def _is_word(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _code_block(words: str) -> str:
    """Words as they stand between `{noformat}`; as text, a line each, where they could end that or mention somebody."""
    clean = "\n".join(_visible(line.expandtabs(4)) for line in words.splitlines())
    if not clean.strip():
        return ""
    if _stays_inside(clean):
        return f"{{noformat}}\n{clean}\n{{noformat}}"
    return "\n".join(filter(None, (_escaped("", line.strip(), is_last=True) for line in clean.split("\n"))))


def _stays_inside(words: str) -> bool:
    """Whether no reading of the words ends the block before its end: Jira's parser of tags takes a name that a
    backslash or a line end is in, and a tag that the words begin could swallow ours. Mentions it looks for in
    raw text, blocks included."""
    if "[~" in words:
        return False
    if "{" not in words:
        return True
    letters = re.sub(r"[^a-z{]", "", words.lower())
    closed = words.rfind("}") > words.rfind("{")
    return closed and "\\" not in words and "{noformat" not in letters and "{code" not in letters


def _visible(words: str) -> str:
    """Without control characters (Jira's renderer marks its own tokens with them) and without invisible ones."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") else char
        for char in words
    )


def _words(node: _Node) -> str:
    if node.get("type") != "text":
        raise ValueError(f"a node of the type {node.get('type')!r} has no wiki markup here")
    return str(node.get("text", ""))


def _content(node: _Node) -> Sequence[_Node]:
    return node.get("content") or ()
