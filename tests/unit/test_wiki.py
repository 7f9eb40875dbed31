"""Our documents as wiki markup, read back by a renderer that does what Jira's does, in Jira's order."""

from __future__ import annotations

import html
import re
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.test_replies import EVERY
from tickets import adf
from tickets.adf import flatten
from tickets.wiki import to_wiki

# What Jira's renderer acts on (Data Center's "Text formatting notation", and where that is silent, what it does)
SCHEMES = r"(?:https?://|ftps?://|mailto:|nntp://|news://|irc://|file:)"
ACTIVE = {
    "macro": r"\{(?![{*?^_+~-])[^{}]*\}",
    "link or mention": r"\[[^\s\]][^\]\n]*\]",
    "mention": r"\[~|(?<!\w)@\w",
    "address": rf"(?<![^\W_]){SCHEMES}[-_.!~*';/?:@#&=%+$,\w\[\]()\\]",
    "address without a scheme": r"\bwww\.",
    "image": r"(?<![^\W_])![^\s!][^!\n]*!",
    "ticket's key": r"[A-Z][A-Z0-9_]+-\d",
    "emoticon": r"[:;]-?[()DP](?!\w)|\((?:[yni/x!+?*-]|\*[rgby]|on|off|flag|flagoff)\)",
    "dash": r"(?:^|\s)-{2,3}(?:\s|$)",
    "other phrase": r"(?<![^\W_])(?:\?\?\S.*?\?\?|\^\S.*?\^|~\S.*?~|_\S.*?_|-\S.*?-|\+\S.*?\+)(?![^\W_])",
    "escape": r"\\",
    "token of the renderer": r"[\x00-\x08\x0b-\x1f\x7f]",
}
LINE_START = r"\s*(?:h\d\.|bq\.|\|)|\s*[*#-]+\s|\s*-{4}"
PHRASE = r"(?<![^\W_]){0}([^\s{1}](?:[^{1}\n]*?[^\s{1}])?){2}(?![^\W_])"
CODE = re.compile(PHRASE.format(r"\{\{", "{}", r"\}\}"))
STRONG = re.compile(PHRASE.format(r"\*", "*", r"\*"))
Inline = list[tuple[str, str]]


def rendered(wiki: str) -> list[tuple[str, Any]]:
    """Blocks as a person sees them. Fails on anything active that is not ours."""
    blocks: list[tuple[str, Any]] = []
    while (start := wiki.find("{noformat}")) >= 0:
        end = end_of_noformat(wiki, start + len("{noformat}"))
        blocks += text_blocks(wiki[:start])
        blocks.append(("code", wiki[start + len("{noformat}") : end].strip("\n")))
        wiki = wiki[end + len("{noformat}") :]
    return blocks + text_blocks(wiki)


def end_of_noformat(wiki: str, start: int) -> int:
    """Where Jira sees the closing tag: a backslash or a line end within a tag's name hides in it."""
    position = start
    while position < len(wiki):
        if wiki[position] == "\\":
            position += 2
            continue
        if wiki[position] == "{":
            name = re.sub(r"[\\\r\n]", "", wiki[position + 1 : (wiki + "}").index("}", position)])
            if name == "noformat":
                assert wiki.startswith("{noformat}", position), "a tag of the words closes the block"
                return position
        position += 1
    raise AssertionError("the block is never closed")


