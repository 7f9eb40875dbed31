"""What the commands about request types print, and their JSON documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from agent.config import Configuration
from agent.sync_printing import console
from fulfilment.ledger import Ledger
from fulfilment.records import AuditQuestion, Certificate
from tickets.ticket import Ticket

if TYPE_CHECKING:
    from agent.discovering import Found
    from agent.golden_paths import PathMode
    from agent.learning import Trained
    from agent.model import LiveModel

Document = dict[str, Any]


def percent(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1%}"


def table_of(headings: Sequence[str], rows: Sequence[Sequence[object]], *, left: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in left else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    return table


# --- discovery


def discovery_document(found: Found) -> Document:
    """As of a file, with the tickets' keys in place of rows."""
    document = found.discovery.to_json()
    keys = [ticket.key for ticket in found.tickets]
    document["assignments"] = dict(zip(keys, document["assignments"], strict=True))
    for one in document["types"]:
        one["name"] = found.names.get(one["id"], one["name"])
        for part in ("central", "borderline", "counter_examples"):
            one[part] = [{"ticket": keys[row], "summary": found.tickets[row].summary} for row in one[part]]
    return document | {"texts": len(keys)}


def print_discovered(document: Document) -> None:
    out = console()
    out.print(Text(f"{len(document['types'])} request types in {document['texts']:,} texts", style="bold"))
    rows = [
        (
            one["id"],
            one["name"],
            f"{one['size']:,}",
            f"{one['stability']:.2f}",
            ", ".join(_word(word) for word in one["words"][:5]),
            _typical(one["central"]),
        )
        for one in document["types"]
    ]
    headings = ("id", "name", "tickets", "stability", "words", "typical")
    out.print(table_of(headings, rows, left=("id", "name", "words", "typical")))
    for one in document["types"]:
        if one["merged_from"]:
            out.print(Text(f"{', '.join(one['merged_from'])} went into {one['id']}", style="dim"))
    out.print(Text(f"other: {document['other']:,} texts are like no type", style="dim"))
    out.print(Text("stability: how alike a type comes out when parts of the texts are left out; below 0.6 mistrust it"))
    out.print(Text('next: goldenpath types name ID "What people call it", then goldenpath train', style="dim"))


def _typical(central: Sequence[object]) -> str:
    """The most typical ticket, or its row (from 0) in a file."""
    first = central[0] if central else ""
    return f"{first['ticket']} {first['summary']}" if isinstance(first, dict) else f"row {first}"


def _word(word: object) -> str:
    return str(word[0]) if isinstance(word, list | tuple) else str(word)


# --- learning


def training_document(done: Trained) -> Document:
    report = done.classifier.report
    return {
        "is_live": done.is_live,
        "tickets": report.tickets,
        "types": list(done.classifier.classes),
        "held_out": report.held_out,
        "accuracy": report.accuracy,
        "macro_f1": report.macro_f1,
        "ece": report.calibration_error,
        "estimator": report.model,
        "candidates": dict(report.candidates),
        "compared": {"tickets": done.compared, "right": done.right, "right_before": done.right_before},
        "per_class": per_class(report.classes),
        "certificates": [certificate_document(one) for one in done.certificates],
    }


def per_class(classes: Mapping[str, Any]) -> Document:
    return {
        name: {"precision": one.precision, "recall": one.recall, "support": one.tickets}
        for name, one in classes.items()
    }


def print_training(document: Document) -> None:
    out = console()
    out.print(
        Text(f"learned {len(document['types'])} types from {document['tickets']:,} labelled tickets", style="bold")
    )
    _print_quality(document)
    compared = document["compared"]
    if compared["tickets"]:
        out.print(
            Text(
                f"of the newest {compared['tickets']:,} tickets, which neither had learned from, it names "
                f"{compared['right']:,} right, the model before {compared['right_before']:,}"
            )
        )
    told = "it is in use from now on" if document["is_live"] else "it is no better: the model before stays in use"
    out.print(Text(told, style="green" if document["is_live"] else "yellow"))
    print_certificates({"certificates": document["certificates"]})


