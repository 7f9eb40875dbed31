"""The only reader of Jira's JSON: REST v2 (Data Center, exports) and v3 (Cloud) into the frozen records.

What a ticket cannot be without (a numeric id, a key, a creation instant) makes it `Unreadable` when missing or wrong;
everything else may be missing, null or blanked, as it is in exports. Text is redacted here, before anything is kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, TypeVar

from tickets.adf_digest import digest
from tickets.catalogue import FieldCatalogue
from tickets.errors import Unreadable
from tickets.redact import redact, redact_field
from tickets.shapes import body, json_value, mapping, option, read_instant, sequence, text, word
from tickets.ticket import (
    REQUEST_TYPE,
    Comment,
    FieldChange,
    FormField,
    Person,
    Status,
    StatusCategory,
    StatusChange,
    Ticket,
)

PUBLIC_PROPERTY = "sd.public.comment"  # {"internal": bool} on a comment
CHANNEL_PROPERTY = "request.channel.type"  # {"value": "email"} on a ticket
_KEY = re.compile(r"[A-Z][A-Z0-9_]*-[1-9][0-9]{0,17}", re.IGNORECASE)
_CATEGORIES = {category.value: category for category in StatusCategory}
# Ids of the categories are constants of Jira; on exports they survive where keys were altered.
_CATEGORY_IDS = {
    "1": StatusCategory.UNDEFINED,
    "2": StatusCategory.NEW,
    "3": StatusCategory.DONE,
    "4": StatusCategory.IN_PROGRESS,
}
_KINDS: Mapping[str, Literal["person", "app", "customer"]] = {"app": "app", "customer": "customer"}

Raw = Mapping[str, Any]
_Change = TypeVar("_Change", StatusChange, FieldChange)


# One value


@lru_cache(maxsize=1024)
def kebab(name: str) -> str:
    """Our id of a name: letters and digits in lower case, everything else one hyphen ("S3 bucket" → "s3-bucket")."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "-".join("".join(letter if letter.isalnum() else " " for letter in folded).split())


def read_person(raw: object) -> Person | None:
    """An account from v3 (`accountId`) or v2 (`key`, `name`); None where there is none or its id is blanked."""
    if raw is None:
        return None
    account = mapping(raw)
    name = word(account.get("displayName"))
    identity = word(account.get("accountId")) or word(account.get("key")) or word(account.get("name"))
    if not identity:
        return None
    if "@" in identity:  # Data Center sites log people in by their address; an address is never an id of ours
        identity = f"user-{digest(identity.casefold())[:16]}"
    return _person(identity, name or identity, _KINDS.get(word(account.get("accountType")), "person"))


# The same few people and statuses stand in most tickets: one record of each is enough.
_person = lru_cache(maxsize=8192)(Person)
_status = lru_cache(maxsize=1024)(Status)


def read_status(raw: object) -> Status:
    """A status with its category; `undefined` where the answer does not say."""
    status = mapping(raw)
    category = _category_key(mapping(status.get("statusCategory")))
    return _status(word(status.get("id")), word(status.get("name")), category)


def read_comment(raw: Raw) -> Comment:
    """A comment; text redacted, digest of the body as it stands. Raises Unreadable without id or creation instant."""
    identity = word(raw.get("id"))
    if not identity:
        raise Unreadable("a comment has no id")
    created_at = read_instant(raw.get("created"), f"the creation of comment {identity}")
    updated = raw.get("updated")
    properties = _properties(raw) if raw.get("properties") else {}
    author = read_person(raw.get("author"))
    return Comment(
        id=identity,
        author=author,
        created_at=created_at,
        updated_at=read_instant(updated, f"the update of comment {identity}") if updated else created_at,
        last_editor=read_person(raw.get("updateAuthor")) or author,
        text=redact(text(raw.get("body"))),
        digest=digest(body(raw.get("body"))),
        is_public=_is_public(raw, properties),
        properties=properties,
    )


def _properties(raw: Raw) -> dict[str, Any]:
    return {
        word(entry.get("key")): json_value(entry.get("value"))
        for entry in map(mapping, sequence(raw.get("properties")))
        if word(entry.get("key"))
    }


