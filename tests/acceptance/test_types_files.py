"""Learning, judging and discovering on CSV files alone, and what bad ones end in: one sentence and no model."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from analytics.model_file import MANIFEST_FILE, MODEL_FILE, SAMPLE_FILE
from tests.acceptance.test_types import Run, document, refused, run
from tests.unit.test_classify import WISHES, labelled

__all__ = ["run"]

ROWS = [(ticket.summary, ticket.request_type or "") for ticket in labelled(80)]
TRAIN = ("train", "--text", "text", "--label", "label", "--model", "m", "--from")


def write(path: Path, rows: Sequence[Sequence[str]], headings: Sequence[str] = ("text", "label")) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([headings, *rows])
    return path


def test_learn_and_judge(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "old.csv", ROWS[:60])
    write(tmp_path / "new.csv", [*ROWS[60:], ("no label", " ")])
    trained = document(run, *TRAIN, "old.csv")
    assert (trained["texts"], trained["labels"], trained["without_label"]) == (60, 4, 0)
    assert len(trained["certificates"]) == 3 * (1 + 4)
    told = document(run, "evaluate", "--model", "m", "--on", "new.csv", "--text", "text", "--label", "label")
    assert (told["texts"], told["without_label"]) == (20, 1)
    assert told["accuracy"] > 0.9 and told["macro_f1"] > 0.5 and 0 <= told["ece"] <= 1
    assert told["predictions_per_second"] > 0
    assert set(told["per_class"]) == {label for _, label in ROWS[60:]}
    assert all(set(one) == {"precision", "recall", "support"} for one in told["per_class"].values())
    assert sum(one["support"] for one in told["per_class"].values()) == 20
    assert set(told["automated_share"]) == {"0.01", "0.02", "0.05"}
    for shares in told["automated_share"].values():
        assert set(shares) == {"pooled", "per_type"}
        assert all(set(one) == {"share", "error"} for one in shares.values())
    for command in ((*TRAIN, "old.csv"), ("evaluate", "--model", "m", "--on", "new.csv", *TRAIN[1:5])):
        code, out, err = run(*command)
        assert (code, err) == (0, "") and out


def test_the_same_file_gives_the_same_figures(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "x.csv", ROWS)
    one, other = (document(run, *TRAIN, "x.csv") for _ in range(2))
    for told in (one, other):
        del told["sha256"]
    assert one == other
    assert document(run, *TRAIN, "x.csv", "--ordered")["texts"] == 80


def test_discover_gives_a_type_for_each_row_and_keeps_ids(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "x.csv", [("",), *[(text,) for text, _ in ROWS], ("",)], ("text",))
    found = document(run, "discover", "--from", "x.csv", "--text", "text")
    assert len(found["assignments"]) == found["texts"] == 82
    assert found["assignments"][0] is found["assignments"][-1] is None
    assert document(run, "discover", "--from", "x.csv", "--text", "text") == found
    (tmp_path / "known.json").write_text(json.dumps(found))
    write(tmp_path / "y.csv", [(text,) for text, _ in ROWS + ROWS[:20]], ("text",))
    again = document(run, "discover", "--from", "y.csv", "--text", "text", "--known", "known.json")
    assert {one["id"] for one in again["types"]} == {one["id"] for one in found["types"]}
    (tmp_path / "known.json").write_text("[]")
    told = refused(run, 2, "discover", "--from", "y.csv", "--text", "text", "--known", "known.json")
    assert "known.json is not what" in told
    assert "none.json cannot be read" in refused(
        run, 2, "discover", "--from", "y.csv", "--text", "text", "--known", "none.json"
    )
    write(tmp_path / "few.csv", [(text,) for text, _ in ROWS[:9]], ("text",))
    assert "9 tickets are too few" in refused(run, 1, "discover", "--from", "few.csv", "--text", "text")
    write(tmp_path / "blank.csv", [("",)] * 20, ("text",))
    assert "holds no word" in refused(run, 2, "discover", "--from", "blank.csv", "--text", "text")


def test_labels_are_trimmed_at_their_ends_alone(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "x.csv", [(text, f"  {label.replace('-', '  ')} ") for text, label in ROWS])
    document(run, *TRAIN, "x.csv")
    told = document(run, "evaluate", "--model", "m", "--on", "x.csv", "--text", "text", "--label", "label")
    assert set(told["per_class"]) == {name.replace("-", "  ") for name in WISHES}


AMHARIC = [("እባክዎ አዲስ ባልዲ ይፍጠሩ", "bucket"), ("የቪፒኤን መዳረሻ እፈልጋለሁ", "vpn")] * 30


@pytest.mark.parametrize(
    "rows",
    [
        [*ROWS, ("raise our quota", "quota")],
        [(text if n % 3 else "", label) for n, (text, label) in enumerate(ROWS)],
        [*ROWS, ("bucket " * 150_000, "s3-bucket")],
        AMHARIC,
        [(f"{text}\x00", label) for text, label in ROWS],
        [*ROWS, ("only a text",)],
        [*ROWS[:2], ("something else", "x")],
    ],
    ids=["one-ticket", "empty-texts", "a-megabyte", "amharic", "nul", "short-row", "three-rows"],
)
def test_odd_files_are_learned_from(run: Run, tmp_path: Path, rows: Sequence[Sequence[str]]) -> None:
    write(tmp_path / "x.csv", rows)
    document(run, *TRAIN, "x.csv")
    told = document(run, "evaluate", "--model", "m", "--on", "x.csv", "--text", "text", "--label", "label")
    assert told["texts"] == len([row for row in rows if len(row) == 2])


def plain(*lines: str) -> Callable[[Path], object]:
    return lambda path: path.write_text("\n".join(lines), encoding="utf-8")


def cut(path: Path) -> None:
    whole = gzip.compress(("text,label\n" + "".join(f"{n} words,{n % 2}\n" for n in range(5_000))).encode())
    path.write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("name", "make", "code", "words"),
    [
        (
            "x.csv",
            lambda path: write(path, [(text, "x") for text, _ in ROWS]),
            1,
            "fewer than two different labels (x)",
        ),
        ("x.csv", lambda path: write(path, [("", label) for _, label in ROWS]), 2, "'text' (--text) holds no word"),
        ("x.csv", lambda path: write(path, [("!?", label) for _, label in ROWS]), 2, "'text' (--text) holds no word"),
        ("x.csv", lambda path: write(path, [(text, " ") for text, _ in ROWS]), 2, "'label' (--label) is empty in all"),
        ("x.csv", lambda path: write(path, ROWS, ("words", "label")), 2, "no column 'text' (--text); it has: words"),
        ("x.csv", lambda path: write(path, [(*row, "") for row in ROWS], ("text", "label", "label")), 2, "2 columns"),
        ("x.csv", lambda path: write(path, [(*row, "z") for row in ROWS]), 2, "more cells than its 2 headings"),
        ("x.csv", plain("text,label", "a,b", "a,b,c"), 2, "Expected 2 fields in line 3, saw 3"),
        ("x.csv", plain("text,label", '"never closed,a'), 2, "is no CSV file in UTF-8"),
        ("x.csv", plain("text,label"), 2, "headings and no rows"),
        ("x.csv", plain(), 2, "No columns to parse"),
        ("x.csv", lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256))), 2, "in UTF-8"),
        ("x.csv", lambda path: path.write_bytes("text,label\nGrüße,a\n".encode("latin-1")), 2, "in UTF-8"),
        ("x.csv", lambda path: path.mkdir(), 2, "Is a directory"),
        ("x.csv", lambda path: None, 2, "No such file"),
        ("x.csv.gz", cut, 2, "no whole gzip file"),
        ("x.csv.gz", lambda path: write(path, ROWS), 2, "Not a gzipped file"),
    ],
)
def test_a_bad_file_ends_in_one_sentence_and_leaves_no_model(
    run: Run, tmp_path: Path, name: str, make: Callable[[Path], object], code: int, words: str
) -> None:
    make(tmp_path / name)
    told = refused(run, code, *TRAIN, name)
    assert words in told
    assert name in told or code == 1
    assert not (tmp_path / "m").exists()


def test_a_model_that_cannot_be_written_says_where(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "x.csv", ROWS)
    (tmp_path / "m").write_text("mine")
    assert "cannot be written into m" in refused(run, 1, *TRAIN, "x.csv")
    assert (tmp_path / "m").read_text() == "mine"
    (tmp_path / "m").unlink()
    assert "cannot be written into x.csv/m" in refused(run, 1, *TRAIN, "x.csv", "--model", "x.csv/m")


def test_a_model_of_which_one_byte_was_altered_is_refused(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "x.csv", ROWS)
    document(run, *TRAIN, "x.csv")
    judge = ("evaluate", "--model", "m", "--on", "x.csv", "--text", "text", "--label", "label")
    for name in (MODEL_FILE, SAMPLE_FILE, MANIFEST_FILE):
        whole = (tmp_path / "m" / name).read_bytes()
        for place in (10, len(whole) // 2, len(whole) - 3):
            changed = bytearray(whole)
            changed[place] ^= 1
            (tmp_path / "m" / name).write_bytes(changed)
            assert "the model in m" in refused(run, 1, *judge)
        (tmp_path / "m" / name).write_bytes(whole)
    manifest = json.loads((tmp_path / "m" / MANIFEST_FILE).read_text())
    (tmp_path / "m" / MANIFEST_FILE).write_text(json.dumps({**manifest, "format": 1}))
    assert "has format 1" in refused(run, 1, *judge)
    assert "there is no whole model in none" in refused(run, 1, *judge[:2], "none", *judge[3:])
    document(run, *TRAIN, "x.csv")  # which replaces it
    found: dict[str, Any] = document(run, *judge)
    assert found["accuracy"] > 0.9