def print_file_training(document: Document) -> None:
    out = console()
    out.print(Text(f"learned {document['labels']} labels from {document['texts']:,} texts", style="bold"))
    _print_quality(document)
    rows = [(one["request_type"], f"≤ {one['target']:.0%}", one["sentence"]) for one in document["certificates"]]
    out.print(table_of(("label", "wrong", "certificate"), rows, left=("label", "certificate")))
    out.print(Text(f"written to {document['model']}"))


def _print_quality(document: Document) -> None:
    console().print(
        Text(
            f"the newest {document['held_out']:,}, judged by models of older ones: accuracy "
            f"{percent(document['accuracy'])}, macro-F1 {percent(document['macro_f1'])}, calibration error "
            f"{percent(document['ece'])} ({document['estimator']})"
        )
    )


def report_document(live: LiveModel) -> Document:
    report = live.classifier.report
    return {
        "sha256": live.sha256,
        "texts": report.held_out,
        "accuracy": report.accuracy,
        "macro_f1": report.macro_f1,
        "ece": report.calibration_error,
        "definition": report.definition,
        "per_class": per_class(report.classes),
    }


def print_evaluation(document: Document) -> None:
    out = console()
    out.print(
        Text(
            f"{document['texts']:,} texts: accuracy {percent(document['accuracy'])}, macro-F1 "
            f"{percent(document['macro_f1'])}, calibration error {percent(document['ece'])}",
            style="bold",
        )
    )
    rows = [
        (name, f"{one['support']:,}", percent(one["precision"]), percent(one["recall"]))
        for name, one in sorted(document["per_class"].items(), key=lambda pair: (-pair[1]["support"], pair[0]))
    ]
    out.print(table_of(("type", "tickets", "precision", "recall"), rows, left=("type",)))
    for target, shares in document.get("automated_share", {}).items():
        for scope, name in (("per_type", "a certificate per type"), ("pooled", "one threshold for all")):
            one = shares[scope]
            out.print(
                Text(
                    f"wrong ≤ {float(target):.0%}, {name}: {percent(one['share'])} automatic, "
                    f"{percent(one['error'])} of them wrong"
                )
            )
    if "predictions_per_second" in document:
        out.print(Text(f"{document['predictions_per_second']:,} predictions a second", style="dim"))


# --- certificates and audits


def certificate_document(one: Certificate) -> Document:
    return {
        "request_type": one.request_type,
        "in_force": one.lacks is None,
        "sentence": sentence_of(one),
        "target": one.target,
        "confidence": one.confidence,
        "threshold": one.threshold,
        "coverage": one.coverage,
        "audited": one.audited,
        "wrong": one.wrong,
        "needed": one.needed,
        "suspended": one.suspended_reason,
    }


def sentence_of(one: Certificate) -> str:
    return one.lacks or (
        f"wrong ≤ {one.target * 100:.3g} % at {one.confidence * 100:.4g} % confidence, "
        f"covers {one.coverage * 100:.0f} %, from {one.audited:,} audited tickets"
    )


def certificates_document(found: Sequence[Certificate], configuration: Configuration) -> Document:
    return {
        "target": configuration.types.target,
        "confidence": configuration.types.confidence,
        "certificates": [certificate_document(one) for one in found],
    }


def print_certificates(document: Document) -> None:
    rows = [
        (
            one["request_type"],
            "in force" if one["in_force"] else "no",
            "" if one["threshold"] is None else f"{one['threshold']:.3f}",
            one["sentence"],
        )
        for one in document["certificates"]
    ]
    console().print(
        table_of(
            ("request type", "certificate", "from score", "what it says"), rows, left=("request type", "what it says")
        )
    )
    if any(one["needed"] for one in document["certificates"]):
        console().print(Text("`goldenpath audit` asks people about a random sample of tickets", style="dim"))


