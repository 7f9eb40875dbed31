"""Bodies as text, their digests, and the nodes that we write."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tickets import adf
from tickets.adf import flatten
from tickets.adf_digest import digest


def document(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(blocks)}


def words(text: str, *marks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": text, "marks": list(marks)}


def block(kind: str, *content: dict[str, Any], **attrs: Any) -> dict[str, Any]:
    return {"type": kind, "content": list(content), "attrs": attrs}


def test_blocks_become_lines() -> None:
    body = document(
        block("heading", words("A bucket"), level=1),
        block("paragraph", words("for "), words("logs", {"type": "strong"}), {"type": "hardBreak"}, words("please")),
        block("codeBlock", words("aws s3 ls\naws s3 cp")),
        block("panel", block("paragraph", words("Thanks"))),
    )
    assert flatten(body) == "A bucket\nfor logs\nplease\naws s3 ls\naws s3 cp\nThanks"


def test_lists_have_dashes_or_numbers_also_when_nested() -> None:
    inner = block("bulletList", block("listItem", block("paragraph", words("deep"))))
    body = document(
        block("bulletList", block("listItem", block("paragraph", words("one")), inner)),
        block("orderedList", *(block("listItem", block("paragraph", words(w))) for w in ("a", "b")), order=3),
        block("taskList", {"type": "taskItem", "content": [words("do it")], "attrs": {"state": "TODO"}}),
    )
    assert flatten(body) == "- one\n- deep\n3. a\n4. b\n- do it"


def test_tables_have_a_line_per_row() -> None:
    def row(kind: str, *cells: str) -> dict[str, Any]:
        return block("tableRow", *(block(kind, block("paragraph", words(cell))) for cell in cells))

    body = document(block("table", row("tableHeader", "Slot", "Value"), row("tableCell", "Region", "eu-west-1")))
    assert flatten(body) == "Slot | Value\nRegion | eu-west-1"


def test_a_cell_of_two_paragraphs_stays_in_its_row() -> None:
    cell = block("tableCell", block("paragraph", words("a")), block("paragraph", words("b")))
    body = document(block("table", block("tableRow", cell, block("tableCell", block("paragraph", words("c"))))))
    assert flatten(body) == "a b | c"


def test_inline_nodes_say_what_a_person_sees() -> None:
    link = {"type": "link", "attrs": {"href": "https://example.org/x"}}
    body = document(
        block(
            "paragraph",
            {"type": "mention", "attrs": {"id": "5b1", "text": "@Ada"}},
            words(" see "),
            words("the page", link),
            words(" "),
            {"type": "inlineCard", "attrs": {"url": "https://example.org/y"}},
            {"type": "emoji", "attrs": {"shortName": ":tada:"}},
            {"type": "status", "attrs": {"text": "OPEN"}},
            {"type": "date", "attrs": {"timestamp": "1700000000000"}},
        )
    )
    expected = "@Ada see the page (https://example.org/x) https://example.org/y:tada:OPEN2023-11-14"
    assert flatten(body) == expected


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (None, ""),
        ("", ""),
        ("a\r\nb\r", "a\nb"),
        ({}, ""),
        ({"type": "doc", "content": None}, ""),
        ({"type": "doc", "content": [None, 3, "x", {"type": "text"}, {"type": "mention", "attrs": 7}]}, "@"),
        ({"type": "date", "attrs": {"timestamp": "not a number"}}, ""),
        ({"type": "doc", "content": [{"type": "text", "text": "a", "content": [words("b")]}, words("c")]}, "abc"),
        ({"type": "date", "attrs": {"timestamp": 10**30}}, ""),
    ],
)
def test_odd_bodies_are_read_for_what_they_hold(body: Any, text: str) -> None:
    assert flatten(body) == text


def test_depth_and_size_do_not_break_it() -> None:
    deep = words("bottom")
    for _ in range(10_000):
        deep = block("blockquote", deep)
    assert flatten(document(deep)) == "bottom"
    assert len(digest(document(deep))) == 64
    large = document(*(block("paragraph", words("x" * 99)) for _ in range(10_000)))
    started = time.perf_counter()
    assert len(flatten(large)) == 999_999
    digest(large)
    assert time.perf_counter() - started < 5


def test_digest_ignores_order_of_keys_and_what_jira_adds() -> None:
    ours = adf.doc(adf.table(["a"], [["b"]]))
    theirs = adf.doc(adf.table(["a"], [["b"]]))
    theirs["content"][0]["attrs"] = {"localId": "7f3"}
    assert digest(dict(reversed(theirs.items()))) == digest(ours)


def linked(url: str) -> adf.Adf:
    return {"type": "text", "text": "here", "marks": [{"type": "link", "attrs": {"href": url}}]}


def test_digest_tells_bodies_apart() -> None:
    link = adf.doc(adf.paragraph(linked("https://example.org/a")))
    other = adf.doc(adf.paragraph(linked("https://example.org/b")))
    bodies: list[Any] = [
        link,
        other,
        "here",
        "",
        {"a": ["b", "c"]},
        {"a": [["b"], "c"]},
        {"a": ["b"], "c": []},
        {"a": "bc"},
    ]
    assert len({digest(body) for body in bodies}) == len(bodies)


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
names = st.sampled_from(["type", "text", "attrs", "marks", "content", "localId", "é", "version", 'a"b', ""])
bodies = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5))


def tokens(value: Any) -> Iterator[str]:
    """What the digest is of, said in another way."""
    if isinstance(value, dict):
        yield "{"
        for key in sorted(value):
            says_nothing = not value[key] or (isinstance(value[key], dict) and list(value[key]) == ["localId"])
            if key != "localId" and not (key in ("attrs", "marks", "content") and says_nothing):
                yield json.dumps(key) + ":"
                yield from tokens(value[key])
        yield "}"
    elif isinstance(value, list):
        yield "["
        for part in value:
            yield from tokens(part)
        yield "]"
    else:
        yield json.dumps(value)


@given(bodies)
def test_the_digest_is_of_every_token_and_an_end_after_each(body: Any) -> None:
    expected = hashlib.sha256("".join(f"{token}\0" for token in tokens(body)).encode()).hexdigest()
    assert digest(body) == expected


def test_digests_are_those_that_older_records_hold() -> None:
    body = document(block("paragraph", words("approve 7F3K – now", {"type": "strong"}), level=2))
    assert digest(body) == "edae8bc99e77c0beca875792a24f6f1fad851bfc7c0a33d830ec4452551e500e"
    assert digest("a string of Data Center's\r\n") == "0cc781aaceae4885418423f9747456e35bf3df303bcf71aa174e9fc4de3b78fa"


inline = st.builds(words, st.text("ab \n-|", min_size=1, max_size=6)) | st.just({"type": "hardBreak"})
inline |= st.builds(lambda name: {"type": "mention", "attrs": {"text": name}}, st.text("xy", min_size=1, max_size=3))
kinds = st.sampled_from(
    ["paragraph", "heading", "bulletList", "listItem", "orderedList", "tableRow", "tableCell", "panel"]
)
trees = st.recursive(
    inline, lambda inner: st.builds(lambda k, parts: block(k, *parts), kinds, st.lists(inner, max_size=4))
)


@given(st.lists(trees, max_size=4))
@example([block("tableRow", words("a "), block("tableCell"), block("tableCell"))])
def test_a_text_reads_the_same_in_one_piece_or_in_letters(blocks: list[dict[str, Any]]) -> None:
    assert flatten(document(*map(in_letters, blocks))) == flatten(document(*blocks))


def in_letters(node: dict[str, Any]) -> dict[str, Any]:
    """Each text cut into letters, each within a container that means nothing."""
    if node["type"] == "text":
        return {"type": "unknown", "content": [words(letter) for letter in node["text"]]}
    return {**node, "content": [in_letters(part) for part in node["content"]]} if "content" in node else node


def test_what_we_write_reads_back() -> None:
    body = adf.doc(
        adf.paragraph(adf.text("Plan ", strong=True), adf.code("AB12"), adf.text("")),
        adf.bullets(["one", adf.code("two"), [adf.text("three "), linked("https://example.org/")]]),
        adf.table(["Slot", "Value"], [["Region", adf.code("eu-west-1")]]),
        adf.code_block("approve AB12"),
    )
    assert flatten(body) == (
        "Plan AB12\n- one\n- two\n- three here (https://example.org/)\nSlot | Value\nRegion | eu-west-1\napprove AB12"
    )


def test_what_jira_refuses_is_not_built() -> None:
    with pytest.raises(ValueError, match="cells under a header"):
        adf.table(["a", "b"], [["only one"]])
    with pytest.raises(ValueError, match="needs an item"):
        adf.bullets([])
    assert adf.doc()["content"] == [{"type": "paragraph", "content": []}]