def _is_public(raw: Raw, properties: Mapping[str, Any]) -> bool:
    told = mapping(properties.get(PUBLIC_PROPERTY)).get("internal")
    if isinstance(told, (bool, str)):
        return str(told).lower() != "true"
    return raw.get("jsdPublic") is not False


# A ticket


def read_ticket(
    raw: Raw,
    *,
    site: str,
    catalogue: FieldCatalogue,
    histories: Sequence[Raw] | None = None,
    comments: Sequence[Raw] | None = None,
) -> Ticket:
    """A ticket from one of Jira's issues, v2 or v3. Raises Unreadable.

    `histories` and `comments` were fetched apart; None means what the issue carries in itself. An embedded changelog
    that says it is longer than what it holds counts as none: part of a history is no history.
    """
    fields = mapping(raw.get("fields"))
    identity, key = _identity(raw), _key(raw.get("key"))
    created_at = read_instant(fields.get("created"), "the creation instant")
    resolved = fields.get("resolutiondate")
    resolved_at = read_instant(resolved, "the resolution instant") if resolved else None
    known = embedded_histories(raw) if histories is None else histories
    status_changes, field_changes = _changes(known or (), catalogue)
    told = sequence(mapping(fields.get("comment")).get("comments")) if comments is None else comments
    return Ticket(
        site=site,
        id=identity,
        key=key,
        project=word(mapping(fields.get("project")).get("key")) or key.rpartition("-")[0],
        ticket_type=word(mapping(fields.get("issuetype")).get("name")),
        request_type=_request_type(fields, catalogue),
        summary=redact(text(fields.get("summary"))),
        description=redact(text(fields.get("description"))),
        status=_settled(mapping(fields.get("status")), is_resolved=resolved_at is not None),
        priority=word(mapping(fields.get("priority")).get("name")),
        reporter=read_person(fields.get("reporter")),
        creator=read_person(fields.get("creator")),
        assignee=read_person(fields.get("assignee")),
        labels=tuple(filter(None, map(word, sequence(fields.get("labels"))))),
        components=tuple(filter(None, (option(part) for part in sequence(fields.get("components"))))),
        form=_form(fields, catalogue),
        created_at=created_at,
        updated_at=read_instant(fields["updated"], "the update instant") if fields.get("updated") else created_at,
        resolved_at=resolved_at,
        status_changes=None if known is None else status_changes,
        field_changes=field_changes,
        comments=tuple(sorted(map(read_comment, map(mapping, told)), key=lambda c: (c.created_at, _order(c.id)))),
        via_mail=_is_via_mail(raw, fields, catalogue),
        security=word(mapping(fields.get("security")).get("name")),
        worklog_seconds=_number(word(fields.get("timespent"))) or None,
    )


def embedded_histories(raw: Raw) -> list[Raw] | None:
    """The histories that an issue carries in itself, or None where it carries none or not all of them."""
    changelog = mapping(raw.get("changelog"))
    histories, total = changelog.get("histories"), changelog.get("total")
    if not isinstance(histories, list):
        return None
    if isinstance(total, int) and total > len(histories):
        return None
    return [mapping(entry) for entry in histories]


def _changes(
    histories: Sequence[Raw], catalogue: FieldCatalogue
) -> tuple[tuple[StatusChange, ...], tuple[FieldChange, ...]]:
    statuses: list[StatusChange] = []
    others: list[FieldChange] = []
    seen: set[str] = set()
    for history in histories:
        identity = word(history.get("id"))
        if identity and identity in seen:  # pages of a changelog that grows while it is read overlap
            continue
        seen.add(identity)
        at = read_instant(history.get("created"), f"the instant of change {identity or '(without id)'}")
        author = read_person(history.get("author"))
        for item in map(mapping, sequence(history.get("items"))):
            name, kind = word(item.get("field")), word(item.get("fieldtype"))
            field_ids = catalogue.ids_of(word(item.get("fieldId")), name, kind)
            if field_ids == ("status",) and kind != "custom":
                before, after = word(item.get("fromString")), word(item.get("toString"))
                old, new = word(item.get("from")), word(item.get("to"))
                statuses.append(StatusChange(identity, at, author, old, before, new, after))
            else:
                before, after = (_side(item, name, side) for side in ("from", "to"))
                for field_id in field_ids:
                    named = REQUEST_TYPE if field_id == catalogue.request_type else field_id
                    others.append(FieldChange(identity, at, author, named, before, after))
    return _ordered(statuses), _ordered(others)


