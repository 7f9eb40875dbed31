"""What a ticket asks for: the type chosen on its form, else the most likely one by its words.

The model is linear over the terms of `analytics.terms`; it has no intercept, so a text of unknown words gets the same
low probability for every type. Which of the candidates it is, and how it is calibrated (temperature scaling, Guo et al.
2017, "On Calibration of Modern Neural Networks"), is settled on tickets that are newer than those it learned from; how
good it is, on still newer ones (`analytics.learning`). In the end it learns from all of them.

A text of which too few words were ever seen, or that is unlike every type, gets no type at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline

from analytics.catalogue import type_of_ticket_type
from analytics.errors import NotEnoughLabels
from analytics.features import FRAGMENT, features_of
from analytics.learning import Sample, TrainingReport, judge, learn
from tickets.ticket import Classification, RequestType, Ticket

Identity = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Word:
    """A term of a ticket: how much it speaks for its type (negative: against), in units of the logit."""

    term: str
    weight: float


def given(ticket: Ticket, kinds: Mapping[str, RequestType] | None = None) -> Classification | None:
    """The type that people chose: on a form, else by a ticket type that says it ("Bug"); None where neither does.

    `kinds` maps more names of ticket types (casefolded) to what they mean on this site.
    """
    label = label_of(ticket, kinds)
    return Classification(label, "given", 1.0) if label else None


def label_of(ticket: Ticket, kinds: Mapping[str, RequestType] | None = None) -> str | None:
    if ticket.request_type:
        return ticket.request_type
    entry = (kinds or {}).get(ticket.ticket_type.casefold()) or type_of_ticket_type(ticket.ticket_type)
    return entry.id if entry else None


class Classifier:
    """A trained model with its report. Made by `train`, `of_texts` or `model_file.load`; `classes` are the request
    types that it knows.

    `sample` holds what models that had not learned from them said about the newest labelled tickets: what certificates
    are made from. `newest_at` is the creation of the newest ticket that it learned from, None for bare texts;
    `learned` are all of those tickets.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        report: TrainingReport,
        sample: Sample,
        kinds: Mapping[str, RequestType],
        newest_at: datetime | None = None,
        learned: Collection[Identity] = (),
    ) -> None:
        self.learned = frozenset(learned)
        self.pipeline = pipeline
        self.newest_at = newest_at
        self.kinds = dict(kinds)
        self.report = report
        self.sample = sample

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(str(name) for name in self.pipeline.classes_)

    @classmethod
    def train(
        cls,
        tickets: Sequence[Ticket],
        *,
        labels: Mapping[Identity, str] | None = None,
        audited: Collection[Identity] = (),
        kinds: Mapping[str, RequestType] | None = None,
        seed: int = 0,
    ) -> Classifier:
        """Learns from the tickets that carry a label, in the order of their creation. The same tickets and seed give
        the same model. `labels` are what people have said since, by (site, id): they count for more than the ticket's
        own.

        Raises NotEnoughLabels when they carry fewer than two different ones.
        """
        said = labels or {}
        labelled = [
            (ticket, label)
            for ticket in tickets
            if (label := said.get((ticket.site, ticket.id)) or label_of(ticket, kinds))
        ]
        labelled.sort(key=lambda pair: (pair[0].created_at, pair[0].site, pair[0].id))
        if len({label for _, label in labelled}) < 2:
            raise NotEnoughLabels(
                f"{len(labelled)} of {len(tickets)} tickets carry a request type, and of fewer than two kinds: there "
                "is nothing to tell apart. Types come from forms (request types) or ticket types such as Bug; for a "
                "queue without any, `goldenpath discover` finds some and `goldenpath types name` names them."
            )
        ordered = [ticket for ticket, _ in labelled]
        learned = learn(
            features_of(ordered),
            np.array([label for _, label in labelled]),
            plain=features_of(ordered, with_form=False),
            seed=seed,
        )
        keys = tuple((ordered[row].site, ordered[row].id) for row in learned.sample.rows)
        newest_at = ordered[-1].created_at
        is_audited = np.array([key in audited for key in keys], np.bool_)
        sample = replace(learned.sample, keys=keys, is_audited=is_audited)
        every = [(ticket.site, ticket.id) for ticket in ordered]
        return cls(learned.pipeline, learned.report, sample, kinds or {}, newest_at, every)

    @classmethod
    def of_texts(cls, features: pd.DataFrame, labels: Sequence[str], *, seed: int = 0) -> Classifier:
        """Learns from texts in the order of time (`features.features_of_texts`). Raises NotEnoughLabels."""
        if len(set(labels)) < 2:
            raise NotEnoughLabels(
                f"the {len(labels):,} labelled texts carry fewer than two different labels "
                f"({', '.join(sorted(set(labels))) or 'none'}): there is nothing to tell apart."
            )
        learned = learn(features, np.array(labels, dtype=object).astype(str), seed=seed)
        return cls(learned.pipeline, learned.report, learned.sample, {})

    def predict(self, tickets: Sequence[Ticket]) -> list[Classification | None]:
        """The model's own opinion, whatever was given; None for a text unlike anything seen. What was filled in a form
        has taught it, but is not asked about: so the sample was asked, and so a certificate counts."""
        if not tickets:
            return []
        names, scores, is_novel = self.judge(features_of(tickets, with_form=False))
        return [
            None if novel else Classification(str(name), "predicted", float(score))
            for name, score, novel in zip(names, scores, is_novel, strict=True)
        ]

    def judge(self, features: pd.DataFrame) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """The likeliest type of each row, its calibrated probability, and whether the text is unlike anything seen."""
        if not len(features):  # scikit-learn refuses to be asked nothing
            return np.empty(0, object), np.empty(0), np.empty(0, np.bool_)
        return judge(self.pipeline, features, self.report.novelty)

    def explain(self, ticket: Ticket, *, count: int = 5) -> tuple[Word, ...]:
        """The ticket's words, pairs and fields that spoke most for its likeliest type, and most against it: for first,
        `count` of each. Groups of characters speak too, and say nothing to people."""
        row = self.pipeline[0].transform(features_of([ticket], with_form=False)).tocsr()
        weights = _contrasts(self.pipeline[-1].coef_)
        best = int((row @ weights.T).argmax())
        names = self.pipeline[0].names()
        spoken = sorted(
            (
                Word(names[column], float(value * weights[best, column]))
                for column, value in zip(row.indices, row.data, strict=True)
                if not names[column].startswith(FRAGMENT)
            ),
            key=lambda word: (-word.weight, word.term),
        )
        against = [word for word in spoken if word.weight < 0][-count:]
        return (*[word for word in spoken if word.weight > 0][:count], *against)


def _contrasts(weights: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A row per class: how much more a term speaks for it than for the others on average. Two classes have one row."""
    if len(weights) == 1:
        return np.vstack([-weights[0], weights[0]])
    others = (weights.sum(axis=0) - weights) / (len(weights) - 1)
    return np.asarray(weights - others)
