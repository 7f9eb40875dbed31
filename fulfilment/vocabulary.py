"""The small words by which wishes are told from mentions, and what people call the things they wish for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fulfilment.words import word_set

# What people call the things that other request types give. Keys are request types of the catalogue.
THINGS: Mapping[str, tuple[str, str]] = {
    "s3-bucket": ("S3 bucket", r"(?:aws\s+)?s3[ -]buckets?|buckets?|s3"),
    "redis-instance": (
        "Redis instance",
        r"(?:redis|elasti\s?cache|memcached|valkey)(?:\s+v?\d[\d.]*)?"
        r"(?:\s+(?:instance|cluster|cache|node|server|db)s?)?",
    ),
    "database": (
        "Database",
        r"(?:(?:postgres(?:ql)?|my\s?sql|maria\s?db|aurora|rds|mongo\s?db|dynamo\s?db|sql|oracle)(?:\s+v?\d[\d.]*)?"
        r"(?:\s+(?:database|instance|cluster|db|server|table|schema)s?)?|databases?|db)",
    ),
    "new-repository": (
        "New repository",
        r"(?:(?:git|github|gitlab|bitbucket)\s+)?(?:repository|repositories|repos?)",
    ),
    "ec2-instance": (
        "EC2 instance",
        r"(?:ec2|virtual)(?:\s+(?:instance|machine|vm|server|box)s?)?|vms?|jump\s?host",
    ),
    "vpn-access": ("VPN access", r"vpn(?:\s+(?:access|account|profile|connection)s?)?"),
    "dns-record": (
        "DNS record",
        r"dns(?:\s+(?:record|entry|entries|name|alias)s?)?|c-?name(?:\s+record)?|a[ -]record",
    ),
    "tls-certificate": ("TLS certificate", r"(?:(?:tls|ssl|https|acm)\s+)?cert(?:ificate)?s?"),
    "kubernetes-namespace": (
        "Kubernetes namespace",
        r"(?:(?:kubernetes|k8s|eks)(?:\s+(?:namespace|cluster)s?)?|namespaces?)",
    ),
    "ci-secret": ("CI secret", r"(?:ci|github|actions|pipeline)\s+(?:secret|variable|token)s?"),
    "message-queue": ("Message queue", r"(?:sqs|rabbit\s?mq|kafka)(?:\s+(?:queue|topic|cluster)s?)?"),
    "access-grant": ("Access grant", r"iam\s+(?:user|role)s?|service\s+accounts?"),
}
# So many labelled values make a form typed as text: a wish without a verb.
FORM_IN_TEXT = 3
POINT = re.compile(r"\s*(?:[-*+•]|\d{1,2}[.)])\s+(.{1,200})")
REMOVAL = "Removing something that exists"

MAKE = word_set(
    "create provision make need needs want wants require requires request requesting order add get "
    "have give new setup allocate deploy spin open build bucket_wish needed"
)
STRONG = word_set("create provision make setup allocate order build")
INDEFINITE = word_set("a an new another one two three 1 2 3 some additional second extra fresh")
MANY = word_set("two three four five both several multiple 2 3 4 5")
DEFINITE = word_set("the our my their your this that these those existing each every any its his her old current")
OUT = word_set(
    "to on from of into inside within at in for with by about like via behind between against under "
    "over access permission permissions help problem issue trouble error errors because which that "
    "where when help why"
)
JOIN = word_set("and plus also & + , or then")
# A verb after one of these is told, feared or asked about, not wished.
UNWISHED = word_set(
    "when whenever if after once while before trying tried try tries attempt attempted attempting "
    "unable cannot can't couldn't fail failed fails failing error not don't doesn't didn't never able "
    "allowed how why without refuses what where who nobody wasn't weren't isn't won't who's did was "
    "were supposed"
)
# After the noun these make it a part of another thing ("bucket policy", "redis backups").
PARTS = word_set(
    "policy policies permission permissions access content contents lifecycle encryption notification "
    "notifications event events object objects key keys size url error errors quota limit limits "
    "listing metrics replication cors owner logs acl acls cost costs bill inventory problem issue "
    "question backup backups dump dumps log export exports snapshot snapshots data file files "
    "migration migrations team user users driver client password credentials connection port endpoint "
    "upgrade version team's storage replica restore monitoring alarm traffic timeout"
)
TAIL = word_set(
    "and or for in with please too as called named is are so on that which thanks asap by because to "
    "we i also then now using would will must should at within from needed required requested under "
    "per instance cluster if could where when of behind like but plus via request it the this eu us "
    "dev prod both"
)
WORD_OR_MARK = r"(?P<word>[\w'][\w'\-]*)|(?P<mark>[,:&+()`\"|/])"
THANKS = ("please", "pls", "plz", "thx", "thanks")
POLITE = re.compile(
    r"\b(?:can|could|would|will|may)\s+(?:you|we|i|someone|somebody|anyone|u)\b|\b(?:please|pls|plz)\b"
    r"|\bis it possible to\b",
    re.I,
)
QUESTION = re.compile(
    r"^\W*(?:how|why|what|where|which|who|when|is there|are there|does|do|did|is|are|was|has|have|should)\b",
    re.I,
)
TROUBLE = re.compile(
    r"access\s?denied|forbidden|\b(?:40[0-9]|50[0-9])\b|\b(?:fails?|failed|failing|failure|broken|error|exception"
    r"|timeout"
    r"|not work(?:ing)?|doesn't work|can't|cannot|unable|down|slow|outage|stack ?trace"
    r"|delete|remove|rename|decommission)\b",
    re.I,
)
REMOVE = re.compile(
    r"(?:^|[.;!?,\n]\s*|\bplease\s+|\band\s+|\bthen\s+|\balso\s+)(?:delete|remove|drop|decommission|tear down"
    r"|wipe|destroy"
    r"|empty)\s+(?:the|our|my|all|every|old|existing|this|that|any|everything)\b",
    re.I,
)
GRANT = re.compile(
    r"\b(?:grant|give)\s+(?!us\b|me\b|our\b|my\b|the owning\b)"
    r"([\w@.' -]{1,60}?)\s+(?:\w+[ -]){0,2}(?:access|permissions?)\b",
    re.I,
)
