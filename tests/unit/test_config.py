"""The configuration: found, checked whole, refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import config
from agent.errors import ConfigurationError

JIRA = '[jira]\nurl = "https://acme.example"\nemail = "a@acme.example"\nprojects = ["OPS"]\n'
ROLES = (
    'plan_role_arn = "arn:aws:iam::123456789012:role/plan"\napply_role_arn = "arn:aws:iam::123456789012:role/apply"\n'
)
STORE = "[store]\n"
ENVIRONMENT = f'[environments.dev]\naccount = "123456789012"\n{ROLES}regions = ["eu-west-1"]\n'


def write(folder: Path, text: str) -> Path:
    path = folder / config.FILE_NAME
    path.write_text(text, encoding="utf-8")
    return path


def test_is_found_from_a_folder_below(tmp_path: Path) -> None:
    path = write(tmp_path, JIRA)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert config.find(below) == path.resolve()


def test_the_template_of_init_is_valid(tmp_path: Path) -> None:
    template = Path(config.__file__).with_name("template.toml").read_text(encoding="utf-8")
    loaded = config.load(write(tmp_path, template))
    assert loaded.require_jira().projects == ("OPS",)
    assert loaded.handlers == {}


def test_every_commented_example_of_the_template_is_valid_too(tmp_path: Path) -> None:
    template = Path(config.__file__).with_name("template.toml").read_text(encoding="utf-8")
    lines = []
    for line in template.splitlines():
        bare = line.removeprefix("# ")
        is_setting = line.startswith("# ") and ("] " not in bare) and (bare.startswith("[") or " = " in bare)
        lines.append(bare if is_setting else line)
    loaded = config.load(write(tmp_path, "\n".join(lines)))
    assert loaded.handlers["s3-bucket"].mode == "shadow"
    policy = config.build_policy(loaded)
    assert policy.teams["payments"].handlers == {"s3-bucket"}
    assert policy.projects == {"OPS": "Resolved"}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (
            JIRA + "colour = 1\n",
            5,
            "jira.colour: unknown key; allowed: url, email, token_file, token_expires, api_url, projects",
        ),
        (JIRA + "[agent]\nevery_minutes = 0\n", 6, "agent.every_minutes"),
        (JIRA + '[calendar]\ntime_zone = "Mars/Base"\n', 6, "allowed: an IANA time zone"),
        (JIRA + "[calendar.shifts]\nmonday = ['nine']\n", 6, "'nine' is no shift; allowed: from and to"),
        (JIRA + "[calendar.shifts]\nmonady = []\n", 6, "calendar.shifts.monady"),
        (JIRA + '[calendar]\nholidays_of = "Germany"\n', 6, "allowed: two letters of a country"),
        (JIRA + "[calendar]\nstart = 08:00:00\nshifts = {monday = ['09:00-17:00']}\n", 5, "shifts stand instead"),
        (JIRA + '[clocks.statuses]\n"On hold" = "paused"\n', 6, "clocks.statuses.On hold: Input should be 'queue'"),
        (JIRA + "[clocks]\nstart = []\n", 6, "clocks.start"),
        (JIRA + "[clocks.projects.WEB]\n", 5, "unknown project 'WEB'; allowed: OPS"),
        (JIRA + '[teams.a]\ncalendar = "mars"\n', 6, "unknown calendar 'mars'; allowed: none is configured"),
        (JIRA + "[assumptions]\nblocked_shares = {High = 2}\n", 6, "assumptions.blocked_shares.High"),
        (JIRA + "[assumptions]\ncapacity_hours = 0\n", 6, "assumptions.capacity_hours"),
        (
            JIRA + "[report]\nwhen = 1\n",
            6,
            "report.when: unknown key; allowed: folder, every, weekday, hour, formats, top, since, rank_by",
        ),
        (JIRA + f"[on_call]\naccounts = {list('abcdef')}\n", 6, "on_call.accounts: Tuple should have at most 5 items"),
        (JIRA + '[on_call]\naccounts = ["a b"]\n', 6, "on_call.accounts.0"),
        (JIRA + '[on_call]\nlabel = "x"\n', 5, "on_call: it names nobody: set accounts, webhook_url or mail"),
        (JIRA + '[on_call]\nwebhook_url = "http://h.example/x"\n', 6, "allowed: an https:// address"),
        (JIRA + '[on_call]\nwebhook_url = "https://u:p@h.example/x"\n', 6, "without a user, a password"),
        (JIRA + '[on_call]\naccounts = ["a"]\ngroup = "g"\nrole = "r"\n', 5, "group and role exclude each other"),
        (JIRA + '[on_call]\naccounts = ["a"]\nlabel = "a b"\n', 7, "on_call.label"),
        (
            JIRA + '[on_call.mail]\nhost = "h.example"\nfrom = "a@b.example"\nto = ["c@d.example"]\nstarttls = false\n',
            5,
            "on_call.mail: starttls = false is for a server on this machine only",
        ),
        (
            JIRA + '[on_call.mail]\nhost = "h.example"\nfrom = "a@b.example\\nBcc: x@y.example"\nto = []\n',
            7,
            "on_call.mail.from",
        ),
        (JIRA + '[on_call.mail]\nsender = "a@b.example"\n', 6, "unknown key; allowed: host, port, from, to, starttls"),
        (JIRA + '[report]\nevery = "month"\n', 6, "report.every: Input should be 'day' or 'week'"),
        (JIRA + '[report]\nformats = ["pdf"]\n', 6, "report.formats.0: Input should be 'text', 'md', 'html' or 'json'"),
        (JIRA + "[report]\nformats = []\n", 6, "report.formats"),
        (JIRA + '[report]\nsince = "soon"\n', 6, "'soon' is not a duration; allowed: days or weeks"),
        (JIRA + '[report]\nevery = "day"\nweekday = 2\n', 5, 'weekday is for every = "week"'),
        (JIRA + "[report]\nhour = 24\n", 6, "report.hour"),
        (JIRA.replace("https://", "http://"), 2, "allowed: an https:// address"),
        (JIRA + ENVIRONMENT.replace("apply_role_arn", "other"), 5, "apply_role_arn: is missing"),
        (JIRA + ENVIRONMENT.replace("role/apply", "role/plan"), 5, "must differ"),
        (JIRA + ENVIRONMENT.replace('account = "1', 'account = "2'), 5, "is not in account 223456789012"),
        (JIRA + '[handlers.s3-bukket]\nmode = "off"\n', 5, "unknown handler 's3-bukket'; allowed: s3-bucket"),
        (JIRA + '[handlers.s3-bucket]\nmode = "on"\n', 6, "handlers.s3-bucket.mode"),
        (JIRA + "[handlers.s3-bucket]\nnonsense = 1\n", 6, "handlers.s3-bucket.nonsense: unknown key"),
        (JIRA + '[handlers.s3-bucket.fields]\ncolour = "x"\n', 6, "unknown parameter 'colour'"),
        (JIRA + '[teams.a]\nenvironments = ["moon"]\n', 6, "unknown environment 'moon'; allowed: none is configured"),
        (JIRA + "[projects.WEB]\n", 5, "unknown project 'WEB'; allowed: OPS"),
        ('jira_token = "abc"\n' + JIRA, 1, "not allowed in the file"),
        (
            'database_password = "abc"\n' + JIRA,
            1,
            "not allowed in the file; use GOLDENPATH_DATABASE_PASSWORD or store.password_file",
        ),
        (STORE + 'database = "mysql://gp@db/gp"\n', 2, "allowed: postgresql://USER@HOST/DATABASE"),
        (STORE + 'database = "postgresql://gp@db"\n', 2, "allowed: postgresql://USER@HOST/DATABASE"),
        (STORE + 'database = "postgresql://gp@db:many/gp"\n', 2, "allowed: postgresql://USER@HOST/DATABASE"),
        (STORE + 'database = "postgresql://gp@db/gp?colour=red"\n', 2, "unknown parameter 'colour'; allowed: "),
        (STORE + 'password_file = "p"\n', 1, "password_file is for a database"),
    ],
)
def test_a_wrong_key_or_value_names_file_line_and_what_is_allowed(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigurationError) as raised:
        config.load(path)
    assert f"{path}:{line}: " in str(raised.value)
    assert words in str(raised.value)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize("text", ["[jira", "a = ", "\x00"])
def test_malformed_toml_is_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="not valid TOML"):
        config.load(write(tmp_path, text))


def test_a_missing_named_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="goldenpath init"):
        config.load(tmp_path / "none.toml")


def test_a_variable_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLDENPATH_AGENT__EVERY_MINUTES", "2")
    loaded = config.load(write(tmp_path, JIRA + "[agent]\nevery_minutes = 7\nmaximum_age_days = 3\n"))
    assert (loaded.agent.every_minutes, loaded.agent.maximum_age_days) == (2, 3)


def test_the_token_comes_from_the_variable_or_the_file_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, JIRA + 'token_file = "token"\n')
    with pytest.raises(ConfigurationError, match="cannot be read"):
        config.load(path).read_token()
    (tmp_path / "token").write_text("from-file\n")
    assert config.load(path).read_token() == "from-file"
    monkeypatch.setenv("GOLDENPATH_JIRA_TOKEN", "from-variable")
    loaded = config.load(path)
    assert loaded.read_token() == "from-variable"
    assert "from-variable" not in repr(loaded)


def test_no_token_says_where_to_put_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="GOLDENPATH_JIRA_TOKEN"):
        config.load(write(tmp_path, JIRA)).read_token()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://gp:hunter2@db/gp",
        "postgresql://gp@db/gp?password=hunter2",
        "postgresql://gp@db/gp?sslpassword=hunter2",
        "postgresql://gp:hunter2#x@db/gp",
        "postgresql://gp:hunter2/x@db/gp",
        "postgresql://gp:hunter2?x@db/gp",
        "postgresql://gp:[hunter2@db/gp",
        "mysql://gp:hunter2@db/gp",
    ],
)
@pytest.mark.parametrize("is_variable", [False, True])
def test_a_password_in_an_address_is_refused_and_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, is_variable: bool
) -> None:
    if is_variable:
        monkeypatch.setenv("GOLDENPATH_STORE__DATABASE", address)
    path = write(tmp_path, JIRA if is_variable else f'{STORE}database = "{address}"\n')
    with pytest.raises(
        ConfigurationError, match=r"store\.database: .*allowed: postgresql://USER@HOST/DATABASE"
    ) as raised:
        config.load(path)
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_the_password_of_the_database_comes_from_the_variable_or_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, STORE + 'database = "postgresql://gp@db/gp"\n')
    assert config.load(path).read_database_password() is None
    path = write(tmp_path, path.read_text() + 'password_file = "secret"\n')
    with pytest.raises(ConfigurationError, match=r"store\.password_file .*secret cannot be read"):
        config.load(path).read_database_password()
    (tmp_path / "secret").write_text("from the file\n")
    assert config.load(path).read_database_password() == "from the file"
    monkeypatch.setenv("GOLDENPATH_DATABASE_PASSWORD", "from the variable")
    loaded = config.load(path)
    assert loaded.read_database_password() == "from the variable"
    assert "from the" not in repr(loaded) + str(loaded) + repr(loaded.ledger_place)


def test_the_secrets_of_calls_come_by_file_or_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = '[on_call]\nwebhook_url = "https://h.example"\nwebhook_secret_file = "secret"\n'
    loaded = config.load(write(tmp_path, JIRA + table))
    with pytest.raises(ConfigurationError, match=r"on_call.webhook_secret_file .* cannot be read"):
        loaded.webhook_secret()
    (tmp_path / "secret").write_text("from-file\n")
    assert (loaded.webhook_secret(), loaded.mail_password()) == ("from-file", "")
    monkeypatch.setenv("GOLDENPATH_ON_CALL_WEBHOOK_SECRET", "from-variable")
    monkeypatch.setenv("GOLDENPATH_ON_CALL_MAIL_PASSWORD", "word")
    loaded = config.load(write(tmp_path, JIRA + table))
    assert (loaded.webhook_secret(), loaded.mail_password()) == ("from-variable", "word")
    assert "from-variable" not in repr(loaded)
    with pytest.raises(ConfigurationError, match=r":1: on_call_mail_password is not allowed .*ON_CALL_MAIL_PASSWORD"):
        config.load(write(tmp_path, 'on_call_mail_password = "x"\n' + JIRA))
