"""Which tickets certificates are counted on: drawn by hand, a line a ticket."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from analytics.audited import Asked, Audited, audited_of
from analytics.certify import fewest_audited
from analytics.learning import Sample
from tests.unit.drawn import rows

BUCKET, VPN = "s3-bucket", "vpn-access"
# number | said by models | score | label | x: unlike anything seen | x: worked to the end by a person
SAMPLE = """
| 1 | s3-bucket  | 0.99 | s3-bucket  |   | x |
| 2 | s3-bucket  | 0.95 | vpn-access |   | x |
| 3 | s3-bucket  | 0.90 | s3-bucket  | x | x |
| 4 | vpn-access | 0.85 | vpn-access |   |   |
"""


def sample(table: str = SAMPLE) -> Sample:
    drawn = list(rows(table))
    return Sample(
        rows=np.arange(len(drawn)),
        predicted=np.array([cells[1] for cells in drawn], dtype=object),
        scores=np.array([float(cells[2]) for cells in drawn]),
        labels=np.array([cells[3] for cells in drawn], dtype=object),
        is_novel=np.array([cells[4] == "x" for cells in drawn]),
        is_audited=np.array([cells[5] == "x" for cells in drawn]),
        keys=tuple(("jira.test", int(cells[0])) for cells in drawn),
    )


def said(numbers: Mapping[int, str]) -> dict[tuple[str, int], str]:
    return {("jira.test", number): name for number, name in numbers.items()}


def lines(found: Audited) -> list[tuple[str, float, str, bool]]:
    return [
        (str(predicted), float(score), str(truth), bool(is_asked))
        for predicted, score, truth, is_asked in zip(
            found.predicted, found.scores, found.truth, found.is_asked, strict=True
        )
    ]


def test_novel_ones_and_those_that_nobody_looked_at_are_left_out() -> None:
    assert lines(audited_of(sample(), {}, [], {}, asked=())) == [
        (BUCKET, 0.99, BUCKET, False),
        (BUCKET, 0.95, VPN, False),
    ]


def test_what_people_said_counts_more_than_the_label_and_makes_an_audit() -> None:
    told = said({2: BUCKET, 3: BUCKET, 4: BUCKET})
    found = audited_of(sample(), told, [], {}, asked=told)
    assert lines(found) == [
        (BUCKET, 0.99, BUCKET, False),
        (BUCKET, 0.95, BUCKET, True),
        (VPN, 0.85, BUCKET, True),  # the third stays out: a text unlike anything seen gets no type
    ]


def test_a_ticket_in_the_sample_and_asked_about_later_counts_once() -> None:
    told = said({1: BUCKET, 9: VPN})
    later = [Asked(("jira.test", 1), VPN, 0.5, BUCKET), Asked(("jira.test", 9), BUCKET, 0.8, VPN)]
    assert lines(audited_of(sample(), told, later, {}, asked=told)) == [
        (BUCKET, 0.99, BUCKET, True),
        (BUCKET, 0.95, VPN, False),
        (BUCKET, 0.8, VPN, True),
    ]


def test_merged_types_are_what_stands_for_them() -> None:
    later = [Asked(("jira.test", 9), "bucket-please", 0.9, BUCKET)]
    told = said({9: BUCKET})
    found = audited_of(sample(), told, later, {"bucket-please": BUCKET, VPN: BUCKET}, asked=told)
    assert {line[0] for line in lines(found)} == {line[2] for line in lines(found)} == {BUCKET}
    assert found.certificates([BUCKET], target=0.02, confidence=0.95)[BUCKET].wrong == 0


def test_who_only_confirms_a_guess_of_their_choice_adds_nothing() -> None:
    later = [Asked(("jira.test", 9), BUCKET, 0.97, BUCKET), Asked(("jira.test", 8), BUCKET, 0.8, VPN)]
    told = said({9: BUCKET, 8: VPN})
    assert [line[1] for line in lines(audited_of(sample(), told, later, {}, asked=()))] == [0.99, 0.95, 0.8]
    assert [line[1] for line in lines(audited_of(sample(), told, later, {}, asked=told))] == [0.99, 0.95, 0.97, 0.8]


def test_a_model_of_a_file_brings_no_audited_tickets() -> None:
    bare = sample()
    bare = Sample(bare.rows, bare.predicted, bare.scores, bare.labels, bare.is_novel, bare.is_audited)
    assert lines(audited_of(bare, {}, [], {}, asked=())) == []
    nothing = np.empty(0, object)
    none = Sample(np.empty(0, np.int64), nothing, np.empty(0), nothing, np.empty(0, bool), np.empty(0, bool))
    empty = audited_of(none, {}, [], {}, asked=())
    assert len(empty.opinions([BUCKET], target=0.02, confidence=0.95).names) == 0
    assert len(empty.opinions([], target=0.02, confidence=0.95).names) == 0
    (certificate,) = empty.certificates([BUCKET], target=0.02, confidence=0.95).values()
    assert (certificate.threshold, certificate.needed) == (None, 149)


def audited(*, forms: int, forms_wrong: int, asked: int, asked_wrong: int) -> Audited:
    """Tickets that were called buckets."""
    truth = [VPN] * forms_wrong + [BUCKET] * (forms - forms_wrong) + [VPN] * asked_wrong
    truth += [BUCKET] * (asked - asked_wrong)
    count = forms + asked
    is_asked = np.arange(count) >= forms
    return Audited(np.full(count, BUCKET, object), np.full(count, 0.999), np.array(truth, dtype=object), is_asked)


@pytest.mark.parametrize(("asked", "counted"), [(0, 400), (148, 548), (149, 149), (160, 160)])
def test_where_people_were_asked_about_enough_only_those_count(asked: int, counted: int) -> None:
    assert fewest_audited(0, 0.02, 0.95) == 149
    told = audited(forms=400, forms_wrong=0, asked=asked, asked_wrong=0)
    assert len(told.of(BUCKET, target=0.02, confidence=0.95).scores) == counted
    assert told.certificates([BUCKET], target=0.02, confidence=0.95)[BUCKET].audited == counted


def test_right_forms_do_not_make_up_for_wrong_prose() -> None:
    told = audited(forms=2_000, forms_wrong=0, asked=150, asked_wrong=15)
    found = told.certificates([BUCKET], target=0.02, confidence=0.95)[BUCKET]
    assert (found.threshold, found.needed, found.wrong) == (None, None, 15)
