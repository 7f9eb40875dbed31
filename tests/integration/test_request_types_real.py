"""Request types learned from real tickets, and real tickets that must not pass for requests. Skipped where the shared
data is absent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from analytics.certify import Certificate, certify_types
from analytics.classify import Classifier
from analytics.features import features_of
from benchmarks.topics import DATA, TARGETS, Learnt, mean, mean_automated, most_wrong, ours, split
from sandbox.history import year
from sandbox.jira_json import Views
from sandbox.phrasings.slots import PARAMETERS
from tests.integration.sites import NOW
from tests.unit.drawn import ticket
from tickets.catalogue import FieldCatalogue
from tickets.reading import read_ticket
from tickets.ticket import Ticket

pytestmark = pytest.mark.soak
REQUESTS = DATA.parent / "ops_requests_real.jsonl"
TYPES = ("s3-bucket", "new-repository", "ci-secret", "database")
NOISY = 2  # the machine is shared


def skip_without(path: Any) -> None:
    if not path.exists():
        pytest.skip(f"{path} is absent: real tickets are not part of the project")


@pytest.fixture(scope="module")
def learnt() -> list[Learnt]:
    """Of one draw; the benchmark takes all five."""
    skip_without(DATA)
    return [ours(split(seed)) for seed in (0,)]


def test_topics_of_real_tickets(learnt: list[Learnt]) -> None:
    quality = mean([one.quality for one in learnt])
    assert quality.accuracy >= 0.860
    assert quality.macro_f1 >= 0.858
    assert quality.calibration_error <= 0.03


def test_what_certificates_let_through_is_right(learnt: list[Learnt]) -> None:
    for target in TARGETS:
        for found in ([one.pooled[target] for one in learnt], [one.by_type[target] for one in learnt]):
            through = mean_automated(found)
            assert through.error <= most_wrong(target, through.number)
    assert mean_automated([one.pooled[0.05] for one in learnt]).share >= 0.68
    assert mean_automated([one.by_type[0.05] for one in learnt]).share >= 0.57


def test_learning_and_asking_is_quick(learnt: list[Learnt]) -> None:
    assert min(one.quality.fit for one in learnt) <= 20 * NOISY
    assert max(one.quality.speed for one in learnt) >= 15_000 / NOISY
    assert min(one.single for one in learnt) <= 5 * NOISY


@dataclass(frozen=True)
class Trained:
    """On a year of the sandbox; `asked` are complete requests in words that were not learned, with their types."""

    model: Classifier
    certificates: Mapping[str, Certificate]
    asked: list[tuple[Ticket, str]]

    def certain(self, tickets: Sequence[Ticket]) -> list[str | None]:
        """The type of each, where a certificate covers it."""
        names, scores, is_novel = self.model.judge(features_of(tickets))
        return [
            str(name) if not novel and self._covers(str(name), score) else None
            for name, score, novel in zip(names, scores, is_novel, strict=True)
        ]

    def _covers(self, name: str, score: float) -> bool:
        threshold = self.certificates[name].threshold if name in self.certificates else None
        return threshold is not None and score >= threshold


def trained(seed: int, tickets: int) -> Trained:
    world = year(seed, NOW, tickets)
    views = Views(world, "http://jira.test", lambda: NOW)
    catalogue = FieldCatalogue.from_fields([views.field(field) for field in world.fields.values()])
    read = [
        (read_ticket(views.issue(issue, ("*all",)), site="jira.test", catalogue=catalogue), issue.truth)
        for issue in world.issues.values()
    ]
    model = Classifier.train([one for one, _ in read], seed=0)
    sample, seen = model.sample, ~model.sample.is_novel
    certificates = certify_types(
        sample.predicted[seen],
        sample.scores[seen],
        (sample.predicted != sample.labels)[seen],
        types=TYPES,
        target=0.05,
    )
    asked = [(one, truth["request_type"]) for one, truth in read if one.request_type is None and is_complete(truth)]
    return Trained(model, certificates, asked)


def is_complete(truth: Mapping[str, Any]) -> bool:
    """A request of the four types, in unseen words, that states all it needs and does not contradict itself."""
    name = truth.get("request_type")
    return (
        name in TYPES
        and truth.get("set") == "test"
        and set(PARAMETERS[name]) <= set(truth["parameters"])
        and not truth["contradictory"]
    )


@pytest.fixture(scope="module")
def sandbox() -> Trained:
    skip_without(REQUESTS)
    return trained(7, 12_000)


def test_every_type_is_certified(sandbox: Trained) -> None:
    assert {name: one.threshold is not None for name, one in sandbox.certificates.items()} == dict.fromkeys(TYPES, True)


def test_no_real_ticket_passes_for_a_request_of_the_sandbox(sandbox: Trained) -> None:
    """Bugs and project work of a real team, some near the border on purpose."""
    rows = [json.loads(line) for line in REQUESTS.read_text(encoding="utf-8").splitlines()]
    real = [
        ticket(n, summary=row["title"], description=row["body"]) for n, row in enumerate(rows) if not row["fulfilable"]
    ]
    assert len(real) > 100
    assert [name for name in sandbox.certain(real) if name] == []


def test_most_complete_requests_in_new_words_are_certain(sandbox: Trained) -> None:
    found = sandbox.certain([one for one, _ in sandbox.asked])
    truth = [name for _, name in sandbox.asked]
    assert len(truth) > 100
    assert np.mean([one == name for one, name in zip(found, truth, strict=True)]) >= 0.6
    assert np.mean([one not in (None, name) for one, name in zip(found, truth, strict=True)]) <= 0.05