def _ordered(changes: list[_Change]) -> tuple[_Change, ...]:
    return tuple(sorted(changes, key=lambda change: (change.at, _order(change.id))))


def _order(identity: str) -> tuple[int, str]:
    """Numeric ids by number, others after them by text."""
    number = _number(identity)
    return (2**63, identity) if number is None else (number, "")


def _side(item: Raw, name: str, side: str) -> str:
    shown = item.get(f"{side}String")
    return redact_field(name, text(item.get(side) if shown is None else shown))


def identity_of(raw: Raw) -> int | None:
    """The numeric id of one of Jira's issues; None where there is none that can be read."""
    return _number(word(raw.get("id")))


def _identity(raw: Raw) -> int:
    identity, words = identity_of(raw), word(raw.get("id"))
    if identity is None:
        raise Unreadable(f"the numeric id is {words[:40]!r}" if words else "the numeric id is missing")
    return identity


def _number(words: str) -> int | None:
    return int(words) if words.isascii() and words.isdecimal() and len(words) <= 18 else None


def _key(value: object) -> str:
    words = word(value)
    if not _KEY.fullmatch(words):
        raise Unreadable(f"the key is {words[:40]!r}, which is no ticket key" if words else "the key is missing")
    return words


def _category_key(category: Raw) -> StatusCategory:
    key = word(category.get("key"))
    if key:
        return _CATEGORIES.get(key, StatusCategory.UNDEFINED)
    return _CATEGORY_IDS.get(word(category.get("id")), StatusCategory.UNDEFINED)


def _settled(raw: Raw, *, is_resolved: bool) -> Status:
    """The ticket's status. Where key and id of its category contradict each other (altered exports), the one that
    agrees with the resolution counts; where neither or both do, the key."""
    status = read_status(raw)
    by_id = _CATEGORY_IDS.get(word(mapping(raw.get("statusCategory")).get("id")), status.category)
    key_agrees = (status.category is StatusCategory.DONE) == is_resolved
    id_agrees = (by_id is StatusCategory.DONE) == is_resolved
    if by_id is not StatusCategory.UNDEFINED and id_agrees and not key_agrees:
        return _status(status.id, status.name, by_id)
    return status


def _request_type(fields: Raw, catalogue: FieldCatalogue) -> str | None:
    if catalogue.request_type is not None:
        return _request_type_of(fields.get(catalogue.request_type))
    for name, value in fields.items():  # an export without names: the shape of the value tells
        if name.startswith("customfield_") and isinstance(value, Mapping) and "requestType" in value:
            return _request_type_of(value)
    return None


def _request_type_of(value: object) -> str | None:
    if isinstance(value, str):  # Data Center: "portal/request-type"
        return kebab(value.rpartition("/")[2]) or None
    chosen = mapping(value)
    return kebab(word(mapping(chosen.get("requestType")).get("name")) or word(chosen.get("name"))) or None


def _form(fields: Raw, catalogue: FieldCatalogue) -> tuple[FormField, ...]:
    filled = []
    for identity, name in catalogue.custom.items():
        value = fields.get(identity)
        words = "" if value is None else option(value)
        if words:
            filled.append(FormField(identity, name, redact_field(name, words)))
    return tuple(filled)


def _is_via_mail(raw: Raw, fields: Raw, catalogue: FieldCatalogue) -> bool:
    channel = option(fields.get(catalogue.channel)) if catalogue.channel else ""
    stored = mapping(raw.get("properties")).get(CHANNEL_PROPERTY)
    return "email" in {channel.lower(), option(stored).lower()}
