"""Which category a status of the past belongs to: history gives names and ids, never categories."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from tickets.ticket import Status, StatusCategory

_NEW = (
    "open|to do|todo|new|backlog|inbox|reopened|created|submitted|triage|to triage|selected for development|"
    "ready for dev|ready for development|waiting for support|waiting for triage|offen|zu erledigen|neu|"
    "à faire|ouvert|nouveau|abierto|abierta|por hacer|nuevo|a fazer|aberto|открыт|открыта|новый|к выполнению|"
    "待办|待处理|打开|新建|重新打开|未开始|未着手|新規|대기"
)
_IN_PROGRESS = (
    "in progress|in development|in review|in testing|in qa|doing|started|working|work in progress|wip|"
    "under review|code review|review|testing|pending|blocked|on hold|escalated|waiting for customer|"
    "waiting for approval|"
    "in arbeit|in bearbeitung|en cours|en curso|en progreso|em andamento|em progresso|в работе|в процессе|"
    "进行中|处理中|开发中|测试中|进行|対応中|作業中|進行中|処理中|진행 중"
)
_DONE = (
    "done|closed|resolved|completed|complete|finished|fixed|cancelled|canceled|declined|rejected|won't do|"
    "released|fulfilled|fertig|erledigt|geschlossen|gelöst|abgeschlossen|terminé|terminée|fermé|résolu|clos|"
    "hecho|cerrado|cerrada|resuelto|resuelta|finalizado|finalizada|concluído|fechado|resolvido|"
    "закрыт|закрыта|решён|решен|готово|выполнено|已完成|完成|已关闭|关闭|已解决|解决|完了|解決済み|완료"
)
WORDS: Mapping[str, StatusCategory] = {
    word: category
    for words, category in (
        (_NEW, StatusCategory.NEW),
        (_IN_PROGRESS, StatusCategory.IN_PROGRESS),
        (_DONE, StatusCategory.DONE),
    )
    for word in words.split("|")
}


class Categories:
    """Looks a status up by id and name, then by name, then by id, then by what its words mean in several
    languages.

    `statuses` may repeat and contradict itself (a site that moved a status to another category, several sites
    with the same ids): each look-up takes the category held by most entries; a tie says nothing and the next
    one is asked.
    """

    def __init__(self, statuses: Iterable[Status]) -> None:
        votes: dict[tuple[str, str], Counter[StatusCategory]] = defaultdict(Counter)
        for status in statuses:
            if status.category is StatusCategory.UNDEFINED:
                continue
            name = _fold(status.name)
            for key in {(status.id, name), ("", name), (status.id, "")} - {("", "")}:
                votes[key][status.category] += 1
        self._known = {key: winner for key, counts in votes.items() if (winner := _majority(counts))}

    def of(self, status_id: str, name: str) -> StatusCategory:
        """The category, or `undefined` where nothing tells it."""
        folded = _fold(name)
        for key in ((status_id, folded), ("", folded), (status_id, "")):
            if key != ("", "") and (found := self._known.get(key)):
                return found
        return WORDS.get(folded, StatusCategory.UNDEFINED)


def _fold(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


def _majority(counts: Counter[StatusCategory]) -> StatusCategory | None:
    (winner, votes), *others = counts.most_common(2)
    return None if others and others[0][1] == votes else winner
