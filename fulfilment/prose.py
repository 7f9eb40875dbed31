"""Values in running text: closed-list words that can mean nothing else, and names that are given as such."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fulfilment.labelled import Found
from fulfilment.slots import HEADS, TEAM, Slot
from fulfilment.words import clause_before, is_denied, shown, trimmed, word_set

_LEFT = word_set(
    "in for on to into as at is be use using a an new with and or not no choose pick class "
    "classification region environment env stage level data it's its s3 need want private it contains "
    "contain store stores hold holds pls please encrypted "
    "either"
)
_RIGHT = word_set(
    "and or for in with please as to named called is if but so on that which thanks thank asap by "
    "because since we i only too also then now using it one would will should region environment s3 "
    "plus instead"
)
# What stands before a value that is only spoken of: where something is, came from or looks like.
_MENTION = re.compile(
    r"\b(?:from|(?<!would )(?<!'d )like"
    r"|similar|same|existing|currently|already|previously|formerly|was|were|unlike|than"
    r"|runs?|running"
    r"|lives|deployed|hosted|sits?|based|office|colleagues|customers|people|e-?mail|message|attachments?|disclaimer"
    r"|communication|keep (?:it|this|that)|old|today|copy of|copied|replaces?|replacing|moved?|migrat\w+"
    r"|another ticket)\b[^,;:.]{0,40}$",
    re.I,
)
_NAME = r"(?:\"([^\"\n]{1,100})\"|'([^'\n]{1,100})'|`{1,3}([^`\n]{1,100})`{1,3}|([^\s\"`,;()<>|]{1,120}))"
_NOT_A_NAME = word_set(
    "after by like as the a an something anything whatever accordingly similar similarly so this that "
    "these those it for in on to of with and or same exactly properly appropriately differently below "
    "above follows following is are be i we you please e.g. eg i.e. just simply what how from at my "
    "our your their its per using something-like"
)
_OTHER_THINGS = word_set(
    "team role user service app application repo repository database table queue topic project group "
    "account cluster instance folder prefix file key tag job pipeline environment env region class "
    "principal server host cache redis postgres domain record person colleague channel ticket"
)
_LOOSE_START = word_set(
    "read write cross server client long short multi single non high low real re self well follow "
    "customer user third kms sse access pre public low-cost cost highly fully year day month"
)
_LOOSE_END = word_set(
    "only side term time account region wide based like ready encrypted enabled compatible level "
    "friendly facing party up in out managed specific read write use"
)
_DEFINITE = re.compile(
    r"\b(?:the|our|my|this|that|existing|old|current|their|your|any|each|every)\s+(?:\w+\s+)?$", re.I
)
_MAKING = re.compile(r"\b(?:create|provision|make|set ?up|spin up|add|order|get)\s+(?:\w+\s+){0,3}$", re.I)


def read_choices(text: str, slot: Slot, slots: Sequence[Slot], noun: str) -> Iterator[Found]:
    """Every place where a spelling of the slot's closed list stands as a wish."""
    pattern = slot.spelled()
    if pattern is None or (slot.name == TEAM and len(slot.choices) < 2):
        return
    follows = _RIGHT | {noun, f"{noun}s"} | set(HEADS.get(slot.name, ()))
    values = frozenset(spelling for other in slots for spelling in other.known())
    for match in pattern.finditer(text):
        meaning = slot.meaning(match.group())
        is_code = any(char.isdigit() for char in match.group())
        if _is_choice_list(text, match, slot):
            continue
        if _MENTION.search(clause_before(text, match.start())):
            continue
        if slot.name == TEAM and not _is_team(text, match):
            continue
        if not is_code and slot.name != TEAM and not _stands_free(text, match, follows, values, noun, slot):
            continue
        told = _told(text, match.start(), match.end())
        denied = is_denied(text, match.start(), match.end())
        if slot.is_allowed(meaning):
            yield Found(slot.name, meaning, told, "said in the text", is_denied=denied)
        elif not denied:
            yield Found(slot.name, None, told, "said in the text", slot.objection(meaning))


def _is_choice_list(text: str, match: re.Match[str], slot: Slot) -> bool:
    """Whether the line is a form's own list of choices, left as it was: "dev | prod"."""
    around = text[max(0, match.start() - 200) : match.end() + 200]
    left, right = around[: match.start() - max(0, match.start() - 200)], text[match.end() : match.end() + 200]
    line = left.rpartition("\n")[2] + match.group() + right.partition("\n")[0]
    return "|" in line and all(choice in line.lower() for choice in slot.choices)


def _is_team(text: str, match: re.Match[str]) -> bool:
    left = text[max(0, match.start() - 20) : match.start()].lower()
    right = text[match.end() : match.end() + 10].lower()
    return (
        re.search(r"\b(?:team|squad)[\s:]+[\"'`]?$", left) is not None
        or re.match(r"\s+(?:team|squad)\b", right) is not None
    )


def _stands_free(
    text: str, match: re.Match[str], follows: frozenset[str], values: frozenset[str], noun: str, slot: Slot
) -> bool:
    """Whether a word such as "production" or "internal" stands where it can only be the slot's value."""
    right = re.match(r"([\"'`*_)]*)([^\S\n]*)([\w.-]*)", text[match.end() : match.end() + 60])
    word = right.group(3).rstrip(".").lower() if right else ""
    ended = not word or bool(right and right.group(1) and not right.group(2)) or word in values
    if not ended and word not in follows and not re.match(r"[a-z]{2}-[a-z]+-\d", word):
        return False
    left = re.search(r"([^\s\"'`*]*)[\"'`*_]*[^\S\n]*$", text[max(0, match.start() - 60) : match.start()])
    before = left.group(1).lower() if left else ""
    line_start = not text[text.rfind("\n", 0, match.start()) + 1 : match.start()].strip(" \t\"'`*_-•+(")
    if line_start or not before or not before[-1].isalnum():
        return True
    if before in ("the", "our", "my", "this"):
        return word in HEADS.get(slot.name, ()) and word != "data"
    return before in _LEFT or before in values or re.fullmatch(r"[a-z]{2}-[a-z]+-\d", before) is not None


