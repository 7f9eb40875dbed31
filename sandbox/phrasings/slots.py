"""The values that fill the templates' slots: names of services, buckets, people, sizes."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from sandbox.phrasings import frames

REGION_WORDS = {"eu-west-1": "Ireland", "eu-central-1": "Frankfurt", "us-east-1": "N. Virginia"}
ENVIRONMENT_WORDS = {"dev": "development", "prod": "production"}
CHOICES: dict[str, tuple[str, ...]] = {
    "data_class": ("internal", "internal", "confidential", "confidential", "restricted"),
    "engine": ("PostgreSQL", "PostgreSQL", "postgres", "MySQL", "Postgres 16"),
    "size": ("20 GB", "50 GB", "100 GB", "200 GB", "500 GB", "1 TB"),
    "memory": ("1 GB", "2 GB", "4 GB", "8 GiB", "cache.t3.small"),
    "instance": ("t3.medium", "t3.large", "m5.large", "m6i.xlarge", "c6i.2xlarge"),
    "language": ("Python", "Go", "Java", "TypeScript", "Kotlin"),
    "secret": (
        "SONAR_TOKEN",
        "NPM_TOKEN",
        "AWS_DEPLOY_ROLE",
        "DOCKER_PASSWORD",
        "SENTRY_DSN",
        "SLACK_WEBHOOK",
        "PYPI_TOKEN",
    ),
    "system": (
        "Grafana",
        "Kibana",
        "Jenkins",
        "AWS console",
        "Vault",
        "Snowflake",
        "ArgoCD",
        "Datadog",
        "SonarQube",
    ),
    "role": ("viewer", "read-only", "editor", "developer", "power user"),
    "days": ("30", "60", "90", "180", "365"),
}
# Which slots are parameters of a request type; the others are only talk.
PARAMETERS: dict[str, tuple[str, ...]] = {
    "s3-bucket": ("name", "region", "data_class", "environment"),
    "database": ("database", "engine", "size", "environment"),
    "redis-instance": ("cache", "memory", "environment"),
    "log-retention": ("service", "days", "environment"),
    "new-repository": ("repository", "language"),
    "ci-secret": ("secret", "repository", "environment"),
    "kubernetes-namespace": ("namespace", "memory", "environment"),
    "ec2-instance": ("instance", "region", "environment"),
    "dns-record": ("domain", "host", "ip"),
    "tls-certificate": ("domain", "environment"),
    "quota-increase": ("n", "region"),
    "access-grant": ("person", "system", "role", "environment"),
    "vpn-access": ("person",),
    "onboarding": ("person",),
    "offboarding": ("person",),
}
SPOKEN = {"region_word": "region", "env_word": "environment"}


class Slots:
    """Draws each slot's value once: a ticket says the same thing twice. `me` is the reporter's name."""

    def __init__(self, rng: Random, team: str, me: str) -> None:
        self._rng = rng
        self._values: dict[str, str] = {"team": team, "me": me}
        self.service = rng.choice(frames().words["services"])

    def set(self, slot: str, value: str) -> None:
        self._values[slot] = value

    def value(self, slot: str) -> str:
        """What to write for a slot. Raises KeyError on a slot that nothing fills."""
        if slot not in self._values:
            self._values[slot] = self._draw(slot)
        return self._values[slot]

    def canonical(self, slot: str) -> str:
        """The parameter's value, however the ticket words it (Ireland: eu-west-1)."""
        return self.value(SPOKEN.get(slot, slot))

    def _draw(self, slot: str) -> str:
        if slot in CHOICES:
            return self._rng.choice(CHOICES[slot])
        return _DRAWN[slot](self)

    def pick(self, choices: tuple[str, ...] | list[str]) -> str:
        return self._rng.choice(choices)

    def number(self, low: int, high: int) -> str:
        return str(self._rng.randint(low, high))

    def bucket(self) -> str:
        """A name by the house's pattern; one in twelve is not, as people do."""
        name = f"{self.value('team')}-{self.service}-{self.pick(frames().words['purposes'])}"
        if self._rng.random() < 0.35:
            name += f"-{self.number(2, 99)}"
        if self._rng.random() < 1 / 12:
            return name.replace("-", "_") if self._rng.random() < 0.5 else name.title()
        return name

    def region(self) -> str:
        return self.pick(["eu-west-1"] * 6 + ["eu-central-1"] * 3 + ["us-east-1"])


_DRAWN: dict[str, Callable[[Slots], str]] = {
    "service": lambda slots: slots.service,
    "name": Slots.bucket,
    "other_name": Slots.bucket,
    "region": Slots.region,
    "region_word": lambda slots: REGION_WORDS[slots.value("region")],
    "environment": lambda slots: slots.pick(["dev", "dev", "prod"]),
    "env_word": lambda slots: ENVIRONMENT_WORDS[slots.value("environment")],
    "repository": lambda slots: f"{slots.service}-{slots.pick(['api', 'ui', 'worker', 'infra', 'client', 'tools'])}",
    "database": lambda slots: f"{slots.service}_{slots.pick(['db', 'prod', 'main', 'events'])}".replace("-", "_"),
    "cache": lambda slots: f"{slots.service}-cache",
    "namespace": lambda slots: f"{slots.value('team')}-{slots.service}",
    "person": lambda slots: slots.pick(frames().words["people"]),
    "domain": lambda slots: f"{slots.service}.acme.example",
    "host": lambda slots: f"{slots.service}-{slots.number(1, 40)}.int.acme.example",
    "ip": lambda slots: f"10.{slots.number(0, 31)}.{slots.number(0, 255)}.{slots.number(2, 250)}",
    "n": lambda slots: slots.number(3, 90),
    "version": lambda slots: f"{slots.number(1, 6)}.{slots.number(0, 30)}.{slots.number(0, 9)}",
}
