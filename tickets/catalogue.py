"""Which custom fields a site has and what they mean: their ids differ per site, their schemas do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tickets.shapes import mapping, word

_REQUEST_TYPE = "com.atlassian.servicedesk:vp-origin"
_CHANNEL = "com.atlassian.servicedesk:sd-request-channel-type"
_SLA = "com.atlassian.servicedesk:sd-sla-field"
# Fields that belong to an app's machinery and that nobody fills on a form.
_MACHINERY = (
    "com.atlassian.jira.ext.",
    "com.atlassian.jira.plugins.",
    "com.atlassian.jira.toolkit:",
    "com.atlassian.jpo:",
    "com.atlassian.servicedesk",
    "com.pyxis.greenhopper.",
)
_FORM_TYPES = frozenset({"array", "date", "datetime", "number", "option", "option-with-child", "string", "user"})


@dataclass(frozen=True, slots=True)
class FieldCatalogue:
    """Which fields of a site mean what; ids differ per site, so they are found by schema.

    `request_type` and `channel` are field ids or None, `slas` those of the service level agreements; `custom` maps the
    id of every custom field that a person may fill to its name on the site; `named` maps the folded name of any custom
    field to the ids of all that bear it.
    """

    request_type: str | None = None
    channel: str | None = None
    custom: Mapping[str, str] = field(default_factory=dict)
    slas: tuple[str, ...] = ()
    named: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def from_fields(cls, raw_fields: Iterable[Mapping[str, Any]]) -> FieldCatalogue:
        """Reads the answer of `GET /field`: {id, name, custom, schema: {type, custom, …}} each."""
        special: dict[str, str] = {}
        custom: dict[str, str] = {}
        slas: list[str] = []
        named: dict[str, tuple[str, ...]] = {}
        for raw in raw_fields:
            identity, name = word(raw.get("id")), word(raw.get("name"))
            schema = mapping(raw.get("schema"))
            origin = word(schema.get("custom"))
            if not identity or not origin:
                continue
            named[name.casefold()] = (*named.get(name.casefold(), ()), identity)
            if origin == _SLA:
                slas.append(identity)
            elif origin in {_REQUEST_TYPE, _CHANNEL}:
                special.setdefault(origin, identity)
            elif not origin.startswith(_MACHINERY) and word(schema.get("type")) in _FORM_TYPES and name:
                custom[identity] = name
        return cls(special.get(_REQUEST_TYPE), special.get(_CHANNEL), custom, tuple(slas), named)

    def ids_of(self, identity: str, name: str, kind: str) -> tuple[str, ...]:
        """The field that a change names: by its id; where Jira gives none (Data Center), the custom fields of this
        name, or the name, which is a system field's id. Of several that bear the name, any may be meant: all are
        given."""
        if identity:
            return (identity,)
        return (self.named.get(name.casefold()) if kind == "custom" else None) or (name,)

    def field_ids(self) -> tuple[str, ...]:
        """Every custom field a read must ask for, in a stable order."""
        known = (self.request_type, self.channel)
        return tuple(dict.fromkeys([*(identity for identity in known if identity), *sorted(self.custom)]))
