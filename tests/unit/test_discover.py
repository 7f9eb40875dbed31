"""Request types found in little queues that are written by hand: several languages, ids that stay, what is other."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from analytics.discover import Discovery, KnownType, discover
from analytics.errors import TooFewTexts
from analytics.fillers import FILLERS
from analytics.wording import TEXT_LIMIT, cleaned, count, tokens

# What is asked for in four languages, in words that the wordings of one request share.
WISHES = {
    "bucket": ("an S3 bucket", "one more S3 bucket for exports", "S3 bucket with versioning", "a private S3 bucket"),
    "redis": ("a Redis cache", "Redis cache for sessions", "a bigger Redis cache", "Redis cache cluster"),
    "drucker": ("Drucker im zweiten Stock streikt", "Toner im Drucker fehlt", "neuer Drucker", "Drucker druckt blass"),
    "contraseña": ("contraseña olvidada", "cambiar contraseña caducada", "nueva contraseña", "contraseña bloqueada"),
    "存储桶": ("申请存储桶", "需要存储桶用于备份", "创建存储桶", "存储桶权限"),
}
OPENINGS = ("Hi team, please:", "Hello,", "Guten Tag,", "Hola equipo,", "您好", "Dear all,")
CLOSINGS = ("Thanks!", "Viele Grüße, Jonas Weber", "Saludos", "Kind regards\nPriya Nair", "谢谢", "")


def queue(count: int, seed: int = 1, wishes: Sequence[str] = tuple(WISHES)) -> tuple[list[str], list[str]]:
    """Texts and what each of them is really about."""
    dice = random.Random(seed)
    truth = [dice.choice(wishes) for _ in range(count)]
    return [f"{dice.choice(OPENINGS)} {dice.choice(WISHES[one])} {dice.choice(CLOSINGS)}" for one in truth], truth


def keys_of(texts: Sequence[str]) -> list[str]:
    return [f"OPS-{number}" for number in range(1, len(texts) + 1)]


def known_from(found: Discovery, keys: Sequence[str]) -> list[KnownType]:
    members: dict[str, set[str]] = {}
    for key, id in zip(keys, found.assignments, strict=True):
        if id:
            members.setdefault(id, set()).add(key)
    return [KnownType(id, frozenset(of_it)) for id, of_it in members.items()]


def consistent(found: Discovery, number: int) -> None:
    ids = [one.id for one in found.types]
    assert len(found.assignments) == number
    assert len(set(ids)) == len(ids)
    assert set(found.assignments) - {None} == set(ids)
    assert [one.size for one in found.types] == sorted((one.size for one in found.types), reverse=True)
    assert found.other == found.assignments.count(None)
    for one in found.types:
        assert one.size == found.assignments.count(one.id)
        assert one.id and one.name and one.id == one.id.lower() and " " not in one.id
        assert 0 <= one.stability <= 1
        assert all(found.assignments[row] == one.id for row in (*one.central, *one.borderline))
        assert all(found.assignments[row] != one.id for row in one.counter_examples)
    json.dumps(found.to_json())


def test_what_is_asked_for_in_several_languages_is_told_apart_by_its_own_words() -> None:
    texts, truth = queue(200)
    found = discover(texts)
    consistent(found, 200)
    assert found.other <= 10
    for one in found.types:
        about = [truth[row] for row, id in enumerate(found.assignments) if id == one.id]
        most = max(set(about), key=about.count)
        assert about.count(most) >= 0.95 * len(about)
        assert any(most[:2] in word for word, _ in one.words)
        assert one.words[0][1] == 1.0
    assert {truth[one.central[0]] for one in found.types} == set(WISHES)


def test_summaries_name_the_types() -> None:
    texts, truth = queue(120, wishes=("bucket", "redis"))
    summaries = [{"bucket": "S3 bucket wanted", "redis": "Redis cache wanted"}[one] for one in truth]
    found = discover(texts, summaries=summaries)
    assert [one.name for one in found.types][:2] in (["S3 bucket", "Redis cache"], ["Redis cache", "S3 bucket"])
    assert {one.id for one in found.types} >= {"s3-bucket", "redis-cache"}
    assert all(one.name.startswith(("S3 bucket", "Redis cache")) for one in found.types)
    assert found.other == 0


@pytest.mark.parametrize("number", [20, 60])
def test_small_queues_have_types_too(number: int) -> None:
    texts = [
        f"{wish} {OPENINGS[n % 6]}" for n in range(number // 2) for wish in ("S3 bucket logs", "VPN access laptop")
    ]
    found = discover(texts)
    consistent(found, number)
    assert [one.size for one in found.types] == [number // 2, number // 2]


def test_the_same_input_gives_the_same_answer_whatever_the_number_of_threads() -> None:
    texts, _ = queue(600)
    first = discover(texts)
    with threadpool_limits(1):
        assert discover(texts) == first
    with threadpool_limits(2):
        assert discover(texts) == first


def test_courtesies_are_no_type() -> None:
    texts, _ = queue(100)
    polite = [
        f"{hello} {bye}" for hello, bye in itertools.product(OPENINGS[:4], ("Thanks!", "Kind regards", "Saludos"))
    ]
    found = discover(texts + polite * 2)
    assert set(found.assignments[100:]) == {None}
    assert found.other >= 24


def test_a_signature_below_every_text_makes_no_type() -> None:
    texts, truth = queue(200)
    signed = [text + "\nAcme Shop, think of the environment before printing" * (n % 2) for n, text in enumerate(texts)]
    found = discover(signed)
    for one in found.types:
        about = [truth[row] for row, id in enumerate(found.assignments) if id == one.id]
        assert max(map(about.count, about)) >= 0.95 * len(about)


def test_what_is_like_no_other_and_what_has_no_words_is_other() -> None:
    texts, _ = queue(100)
    odd = ["", "   ", "12345 678", "\x00\x00", "!?", "🙂", "zebra xylophone quux"]
    found = discover(texts + odd)
    assert found.assignments[100:] == (None,) * len(odd)
    consistent(found, 107)


def test_texts_of_nothing_or_numbers_have_no_types() -> None:
    for text in ("", "42", "\x00", "thanks"):
        found = discover([text] * 12)
        assert (found.types, found.other, set(found.assignments)) == ((), 12, {None})


def test_texts_that_are_all_the_same_are_one_type() -> None:
    found = discover(["please reset my password"] * 30)
    consistent(found, 30)
    assert [(one.size, one.stability) for one in found.types] == [(30, 1.0)]
    assert "password" in found.types[0].id


def test_too_few_texts_are_refused_with_the_way_out() -> None:
    with pytest.raises(TooFewTexts, match=r"9 tickets are too few .* at least 10\. Sync or import more"):
        discover(["a bucket"] * 9)


def test_lengths_that_differ_and_known_types_without_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="12 texts, but 3 summaries"):
        discover(["x"] * 12, summaries=["y"] * 3)
    with pytest.raises(ValueError, match="12 texts, but 1 keys"):
        discover(["x"] * 12, keys=["OPS-1"])
    with pytest.raises(ValueError, match="give the keys"):
        discover(["x"] * 12, known=[KnownType("a", frozenset())])


def test_only_the_beginning_of_a_text_is_read() -> None:
    texts, _ = queue(60)
    logs = "\n2026-01-01 ERROR stack trace of a worker" * 30_000
    padded = [text.ljust(TEXT_LIMIT) for text in texts]
    assert discover([padded[0] + logs, *padded[1:]]).assignments == discover(padded).assignments


def test_ids_stay_when_tickets_come() -> None:
    texts, _ = queue(400)
    keys = keys_of(texts)
    before = discover(texts[:350], keys=keys[:350])
    after = discover(texts, keys=keys, known=known_from(before, keys[:350]))
    consistent(after, 400)
    assert np.mean([a == b for a, b in zip(before.assignments, after.assignments, strict=False)]) >= 0.99
    assert {one.id for one in before.types} == {one.id for one in after.types}
    assert all(one.merged_from == () for one in after.types)


def test_a_sample_of_keys_is_enough_to_know_a_type_again() -> None:
    texts, _ = queue(300)
    keys = keys_of(texts)
    before = discover(texts, keys=keys)
    sample = [KnownType(f"known-{one.id}", frozenset(keys[row] for row in one.central)) for one in before.types]
    after = discover(texts, keys=keys, known=sample)
    assert {one.id for one in after.types} == {one.id for one in sample}


def test_ids_follow_the_tickets_and_not_the_words() -> None:
    texts, truth = queue(200)
    keys = keys_of(texts)
    known = [
        KnownType(f"type-{n}", frozenset(k for k, t in zip(keys, truth, strict=True) if t == wish))
        for n, wish in enumerate(WISHES)
    ]
    found = discover(texts, keys=keys, known=known)
    expected = {wish: f"type-{n}" for n, wish in enumerate(WISHES)}
    assert np.mean([id == expected[one] for id, one in zip(found.assignments, truth, strict=True)]) > 0.97


def test_what_people_merged_is_one_type() -> None:
    texts, truth = queue(200)
    keys = keys_of(texts)
    of = {wish: frozenset(k for k, t in zip(keys, truth, strict=True) if t == wish) for wish in WISHES}
    known = [KnownType("storage", of["bucket"]), KnownType("cache", of["redis"], merged_into="storage")]
    found = discover(texts, keys=keys, known=known)
    consistent(found, 200)
    storage = next(one for one in found.types if one.id == "storage")
    assert storage.merged_from == ("cache",)
    assert storage.size >= 0.97 * (truth.count("bucket") + truth.count("redis"))
    assert "cache" not in found.assignments


def test_merges_may_chain_and_even_run_in_a_circle() -> None:
    texts, truth = queue(200)
    keys = keys_of(texts)
    of = {wish: frozenset(k for k, t in zip(keys, truth, strict=True) if t == wish) for wish in WISHES}
    chain = [
        KnownType("a", of["bucket"], merged_into="b"),
        KnownType("b", of["redis"], merged_into="c"),
        KnownType("c", of["drucker"]),
    ]
    found = discover(texts, keys=keys, known=chain)
    assert next(one for one in found.types if one.id == "c").merged_from == ("a", "b")
    circle = [KnownType("a", of["bucket"], merged_into="b"), KnownType("b", of["redis"], merged_into="a")]
    assert next(one for one in discover(texts, keys=keys, known=circle).types if one.id == "a").merged_from == ("b",)


def test_two_known_types_that_are_the_same_in_words_are_merged_by_the_data() -> None:
    texts, truth = queue(200)
    keys = keys_of(texts)
    buckets = [key for key, one in zip(keys, truth, strict=True) if one == "bucket"]
    more, less = frozenset(buckets[::2]) | frozenset(buckets[1::4]), frozenset(buckets[3::4])
    found = discover(texts, keys=keys, known=[KnownType("mine", more), KnownType("yours", less)])
    mine = next(one for one in found.types if one.id == "mine")
    assert mine.merged_from == ("yours",)
    assert mine.size >= 0.97 * len(buckets)


def test_a_type_that_a_person_named_keeps_its_tickets_however_few() -> None:
    texts, truth = queue(200)
    keys = keys_of(texts)
    two = frozenset([key for key, one in zip(keys, truth, strict=True) if one == "bucket"][:2])
    kept = discover(texts, keys=keys, known=[KnownType("legal-hold", two, is_named=True)])
    consistent(kept, 200)
    assert {key for key, id in zip(keys, kept.assignments, strict=True) if id == "legal-hold"} >= two
    gone = discover(texts, keys=keys, known=[KnownType("legal-hold", frozenset(["OPS-999"]), is_named=True)])
    assert "legal-hold" not in {one.id for one in gone.types}


def test_an_id_that_was_known_is_not_given_to_another_type() -> None:
    texts, _ = queue(200)
    found = discover(texts)
    retired = [KnownType(one.id, frozenset(["OLD-1"])) for one in found.types]
    again = discover(texts, keys=keys_of(texts), known=retired)
    assert {one.id for one in found.types}.isdisjoint(one.id for one in again.types)
    assert again.other == found.other


def test_words_are_read_in_all_scripts() -> None:
    assert list(tokens(cleaned("Passwörter für VPN-Zugang"))) == ["Passwörter", "für", "VPN", "Zugang"]
    assert list(tokens(cleaned("申请存储桶"))) == ["申请", "请存", "存储", "储桶"]
    assert list(tokens(cleaned("पासवर्ड रीसेट"))) == ["पासवर्ड", "रीसेट"]
    assert list(tokens(cleaned("u\u0308ber"))) == ["über"]
    assert list(tokens(cleaned("mail ann@acme.example, see https://wiki.acme.example/x or a.b.acme.example"))) == [
        "mail",
        "see",
        "or",
    ]
    counted = count(["reset password 42"] * 3, ["reset"] * 3)
    assert counted.terms.tolist() == ["password", "reset", "reset"]
    assert counted.counts.shape == (3, 3)
    assert FILLERS.isdisjoint({"password", "access", "bucket", "vpn"})


ANY_TEXT = st.text(max_size=40) | st.sampled_from(["reset password", "S3 bucket", "", "hi", "42", "\x00", "存储桶"])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ANY_TEXT, min_size=10, max_size=40), st.data())
def test_any_texts_have_an_answer_that_holds_together(texts: list[str], data: st.DataObject) -> None:
    keys = keys_of(texts)
    found = discover(texts, keys=keys)
    consistent(found, len(texts))
    known = known_from(found, keys)
    if known:
        named = data.draw(st.sampled_from(known))
        into = data.draw(st.sampled_from([None, *(one.id for one in known)]))
        known.append(
            KnownType("by-hand", frozenset(data.draw(st.sets(st.sampled_from(keys)))), into, named is known[0])
        )
    again = discover(texts, keys=keys, known=known)
    consistent(again, len(texts))
    assert discover(texts, keys=keys, known=known) == again
