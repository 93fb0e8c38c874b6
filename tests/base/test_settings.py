"""Settings: each also from a file, every mistake named, and no secret in any sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

from afterword.base import settings
from afterword.base.errors import SettingsError
from afterword.base.secret import PUT_BACK
from afterword.base.settings import read_settings

PROJECT = Path(__file__).parents[2]
NAMES = {
    "AFTERWORD_DATA": "/srv/afterword",
    "AFTERWORD_DATABASE": "/srv/rows.db",
    "AFTERWORD_JOURNAL": "/mnt/elsewhere/send.journal",
    "AFTERWORD_SMTP": "smtp://alba:bread-and-butter@mail.alba.example:2525?tls=tls",
    "AFTERWORD_FROM": "Alba <post@alba.example>",
    "AFTERWORD_URL": "https://reviews.alba.example/deep/",
    "AFTERWORD_SECRET": "the-secret-of-albas-bakery-is-long-enough",
    "AFTERWORD_HOST": "0.0.0.0",
    "AFTERWORD_PORT": "8080",
    "AFTERWORD_METRICS": "[::1]:9100",
    "AFTERWORD_BODY_LIMIT": "1048576",
    "AFTERWORD_WEBHOOK_ALLOW": "10.0.0.0/8",
}


def test_nothing_set_means_a_folder_here_and_e_mails_as_files() -> None:
    settings = read_settings({})
    assert settings.data == Path("afterword-data")
    assert (settings.database_path, settings.journal) == (
        Path("afterword-data/afterword.db"),
        Path("afterword-data/send.journal"),
    )
    assert (settings.smtp, settings.sender, settings.host, settings.port) == (None, None, "127.0.0.1", 8000)
    assert (settings.url, settings.body_limit) == ("http://127.0.0.1:8000", 64 * 2**20)
    assert settings.is_default


def test_every_setting_is_read() -> None:
    settings = read_settings(NAMES)
    assert settings.database_path == Path("/srv/rows.db")
    assert settings.journal == Path("/mnt/elsewhere/send.journal")
    assert (settings.smtp, settings.sender) == (NAMES["AFTERWORD_SMTP"], NAMES["AFTERWORD_FROM"])
    assert (settings.url, settings.link_host) == ("https://reviews.alba.example/deep", "reviews.alba.example")
    assert (settings.link_secret(), settings.outbox) == (
        NAMES["AFTERWORD_SECRET"],
        Path("/srv/afterword/outbox"),
    )
    assert (settings.host, settings.port, settings.body_limit) == ("0.0.0.0", 8080, 2**20)
    assert not settings.is_default


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_can_lie_in_a_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / "setting"
    file.write_text(f"{NAMES[name]}\n")
    from_file = {**NAMES, f"{name}_FILE": str(file)}
    del from_file[name]
    assert read_settings(from_file) == read_settings(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_given_twice_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "setting").write_text(NAMES[name])
    with pytest.raises(SettingsError, match=f"{name} and {name}_FILE are both set: keep one"):
        read_settings({**NAMES, f"{name}_FILE": str(tmp_path / "setting")})


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "setting").write_bytes(content)
    with pytest.raises(SettingsError, match="AFTERWORD_SECRET_FILE cannot be read"):
        read_settings({"AFTERWORD_SECRET_FILE": str(tmp_path / "setting")})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("AFTERWORD_PORT", value) for value in ("", "x", "-1", "65536", "8e3", "٣", "9" * 5_000)),
        *(
            ("AFTERWORD_METRICS", value)
            for value in ("9100", ":9100", "a b:9100", "::1:9100", "h:0", "h:65536")
        ),
        *(("AFTERWORD_BODY_LIMIT", value) for value in ("0", "1023", "1M", "2.5", "9" * 50)),
        *(
            ("AFTERWORD_URL", value)
            for value in (
                "reviews.alba.example",
                "ftp://alba.example",
                "https://",
                "https://alba.example/?a=b",
                "https://alba.example/#top",
                "https://bäckerei.example",
                "https://alba.example/ a",
                "http://[::1",
                "http://alba.example:port",
                "http://alba.example:99999",
                f"https://alba.example/{'a' * 400}",
            )
        ),
        ("AFTERWORD_SECRET", "too-short-a-secret"),
    ],
)
def test_a_wrong_value_names_its_setting_and_is_not_repeated(name: str, value: str) -> None:
    if not value:
        assert read_settings({name: value}) == read_settings({})
        return
    with pytest.raises(SettingsError, match=f"{name} is ") as raised:
        read_settings({name: value})
    assert len(value) < 9 or value not in str(raised.value)


def test_an_empty_file_is_refused_and_not_taken_for_a_setting_that_is_not_set(tmp_path: Path) -> None:
    (tmp_path / "setting").write_text("\n")
    with pytest.raises(SettingsError, match="AFTERWORD_SECRET_FILE names an empty file: write "):
        read_settings({"AFTERWORD_SECRET_FILE": str(tmp_path / "setting")})


def test_every_known_name_is_read_here() -> None:
    assert sorted(settings.NAMES) == sorted(NAMES)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("AFTERWORD_STMP", "AFTERWORD_STMP is not a setting; did you mean AFTERWORD_SMTP?"),
        ("AFTERWORD_SMTP_FIEL", "AFTERWORD_SMTP_FIEL is not a setting; did you mean AFTERWORD_SMTP_FILE?"),
        ("AFTERWORD_smtp", "AFTERWORD_smtp is not a setting; did you mean AFTERWORD_SMTP?"),
        ("AFTERWORD_FORM", "AFTERWORD_FORM is not a setting; did you mean AFTERWORD_FROM?"),
        (
            "AFTERWORD_SERVICE_HOST",
            "AFTERWORD_SERVICE_HOST is not a setting: unset it (docs/settings.md lists all settings)",
        ),
        ("AFTERWORD_", "AFTERWORD_ is not a setting: unset it (docs/settings.md lists all settings)"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(name: str, says: str) -> None:
    """Before anything that its absence causes, such as the sender that AFTERWORD_FORM was to set."""
    with pytest.raises(SettingsError) as raised:
        read_settings({"AFTERWORD_SMTP": NAMES["AFTERWORD_SMTP"], name: "a-value-with-a-password"})
    assert str(raised.value) == says


def test_names_of_tests_and_of_other_programs_are_left_alone() -> None:
    assert read_settings({"AFTERWORD_TEST_SCALE": "5", "AFTERWARD": "x", "SMTP": "y"}) == read_settings({})


def test_the_outbox_is_chosen_without_a_sender() -> None:
    assert read_settings({"AFTERWORD_SMTP": "outbox:"}).smtp == settings.OUTBOX


def test_a_mail_server_needs_a_sender() -> None:
    with pytest.raises(SettingsError, match="AFTERWORD_FROM is needed with AFTERWORD_SMTP") as raised:
        read_settings({"AFTERWORD_SMTP": NAMES["AFTERWORD_SMTP"]})
    assert "bread-and-butter" not in str(raised.value)


def test_the_database_is_a_file_or_postgresql() -> None:
    assert read_settings({"AFTERWORD_DATABASE": "there/rows.db"}).database_path == Path("there/rows.db")
    for address in ("postgresql://alba@db/afterword", "postgres://db"):
        assert read_settings({"AFTERWORD_DATABASE": address}).database_path is None


def test_another_engine_is_refused_with_a_sentence_without_its_password() -> None:
    settings = read_settings({"AFTERWORD_DATABASE": "mysql://alba:bread-and-butter@db/afterword"})
    with pytest.raises(SettingsError, match="AFTERWORD_DATABASE names an engine other than") as raised:
        _ = settings.database_path
    assert "bread-and-butter" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:9100", ("127.0.0.1", 9100)),
        ("[::1]:1", ("::1", 1)),
        ("db.alba.example:65535", ("db.alba.example", 65_535)),
    ],
)
def test_metrics_have_a_host_and_a_port_of_their_own(text: str, found: tuple[str, int]) -> None:
    assert read_settings({"AFTERWORD_METRICS": text}).metrics == found


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1:81"), ("::", "http://127.0.0.1:81"), ("::1", "http://[::1]:81")],
)
def test_the_address_is_one_that_a_browser_here_can_open(host: str, url: str) -> None:
    assert read_settings({"AFTERWORD_HOST": host, "AFTERWORD_PORT": "81"}).url == url


def test_a_named_folder_or_database_is_no_place_for_a_demo_shop(tmp_path: Path) -> None:
    (tmp_path / "setting").write_text("/srv/afterword")
    for name in ("AFTERWORD_DATA", "AFTERWORD_DATABASE"):
        assert not read_settings({name: "/srv/afterword"}).is_default
        assert not read_settings({f"{name}_FILE": str(tmp_path / "setting")}).is_default


def test_the_secret_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    settings = read_settings({"AFTERWORD_DATA": str(tmp_path / "data")})
    secret = settings.link_secret()
    assert len(bytes.fromhex(secret)) == 32
    assert settings.link_secret() == secret
    assert (tmp_path / "data" / "secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret"]


@pytest.mark.parametrize(
    ("content", "is_wrong"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"short\n", "is too short (at least 32 characters)"),
        (b"31 characters are not sufficient", ""),
        (b"31 characters are not sufficien", "is too short (at least 32 characters)"),
        (bytes(range(128, 192)), "holds binary data"),
    ],
)
def test_a_stored_secret_that_anyone_could_guess_is_refused_with_what_to_do(
    tmp_path: Path, content: bytes, is_wrong: str
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    stored = read_settings({"AFTERWORD_DATA": str(tmp_path)})
    if not is_wrong:
        assert stored.link_secret() == content.decode()
        return
    with pytest.raises(SettingsError) as raised:
        stored.link_secret()
    assert str(raised.value) == f"{file} {is_wrong}: {PUT_BACK}"
    assert file.read_bytes() == content


def test_processes_that_start_together_keep_one_secret(tmp_path: Path) -> None:
    program = (
        "from afterword.base.settings import read_settings;"
        f"print(read_settings({{'AFTERWORD_DATA': {str(tmp_path / 'data')!r}}}).link_secret())"
    )
    line = [sys.executable, "-c", program]
    running = [subprocess.Popen(line, cwd=PROJECT, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    assert len({process.communicate(timeout=60)[0] for process in running}) == 1


def test_networks_that_webhooks_may_reach_are_read() -> None:
    said = {"AFTERWORD_WEBHOOK_ALLOW": "10.0.0.0/8, fd00::/8 127.0.0.1"}
    assert [str(each) for each in read_settings(said).webhook_allow] == [
        "10.0.0.0/8",
        "fd00::/8",
        "127.0.0.1/32",
    ]
    assert read_settings({}).webhook_allow == ()
    for wrong in ("here", "10.0.0.1/8", "10.0.0.0/33"):
        with pytest.raises(SettingsError, match="AFTERWORD_WEBHOOK_ALLOW"):
            read_settings({"AFTERWORD_WEBHOOK_ALLOW": wrong})
