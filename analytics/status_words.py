"""The words that boards use for their statuses, in several languages."""

from __future__ import annotations

from collections.abc import Mapping

from tickets.ticket import Clock, StatusCategory

_NEW = (
    "open|to do|todo|new|backlog|inbox|reopened|created|submitted|triage|to triage|selected for development|"
    "ready for dev|ready for development|waiting for support|waiting for triage|offen|zu erledigen|neu|"
    "à faire|ouvert|nouveau|abierto|abierta|por hacer|nuevo|a fazer|aberto|открыт|открыта|новый|к выполнению|"
    "not started|nicht begonnen|non commencé|"
    "待办|待处理|打开|新建|重新打开|未开始|未着手|新規|대기"
)
_IN_PROGRESS = (
    "in progress|in development|in review|in testing|in qa|doing|started|working|work in progress|wip|"
    "under review|code review|review|testing|pending|blocked|on hold|escalated|waiting for customer|"
    "waiting for approval|"
    "ready for qa|ready for review|ready for test|approved|scheduled|in prüfung|代码审查|レビュー中|"
    "in arbeit|in bearbeitung|en cours|en curso|en progreso|em andamento|em progresso|в работе|в процессе|"
    "进行中|处理中|开发中|测试中|进行|対応中|作業中|進行中|処理中|진행 중"
)
_DONE = (
    "done|closed|resolved|completed|complete|finished|fixed|cancelled|canceled|declined|rejected|won't do|"
    "deployed|verified|duplicate|won't fix|wont fix|abandoned|abgelehnt|storniert|verworfen|annulé|annulée|rejeté|"
    "cancelado|cancelada|rechazado|rejeitado|отменён|отменен|отклонён|已取消|已拒绝|キャンセル|却下|취소|반려|"
    "released|fulfilled|fertig|erledigt|geschlossen|gelöst|abgeschlossen|terminé|terminée|fermé|résolu|clos|"
    "hecho|cerrado|cerrada|resuelto|resuelta|finalizado|finalizada|concluído|fechado|resolvido|"
    "закрыт|закрыта|решён|решен|готово|выполнено|已完成|完成|已关闭|关闭|已解决|解决|完了|解決済み|완료"
)
CATEGORY_WORDS: Mapping[str, StatusCategory] = {
    word: category
    for words, category in (
        (_NEW, StatusCategory.NEW),
        (_IN_PROGRESS, StatusCategory.IN_PROGRESS),
        (_DONE, StatusCategory.DONE),
    )
    for word in words.split("|")
}

_ASKED = "user|customer|requester|caller|client|reporter|reply|response|info|feedback"
# Waits for the team itself, which boards keep among the statuses of work.
QUEUED = r"\b(?:a?wait\w*|to) (?:for )?(?:support|agent|triage)\b"
# What the words of a status suggest, where it is none of the usual ones. The first that fits.
SUGGESTIONS: tuple[tuple[str, Clock], ...] = (
    (rf"\b(?:a?wait|pending|hold).*\b(?:{_ASKED})", "requester"),
    (r"\b(?:wart\w*|rückfrage)\b.*\b(?:kunde\w*|melder\w*|anforder\w*|rückmeldung)|\brückfrage\b", "requester"),
    (
        r"\b(?:attente|esper\w*|aguard\w*)\b.*\b(?:client\w*|usuari\w*|utilisateur\w*|demandeur|solicitante)",
        "requester",
    ),
    (r"\bожида\w*\b.*\b(?:клиент\w*|пользовател\w*|заявител\w*|ответ\w*)", "requester"),
    (r"(?:等待?|待).*(?:客户|用户|提交人|反馈|回复)|(?:顧客|ユーザー|回答)待ち|고객.*대기", "requester"),
    (QUEUED, "queue"),
    (r"\b(?:resolved|closed|complete|cancel|reject|declin|solved|fulfil)", "done"),
    (r"\b(?:a?wait|pending|hold|block|suspend|vendor|supplier|third party|approval)", "blocked"),
    (
        r"\b(?:blockiert|angehalten|wart(?:et|en|end)|bloqu\w*|en attente|en espera|em espera|aguardando|suspend\w*)\b",
        "blocked",
    ),
    (
        r"\b(?:заблокирован\w*|ожида\w*|отложен\w*|приостановлен\w*)\b|挂起|阻塞|暂停|等待|保留|ブロック|보류|차단",
        "blocked",
    ),
    (r"\b(?:progress|active|work|doing|investigat|develop|review|test|implement)", "active"),
    (r"\b(?:new|open|reopen|queue|backlog|assigned|unassigned|submitted|registered|logged|triage)", "queue"),
)