def name_pattern(noun: str) -> re.Pattern[str]:
    """Where a text names the thing: "bucket called X", "call it X", "bucket `X`", "bucket x-y"."""
    word = rf"(?:s3\s+)?{noun}s?"
    be = r"(?:should|must|shall|can|could|will|would|needs\s+to|is\s+to|to)\s+be"
    called = r"(?:called|named|titled|with\s+(?:the\s+)?name)"
    return re.compile(
        rf"\b{word}\b(?P<between>[^.!?\n;]{{0,60}}?)\b{called}\s+(?:it\s+)?:?\s*{_NAME}"
        rf"|\b(?:call|name)\s+(?:it|the\s+{word}|this)\s*:?\s*{_NAME}"
        rf"|\b(?:it|the\s+{word}|{word})\s+{be}\s+(?:called|named)\s*:?\s*{_NAME}"
        rf"|\b{word}\b[^.!?:\n]{{0,50}}:\s*(?P<after>[a-z0-9]+(?:-[a-z0-9]+)+)(?=\s*(?:[,/|(;\n]|$))"
        rf"|(?:^|(?<=[:,(])|(?<=[:,(]\s))(?:{noun}\s+)?name\s+(?!(?:is|should|shall|must|will|can|would)\b){_NAME}"
        rf"|\b(?:{noun}\s+)?name\s+(?:is|{be})\s*:?\s*{_NAME}"
        rf"|\b(?P<direct>{word})\s*[:,-]?\s+(?P<loose>{_NAME})"
        rf"|(?P<quoted>`[^`\n]{{1,100}}`|\"[^\"\n]{{1,100}}\")\s+(?:as\s+(?:an?\s+)?)?{word}\b",
        re.I,
    )


def read_names(text: str, slot: Slot, slots: Sequence[Slot], noun: str) -> Iterator[Found]:
    """Every place where the text names the thing that is asked for."""
    values = frozenset(spelling for other in slots for spelling in other.known())
    for match in name_pattern(noun).finditer(text):
        raw = next((group for group in reversed(match.groups()) if group is not None), "")
        is_marked = any(mark in match.group()[-len(raw) - 4 :] or raw[:1] == mark for mark in "`\"'")
        value = trimmed(raw) if is_marked else trimmed(raw).rstrip(".:!?'*)]").strip()
        if not value or value.lower() in values or value.lower() in _NOT_A_NAME or _is_region(value):
            continue
        if not any(char.isalnum() for char in value) or _is_mention(text, match, is_loose=bool(match.group("direct"))):
            continue
        if match.group("direct") and not (is_marked or _is_name_like(text, match, value, noun)):
            continue
        told = _told(text, match.start(), match.end())
        if is_denied(text, match.start(), match.end()) or re.search(r"\bnot\b", match.group("between") or "", re.I):
            continue
        if slot.is_allowed(value):
            yield Found(slot.name, value, told, "named in the text")
        else:
            yield Found(slot.name, None, told, "named in the text", slot.objection(value))


def _is_region(value: str) -> bool:
    return re.fullmatch(r"[a-z]{2}-[a-z]+-\d[a-z]?", value.lower()) is not None


def _is_mention(text: str, match: re.Match[str], *, is_loose: bool) -> bool:
    """Whether the name belongs to something that exists, or to another thing than the one asked for."""
    left = clause_before(text, match.start())
    between = match.group("between")
    if between and (words := re.findall(r"\w+", between.lower())) and words[-1] in _OTHER_THINGS:
        return True
    if _MENTION.search(left):
        return True
    return is_loose and _DEFINITE.search(left) is not None and _MAKING.search(left) is None


def _is_name_like(text: str, match: re.Match[str], value: str, noun: str) -> bool:
    """Whether a bare word after the noun is a name rather than an adjective ("bucket cross-account")."""
    parts = value.lower().split("-")
    if not any(mark in value for mark in "-_") or parts[0] in _LOOSE_START or parts[-1] in _LOOSE_END:
        return False
    following = re.match(r"[^\S\n]+([a-z][\w-]*)", text[match.end() : match.end() + 40], re.I)
    return following is None or following.group(1).lower() in _RIGHT | {
        "there",
        "owned",
        noun,
        "the",
        "from",
        "until",
    }


def bare_answers(text: str, slot: Slot, slots: Sequence[Slot]) -> Iterator[Found]:
    """In a reply, a part that is nothing but a name answers the question for it."""
    values = frozenset(spelling for other in slots for spelling in other.known())
    for line in text.split("\n"):
        for part in line.split(",") if len(line) < 400 else ():
            value = trimmed(part).rstrip(".! ").strip()
            is_name = slot.pattern is not None and "-" in value and slot.is_allowed(value)
            if is_name and value not in values and not _is_region(value):
                yield Found(slot.name, value, shown(part), "your reply")


def _told(text: str, start: int, end: int) -> str:
    """The words of a finding with a little around them, within the line."""
    first = max(text.rfind("\n", 0, start) + 1, start - 24)
    while first > 0 and first < start and text[first - 1].isalnum():
        first += 1
    stop = text.find("\n", end)
    last = min(len(text) if stop < 0 else stop, end + 12)
    while end < last < len(text) and text[last].isalnum():
        last -= 1
    return shown(text[first:last])
