"""What happens in a story, by seed: every step carries its own number, so that a step left out changes no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Final, Literal

Deployment = Literal["Cloud", "Data Center"]
EVERYWHERE: Final = ("OPS", "DATA", "PLAT", "WEB")

# How often people do what, when they do something.
PEOPLE: Final[Mapping[str, int]] = {
    "file": 14,
    "edit": 16,
    "transition": 18,
    "comment": 12,
    "edit comment": 5,
    "relocate": 7,
    "come back": 4,
    "delete": 4,
    "hide": 4,
    "show": 4,
    "hide project": 1,
    "show project": 3,
    "migrate": 1,
    "flurry": 3,
    "file many": 1,
    "edit many": 2,
}
# The machine's turns: a whole sync, one that ends in the middle, a census, both, one that has to be right by now.
MACHINE: Final[Mapping[str, int]] = {
    "sync": 10,
    "interrupted sync": 4,
    "census": 2,
    "sync and census": 3,
    "checkpoint": 1,
}
TROUBLE: Final[Mapping[str, int]] = {"fault": 4, "during": 5, "short pages": 1, "lag": 4, "no lag": 1, "blink": 1}
# What goes wrong by chance too seldom: the same ticket throughout.
SCENES: Final[tuple[tuple[str, ...], ...]] = (
    ("hide", "edit", "pause", "sync", "show"),
    ("edit", "hide", "pause", "sync", "show"),
    ("edit", "blink", "sync", "show", "pause"),
    ("edit", "pause", "blink", "sync and census", "show", "pause"),
    ("lag", "edit", "sync", "pause", "sync"),
    ("lag", "edit", "sync and census", "pause", "transition", "sync"),
    ("relocate", "sync", "edit", "pause", "sync", "relocate", "pause"),
    ("hide project", "edit", "pause", "sync", "show project"),
    ("hide project", "edit", "census", "pause", "show project", "sync"),
    ("delete", "census", "file", "sync"),
    ("hide", "census", "edit", "pause", "sync", "show", "sync"),
    ("flurry", "sync", "pause"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """`number` decides whatever the step has to choose."""

    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class Story:
    """`projects` are those that are synced; `kills`: a part of the syncs is a process of its own that is killed."""

    seed: int
    deployment: Deployment
    projects: tuple[str, ...]
    steps: tuple[Step, ...]
    kills: bool = False

    def with_steps(self, steps: tuple[Step, ...]) -> Story:
        return replace(self, steps=steps)

    @property
    def command(self) -> str:
        """How to see it again."""
        return f"python -m tests.truth {self.seed} {'--kills' if self.kills else '--no-kills'}"

    @property
    def title(self) -> str:
        killed = ", with processes killed" if self.kills else ""
        return (
            f"seed {self.seed}: {self.deployment}, syncing {' '.join(self.projects)}{killed}, {len(self.steps)} steps"
        )


def tell(seed: int, *, kills: bool | None = None) -> Story:
    """The story of a seed: years of work before the first sync, a first sync that takes several tries, then rounds.

    Even seeds play on Cloud, odd ones on Data Center; `kills` None lets the seed decide.
    """
    random = Random(seed)
    projects = random.choice([EVERYWHERE[:3], EVERYWHERE[:2], EVERYWHERE[1:], EVERYWHERE[:1], EVERYWHERE[2:3]])
    killing = random.random() < 0.1
    kinds = _work_before(random) + _first_sync(random)
    steps = [Step(kind, random.getrandbits(32)) for kind in kinds]
    for _ in range(random.randint(3, 7)):
        steps += [Step(kind, random.getrandbits(32)) for kind in _round(random)]
        if random.random() < 0.35:
            number = random.getrandbits(32)
            steps += [Step(kind, number) for kind in random.choice(SCENES)]
    if killing if kills is None else kills:
        steps = [Step(_killed(random, step.kind), step.number) for step in steps]
    has_kills = any(step.kind == "killed sync" for step in steps)
    return Story(seed, "Data Center" if seed % 2 else "Cloud", projects, tuple(steps), has_kills)


def _work_before(random: Random) -> list[str]:
    kinds: list[str] = []
    for _ in range(random.randint(8, 30)):
        kinds += ["file", "long wait"]
        kinds += random.choices(["edit", "transition", "comment", "relocate"], [3, 4, 3, 1], k=random.randint(0, 2))
    return kinds


def _first_sync(random: Random) -> list[str]:
    kinds: list[str] = ["short pages"] if random.random() < 0.5 else []
    for _ in range(random.randint(0, 4)):
        kinds += [*_some(random, TROUBLE, 0, 1), "interrupted sync", *_some(random, PEOPLE, 0, 4)]
        kinds += random.choice([[], ["wait"], ["long wait"]])
    return [*kinds, "sync"]


def _round(random: Random) -> list[str]:
    kinds: list[str] = []
    for kind in _some(random, PEOPLE, 1, 7):
        kinds += [kind, *(["wait"] if random.random() < 0.5 else [])]
    return kinds + _some(random, TROUBLE, 0, 2) + _some(random, MACHINE, 1, 2)


def _some(random: Random, weights: Mapping[str, int], least: int, most: int) -> list[str]:
    return random.choices(list(weights), list(weights.values()), k=random.randint(least, most))


def _killed(random: Random, kind: str) -> str:
    chance = {"interrupted sync": 0.7, "sync": 0.2, "sync and census": 0.3}.get(kind, 0.0)
    return "killed sync" if random.random() < chance else kind
