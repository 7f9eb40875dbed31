"""Learning in the order of time: nobody is asked what he was told; small queues; measures by hand."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax
from sklearn.metrics import f1_score

from analytics.features import COLUMNS, features_of_texts
from analytics.learning import CANDIDATES, Lesson, _temperature, calibration_error, class_scores, learn, macro_f1

SUBJECTS = {
    "bucket": "bucket storage objects files",
    "cache": "redis memory cache keys",
    "repo": "git source code branch",
}


def queue(number: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    dice = random.Random(seed)
    labels = np.array([dice.choice(sorted(SUBJECTS)) for _ in range(number)])
    texts = [" ".join(["please", *dice.choices(SUBJECTS[label].split(), k=3)]) for label in labels]
    return features_of_texts(texts), labels


def test_random_labels_give_the_accuracy_of_chance() -> None:
    """Each text has a word of its own: a model asked about what it learned would know every answer."""
    dice = np.random.default_rng(1)
    texts = features_of_texts([f"word{number} thing{number % 7}" for number in range(600)])
    learned = learn(texts, dice.choice(np.array(["a", "b", "c", "d"]), 600))
    accuracy, tickets = learned.report.accuracy, len(learned.sample.rows)
    assert tickets == 210
    assert accuracy is not None
    assert abs(accuracy - 0.25) < 4 * np.sqrt(0.25 * 0.75 / tickets)


def test_what_a_part_is_asked_depends_on_nothing_newer() -> None:
    """Other labels in the last part change no answer in the part before it."""
    features, labels = queue(200)
    other = labels.copy()
    other[165:] = "repo"
    one, two = learn(features, labels).sample, learn(features, other).sample
    assert one.rows.tolist() == two.rows.tolist() == list(range(130, 200))
    np.testing.assert_array_equal(one.scores, two.scores)  # the last part is judged by its elders as well
    assert one.predicted.tolist() == two.predicted.tolist()


def test_what_a_part_is_asked_does_depend_on_what_is_older() -> None:
    features, labels = queue(200)
    swapped = labels.copy()
    swapped[:100] = np.roll(swapped[:100], 1)
    assert learn(features, swapped).report.accuracy < (learn(features, labels).report.accuracy or 0)  # type: ignore[operator]


def test_labels_that_come_later_are_wrong_until_they_are_known() -> None:
    """From the 165th ticket on everything is of a new type: the first models cannot name it, the last one can."""
    features, labels = queue(200)
    labels = labels.astype(object)
    labels[165:] = "vpn"
    learned = learn(features.assign(text=[*features["text"][:165], *["a tunnel home"] * 35]), labels.astype(str))
    newest = learned.sample.rows >= 165
    assert not (learned.sample.predicted == "vpn").any()
    assert learned.sample.is_novel[newest].all()
    assert learned.report.classes["vpn"].recall == 0
    assert learned.report.classes["vpn"].precision is None
    assert "vpn" in learned.pipeline.classes_


@pytest.mark.parametrize("seed", range(6))
def test_a_whole_unlike_anything_seen(seed: int) -> None:
    """Words of another language throughout the newer half: nothing is familiar, nothing breaks."""
    features, labels = queue(200, seed)
    dice = random.Random(seed)
    texts = [*features["text"][:100], *("".join(dice.choices("請開個新的倉庫", k=5)) for _ in range(100))]
    learned = learn(features_of_texts(texts), labels)
    assert learned.report.novelty <= 0.7
    assert np.isfinite(learned.sample.scores).all()


def test_the_same_again() -> None:
    features, labels = queue(120)
    one, two = (learn(features, labels, seed=4) for _ in range(2))
    assert one.report == two.report
    np.testing.assert_array_equal(one.sample.scores, two.sample.scores)
    np.testing.assert_array_equal(one.pipeline[-1].coef_, two.pipeline[-1].coef_)


@pytest.mark.parametrize("number", [2, 3, 4, 5, 10, 29, 30, 31, 199, 200, 201])
def test_small_queues(number: int) -> None:
    features, labels = queue(number)
    labels[:2] = ["bucket", "repo"]
    learned = learn(features, labels)
    report, sample = learned.report, learned.sample
    assert report.tickets == number
    assert report.held_out == len(sample.rows) == len(sample.scores) == len(sample.is_novel)
    assert (report.accuracy is None) == (report.held_out == 0)
    assert report.is_calibrated == bool(report.candidates) == (number >= 200)  # 30 tickets between 50 and 65 %
    assert set(learned.pipeline.classes_) == set(labels)
    assert set(report.candidates) in (set(), set(CANDIDATES))


def test_a_class_with_one_ticket() -> None:
    """Wherever it stands: in the half that is learned from, among those that calibrate, or the very last."""
    for place in (0, 99, 110, 140, 199):
        features, labels = queue(200)
        labels = labels.astype(object)
        labels[place] = "rare"
        learned = learn(features, labels.astype(str))
        assert "rare" in learned.pipeline.classes_
        assert np.isfinite(learned.sample.scores).all()


def test_the_older_half_of_one_type_only() -> None:
    features, labels = queue(200)
    labels[:190] = "repo"
    labels[190:] = "cache"
    learned = learn(features, labels)
    assert (learned.report.held_out, learned.report.accuracy, learned.report.is_calibrated) == (0, None, False)
    assert set(learned.pipeline.classes_) == {"repo", "cache"}


def test_nothing_that_calibrates_is_of_a_known_type() -> None:
    features, labels = queue(200)
    labels = labels.astype(object)
    labels[100:] = "vpn"
    learned = learn(features, labels.astype(str))
    assert not learned.report.is_calibrated
    assert learned.report.candidates == {}
    assert "vpn" in learned.pipeline.classes_


def test_forms_are_learned_from_and_not_asked_for() -> None:
    """Every labelled ticket has a form that gives it away; whoever asks in prose has none."""
    plain, labels = queue(300)
    forms = plain.assign(
        text=[f"{text}\n{label}-form yes" for text, label in zip(plain["text"], labels, strict=True)],
        context=[f"field:{label}_name" for label in labels],
    )
    learned = learn(forms, labels, plain=plain)
    assert (learned.report.accuracy or 0) > 0.95
    asked, truth = queue(100, seed=9)
    assert (learned.pipeline.predict(asked) == truth).mean() > 0.95


def test_half_of_the_words_are_missing_in_what_is_learned_as_well() -> None:
    features, labels = queue(10)
    told, names = Lesson(features, features, labels, 0).until(6)
    assert list(told.columns) == list(COLUMNS)
    assert names.tolist() == [*labels[:6], *labels[:6]]
    assert told["text"][:6].tolist() == features["text"][:6].tolist()
    pairs = zip(features["text"][:6], told["text"][6:], strict=True)
    assert all(set(short.split()) <= set(text.split()) for text, short in pairs)


def test_temperature_by_hand() -> None:
    """Logits of 5 claim certainty, and three of four are right: the best claim is near three quarters, where the truth
    of each ticket weighs 5/6 and every type shares the rest evenly."""
    logits = np.array([[5.0, 0], [5, 0], [5, 0], [5, 0]])
    loss, temperature = _temperature(logits, np.array([0, 0, 0, 1]))
    wanted = 5 / 6 * 3 / 4 + 1 / 6 * 1 / 2
    claimed = float(np.exp(log_softmax([5 / temperature, 0]))[0])
    assert claimed == pytest.approx(wanted, abs=0.01)
    assert loss == pytest.approx(-(wanted * np.log(claimed) + (1 - wanted) * np.log(1 - claimed)))
    assert _temperature(np.empty((0, 2)), np.empty(0, np.int64)) == (float("inf"), 1.0)


def test_calibration_error_by_hand() -> None:
    """Two bins: four tickets of 0.9, three right, off by 0.15; one of 0.5, right, off by a half."""
    scores, is_right = np.array([0.9, 0.9, 0.9, 0.9, 0.5]), np.array([1, 1, 1, 0, 1], np.bool_)
    assert calibration_error(scores, is_right) == pytest.approx((4 * 0.15 + 0.5) / 5)
    assert calibration_error(np.array([1.0]), np.array([True])) == 0
    assert calibration_error(np.empty(0), np.empty(0, np.bool_)) == 0


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), min_size=1, max_size=50))
@settings(max_examples=100, deadline=None)
def test_macro_f1_is_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    predicted, truth = (np.array(each, dtype=object) for each in zip(*pairs, strict=True))
    ours = macro_f1(class_scores(predicted, truth))
    assert ours == pytest.approx(f1_score(truth, predicted, average="macro", zero_division=0))


def test_precision_and_recall_by_hand() -> None:
    found = class_scores(np.array(["a", "a", "b"], object), np.array(["a", "b", "c"], object))
    assert {name: (one.precision, one.recall) for name, one in found.items()} == {
        "a": (0.5, 1.0),
        "b": (0.0, 0.0),
        "c": (None, 0.0),
    }