def questions_document(asked: Sequence[tuple[AuditQuestion, Ticket]]) -> Document:
    return {
        "asked": [
            {
                "ticket": question.ticket_key,
                "summary": ticket.summary,
                "predicted": question.predicted,
                "score": round(question.score, 4),
            }
            for question, ticket in asked
        ]
    }


def print_questions(document: Document) -> None:
    out = console()
    if not document["asked"]:
        out.print(Text("nothing to ask: every ticket has a type that people gave, or was asked about"))
        return
    rows = [(one["ticket"], one["predicted"], f"{one['score']:.2f}", one["summary"]) for one in document["asked"]]
    out.print(table_of(("ticket", "taken for", "score", "summary"), rows, left=("ticket", "taken for", "summary")))
    first = document["asked"][0]
    out.print(Text("say what each asks for, also where the guess is right:", style="dim"))
    out.print(Text(f"  goldenpath audit {first['ticket']} {first['predicted']}", style="dim"))


def said_sentence(said: Document) -> str:
    if not said["is_new"]:
        return f"{said['ticket']} is {said['request_type']}: that was known"
    guess = f" (the model said {said['predicted']})" if said["predicted"] else ""
    return f"{said['ticket']} is {said['request_type']}{guess}: kept, and the certificates are counted anew"


def types_document(ledger: Ledger) -> Document:
    certificates = {one.request_type: one for one in ledger.evidence.certificates()}
    stands_for, known = ledger.evidence.resolved(), ledger.evidence.request_types()
    sizes = Counter[str]()
    for one in known:
        sizes[stands_for.get(one.id, one.id)] += one.size
    return {
        "types": [
            {
                "id": one.id,
                "name": one.name,
                "kind": one.kind,
                "origin": one.origin,
                "tickets": one.size if one.merged_into else sizes[one.id],
                "words": list(one.words),
                "merged_into": one.merged_into,
                "certificate": sentence_of(certificates[one.id]) if one.id in certificates else None,
            }
            for one in known
        ]
    }


def print_types(document: Document) -> None:
    if not document["types"]:
        console().print(Text("no types yet: `goldenpath discover` finds them in a queue without forms"))
        return
    rows = [
        (
            one["id"],
            one["name"],
            one["kind"],
            f"{one['tickets']:,}",
            f"→ {one['merged_into']}" if one["merged_into"] else one["origin"],
            one["certificate"] or ", ".join(one["words"][:5]),
        )
        for one in document["types"]
    ]
    headings = ("id", "name", "kind", "tickets", "state", "certificate or words")
    console().print(table_of(headings, rows, left=("id", "name", "kind", "state", "certificate or words")))


def print_explanation(document: Document) -> None:
    out = console()
    source = {"given": "its form says so", "corrected": "a person said so", "predicted": "by its words"}
    told = f"{document['request_type']} ({source[document['source']]})" if document["request_type"] else "no known type"
    out.print(Text(f"{document['ticket']}: {told}", style="bold"))
    if document["predicted"]:
        out.print(Text(f"the model says {document['predicted']}, score {document['score']:.2f}"))
    else:
        out.print(Text("the model says nothing: the text is unlike anything seen"))
    for word in document["words"]:
        side = "for" if word["weight"] > 0 else "against"
        out.print(Text(f"  {side:<8} {word['weight']:+7.2f}  {word['term']}"))


def print_modes(found: Sequence[PathMode]) -> None:
    rows = [
        (one.handler, one.request_type, one.configured.label, one.given.label, one.predicted.label) for one in found
    ]
    headings = ("golden path", "request type", "configured", "given on a form", "predicted")
    out = console()
    out.print(table_of(headings, rows, left=headings))
    for one in found:
        for sentence in dict.fromkeys((*one.why_given, *one.why_predicted)):
            out.print(Text(f"  {one.handler}: {sentence}", style="dim"))
