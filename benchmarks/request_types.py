"""How well request types are learned from real tickets, beside plain models; and whether certificates are true.

One process, the models in turn on the same five draws of the same tickets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Final

import numpy as np

from benchmarks.promises import most_broken, promises
from benchmarks.topics import DATA, SEEDS, TARGETS, Learnt, Quality, mean, mean_automated, most_wrong, ours, peer, peers
from benchmarks.topics import split as drawn
from benchmarks.verdicts import Number, Sizes

PROMISED: Final = (0.02, 0.05)
LEAST_SHARE: Final = {"pooled": 0.68, "by_type": 0.57}  # of the tickets, at the target 5 %


def measure_types(sizes: Sizes) -> list[Number]:
    """Certificates in simulation; then, where they lie beside the project, the real tickets."""
    numbers = [number for target in PROMISED for number in _promises(target, sizes.repetitions)]
    if not DATA.exists():
        return [*numbers, Number("types-absent", f"{DATA.name} is absent: nothing is measured on real tickets", 0, "")]
    learnt: list[Learnt] = []
    others: dict[str, list[Quality]] = {name: [] for name in peers()}
    for seed in SEEDS:
        work = drawn(seed)
        learnt.append(ours(work))
        for name, make in peers().items():
            others[name].append(peer(make, work))
    quality = mean([one.quality for one in learnt])
    numbers += _quality(quality, learnt)
    for name, runs in others.items():
        numbers += _beside(name, quality, mean(runs))
    return numbers + [
        number for kind in LEAST_SHARE for target in TARGETS for number in _automated(kind, target, learnt)
    ]


MEASURES: Final[Mapping[str, Callable[[Sizes], list[Number]]]] = {"types": measure_types}


def _promises(target: float, repetitions: int) -> list[Number]:
    kept = promises(target, repetitions=repetitions)
    worst = max(kept, key=lambda name: kept[name].broken)
    raw = {name: asdict(one) for name, one in kept.items()}
    of = f"of {repetitions:,} repetitions at {target:.0%}"
    naive = float(np.mean([one.naive for one in kept.values()]))
    says = f"share {of} in which the truth exceeded the target, in the worst world ({worst})"
    on_average = f"the same for a threshold by eye, on average; {max(one.naive for one in kept.values()):.2f} at worst"
    return [
        Number("types-promise", says, kept[worst].broken, "", most_broken(repetitions), is_most=True, raw=raw),
        Number("types-naive", on_average, naive, ""),
    ]


def _quality(quality: Quality, learnt: list[Learnt]) -> list[Number]:
    raw = {"seeds": [asdict(one.quality) for one in learnt]}
    single = float(np.median([one.single for one in learnt]))
    of = f"mean of {len(learnt)} draws"
    return [
        Number("types-accuracy", f"real tickets named right, {of}", 100 * quality.accuracy, "%", 86.0, raw=raw),
        Number("types-f1", f"macro F1, {of}", 100 * quality.macro_f1, "%", 85.8),
        Number(
            "types-calibration", f"calibration error, {of}", 100 * quality.calibration_error, "%", 3.0, is_most=True
        ),
        Number("types-fit", f"learning with calibration, processor time, {of}", quality.fit, "s", 20.0, is_most=True),
        Number("types-speed", "predictions of a second, many at once", quality.speed, "", 15_000),
        Number("types-single", "a prediction alone, median", single, "ms", 5.0, is_most=True),
    ]


def _beside(name: str, quality: Quality, other: Quality) -> list[Number]:
    """Told without a target: what the plain model is at, and the ratios of time."""
    says = {
        "accuracy": f"{name}: {100 * other.accuracy:.1f} % right; ours has so many points more",
        "f1": f"{name}: macro F1 {100 * other.macro_f1:.1f} %; ours has so many points more",
        "calibration": f"{name}: calibration error {100 * other.calibration_error:.1f} %, so many times ours",
        "fit": f"{name} learns in {other.fit:.1f} s; ours, calibrated and with a sample, in so many times that",
        "speed": f"{name}: {other.speed:,.0f} predictions a second; ours so many times that",
    }
    return [
        Number(f"types-{name}", says["accuracy"], 100 * (quality.accuracy - other.accuracy), "points"),
        Number(f"types-{name}", says["f1"], 100 * (quality.macro_f1 - other.macro_f1), "points"),
        Number(f"types-{name}", says["calibration"], other.calibration_error / quality.calibration_error, "times"),
        Number(f"types-{name}", says["fit"], quality.fit / other.fit, "times"),
        Number(f"types-{name}", says["speed"], quality.speed / other.speed, "times"),
    ]


def _automated(kind: str, target: float, learnt: list[Learnt]) -> list[Number]:
    through = mean_automated([getattr(one, kind)[target] for one in learnt])
    of = f"certified for at most {target:.0%} wrong, {'one threshold' if kind == 'pooled' else 'one for each type'}"
    least = 100 * LEAST_SHARE[kind] if target == max(TARGETS) else None
    most = 100 * most_wrong(target, through.number)
    return [
        Number("types-share", f"tickets {of}", 100 * through.share, "%", least),
        Number("types-error", f"of those wrong, {of}", 100 * through.error, "%", most, is_most=True),
    ]