def text_blocks(wiki: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for block in filter(str.strip, re.split(r"\n\s*\n", wiki)):
        lines = block.strip("\n").split("\n")
        if lines[0].startswith("* "):
            found.append(("list", [inline(line.removeprefix("* ")) for line in lines]))
        elif lines[0].startswith("|"):
            found.append(("table", [cells(line) for line in lines]))
        else:
            found.append(("paragraph", [inline(line) for line in lines]))
    return found


def cells(line: str) -> list[Inline]:
    bar = "||" if line.startswith("||") else "|"
    assert line.startswith(bar)
    assert line.endswith(bar)
    return [inline(part.strip()) for part in line.removeprefix(bar).removesuffix(bar).split(bar)]


def inline(line: str) -> Inline:
    """Runs of one line with their mark; a mark's own signs are the only ones that may act."""
    assert not re.match(LINE_START, line), line
    parts: Inline = []
    for index, part in enumerate(CODE.split(line)):
        if index % 2:
            parts.append((part, "code"))
        else:
            parts += [(words, "strong" if i % 2 else "") for i, words in enumerate(STRONG.split(part)) if words]
    for words, _ in parts:
        check_inert(words)
    check_inert(CODE.sub(r" \1 ", STRONG.sub(r" \1 ", line)))
    return [(html.unescape(words), mark) for words, mark in parts]


def check_inert(words: str) -> None:
    for what, pattern in ACTIVE.items():
        assert not re.search(pattern, words), f"{what} in {words!r}"
    assert not re.search(r"[{}\[\]|]", words), f"brackets in {words!r}"
    bare = re.sub(r"&#\d+;", "", words)
    assert "&" not in bare, f"a reference of the text's own in {words!r}"


def seen(words: str) -> str:
    """Text as it is to be seen: blanks made one, what nobody sees made visible."""
    plain = re.sub(r"\s+", " ", words)
    return "".join(
        "\ufffd" if unicodedata.category(char).startswith("C") and unicodedata.category(char) != "Cn" else char
        for char in plain
    ).strip()


def joined(runs: Inline) -> str:
    return "".join(words for words, _ in runs)


# Text in every place

MARKUP = [
    " ~x~ ", " ^x^ ", " _x_ ", "_x", " +x+ ", " -x- ", " ??x??",
    "{", "}", "[", "]", "|", "||", "!", "\\", "~", "*", "_", "-", "+", "^", "?", "??", "#", "@", ":", ";", "(", ")",
    "&", "%", " ", "  ", "\n", "\r\n", "\t", "\u2028", "\x01", "\x02", "\x00", "\u200b", "\u202e", "\ue000", "\ud800",
    "$", "/", "<", ">", "[~ada]", "[x|http://evil.example]", "[^secret.txt]", "!http://evil.example/x.png!",
    "!a.png|width=1!", "https://e.example", "mailto:", "file:", "www.evil.example", "{code}", "{noformat}",
    "{noformat:title=x}", "{no\\format}", "{quote}", "{*}", "{color:red}", "OPS-1", "A_2-9", "2026-03-01",
    "eu-west-1", "data_class", "h1. ", "bq. ", "* ", "# ", "- ", "----", " -- ", "(y)", "(/)", "(*r)", ":)", ";-)",
    ":D", ":P", "&#91;", "&amp;", "\\\\", "\x01tok0-inline-tok\x02", "C:\\", "a", "Z9", "é",
]  # fmt: skip
texts = st.lists(st.sampled_from(MARKUP) | st.text(max_size=3), max_size=8).map("".join)
clean_texts = texts.filter(lambda words: seen(words) == words and bool(words))


@given(st.lists(texts, min_size=1, max_size=3))
@example(["[\\~ada]"])
@example(["\\", "[~ada]"])
@example(["mailto:", "x"])
@example(["[)"])
@example(["# one"])
@example(["a", "_b c_d_ "])
@example(["x;("])
def test_text_stays_text_in_a_paragraph_an_item_and_a_cell(parts: list[str]) -> None:
    runs = [adf.text(part) for part in parts]
    expected = [words] if (words := seen(one_blank("".join(map(one_blank, parts))))) else []
    paragraphs = rendered(to_wiki(adf.doc(adf.paragraph(*runs))))
    assert [joined(line) for _, lines in paragraphs for line in lines] == expected
    [(_, items)] = rendered(to_wiki(adf.doc(adf.bullets([runs, "the end"]))))
    assert [joined(item) for item in items] == [*expected, "the end"]
    [(_, rows)] = rendered(to_wiki(adf.doc(adf.table(["Heading"], [[runs[0]], ["the end"]]))))
    assert [[joined(cell) for cell in row] for row in rows] == [["Heading"], [seen(parts[0])], ["the end"]]


def one_blank(words: str) -> str:
    return re.sub(r"\s+", " ", words)


@given(st.lists(st.tuples(texts, st.sampled_from(["", "strong", "code"])), min_size=1, max_size=4))
@example([("h1", ""), (". x", "code")])
@example([("(", ""), ("r)", "strong")])
@example([("mailto:", ""), ("x", "strong")])
@example([("?", ""), ("? a ??", "strong")])
@example([("O", ""), ("PS-1", "code")])
def test_marks_are_ours_only(parts: list[tuple[str, str]]) -> None:
    nodes = [adf.code(words) if mark == "code" else adf.text(words, strong=mark == "strong") for words, mark in parts]
    blocks = rendered(to_wiki(adf.doc(adf.paragraph(*nodes))))
    lines = [line for _, lines in blocks for line in lines]
    shown = "".join(joined(line) for line in lines)
    assert one_blank(shown) == seen("".join(one_blank(words) for words, _ in parts))
    allowed = {mark for _, mark in parts} | {""}
    assert {mark for line in lines for _, mark in line} <= allowed


@given(clean_texts, st.sampled_from(["strong", "code"]))
def test_a_mark_between_blanks_is_kept(words: str, mark: str) -> None:
    node = adf.code(words) if mark == "code" else adf.text(words, strong=True)
    [(_, [line])] = rendered(to_wiki(adf.doc(adf.paragraph(adf.text("see "), node, adf.text(" there.")))))
    assert line == [("see ", ""), (words, mark), (" there.", "")]


def test_a_mark_within_a_word_is_left_out() -> None:
    body = adf.doc(adf.paragraph(adf.text("pre"), adf.code("x"), adf.text("post "), adf.text("y", strong=True)))
    assert to_wiki(body) == "prexpost *y*"


@given(texts)
@example("{noformat}\n[~ada]")
@example("{no\\format} h1. x")
@example("{noform\nat} x")
@example("{a")
@example("C:\\")
@example("{x}\\")
@example("see [~ada]")
def test_a_code_block_keeps_its_words_inside(words: str) -> None:
    wiki = to_wiki(adf.doc(adf.code_block(words), adf.paragraph(adf.text("after"))))
    blocks = rendered(wiki)
    assert blocks[-1] == ("paragraph", [[("after", "")]])
    assert not re.search(r"\[~", wiki)
    shown = [line for kind, said in blocks[:-1] for line in ([said] if kind == "code" else map(joined, said))]
    lines = words.replace("\x1f", "\ufffd").splitlines()  # a blank to Python, a control character to Jira
    expected = [line for line in map(seen, lines) if line]
    assert [line for line in map(seen, "\n".join(shown).split("\n")) if line] == expected


@pytest.mark.parametrize(
    "words", ["{a", "}{a", "{a\\}", "{x}\\", "x {noformat} y", "{NO format}", "{code:java}", "[~ada]"]
)
def test_a_block_that_any_reading_could_end_is_written_as_text(words: str) -> None:
    assert "{" not in to_wiki(adf.doc(adf.code_block(words)))


def test_what_a_person_copies_stays_a_block() -> None:
    lines = "approve K7QX-22\naws s3 ls s3://orders-db --query 'Contents[].Key'\njq '{\"a\": 1}'"
    assert to_wiki(adf.doc(adf.code_block(lines))) == f"{{noformat}}\n{lines}\n{{noformat}}"


@pytest.mark.parametrize("body", EVERY, ids=range(len(EVERY)))
def test_every_answer_reads_as_it_does_in_the_cloud(body: adf.Adf) -> None:
    lines: list[str] = []
    for kind, said in rendered(to_wiki(body)):
        if kind == "code":
            lines += said.split("\n")
        elif kind == "table":
            lines += [" | ".join(map(joined, row)) for row in said]
        else:
            lines += [("- " if kind == "list" else "") + joined(line) for line in said]
    assert "\n".join(lines) == flatten(body)


def test_ordinary_words_stay_readable_where_nothing_renders_them() -> None:
    words = "Region: eu-west-1 (as you said), data_class “internal”. Is it right? Done!"
    assert to_wiki(adf.doc(adf.paragraph(adf.text(words)))) == words


def test_blocks_stand_apart() -> None:
    body = adf.doc(
        adf.paragraph(adf.text("What I "), adf.text("understood", strong=True), adf.text(":")),
        adf.bullets(["one", adf.code("two")]),
        adf.table(["Slot", "Value"], [["Region", adf.code("eu-west-1")], ["", "x"]]),
        adf.paragraph(),
        adf.code_block(""),
    )
    assert to_wiki(body) == (
        "What I *understood*:\n\n* one\n* {{two}}\n\n|| Slot || Value ||\n| Region | {{eu-west-1}} |\n|  | x |"
    )
    assert to_wiki(adf.doc()) == ""


def word(**more: Any) -> adf.Adf:
    return {"type": "text", "text": "x", **more}


@pytest.mark.parametrize(
    "body",
    [
        {"type": "paragraph"},
        adf.doc({"type": "mention", "attrs": {"id": "5b1"}}),
        adf.doc({"type": "heading", "content": [word()]}),
        adf.doc({"type": "paragraph", "content": [{"type": "inlineCard", "attrs": {"url": "https://e.example"}}]}),
        adf.doc({"type": "paragraph", "content": [word(marks=[{"type": "link", "attrs": {"href": "https://e"}}])]}),
        adf.doc({"type": "bulletList", "content": [{"type": "listItem", "content": [adf.bullets(["deep"])]}]}),
        adf.doc({"type": "bulletList", "content": [adf.paragraph(word())]}),
        adf.doc(
            {"type": "table", "content": [{"type": "tableRow", "content": [{"type": "tableCell", "content": []}]}]}
        ),
    ],
)
def test_nodes_that_we_never_write_are_refused(body: adf.Adf) -> None:
    with pytest.raises(ValueError, match="wiki markup"):
        to_wiki(body)


def test_long_hostile_text_takes_no_time() -> None:
    body = adf.doc(*(adf.paragraph(adf.text(part * 8_000)) for part in ("A-1", "(x", "{{*_", "[~a]")))
    started = time.process_time()
    to_wiki(body)
    assert time.process_time() - started < 2
