"""`afterword mail test`: a real e-mail to a real mail server, whose answer is shown."""

from email import message_from_bytes, policy

from tests.cli.command import Command
from tests.peers import RelayPeer, certificates
from tests.scripted_peer import ScriptedPeer

FROM = {"AFTERWORD_FROM": "Alba's bakery <reviews@alba.example>"}


def test_a_test_email_is_sent_at_once_and_not_through_the_database(afterword: Command) -> None:
    with RelayPeer() as peer:
        said = afterword.say("mail", "test", "nadia@alba.example", AFTERWORD_SMTP=peer.url, **FROM)
    [taken] = peer.messages
    assert (taken.sender, taken.recipients) == ("reviews@alba.example", ["nadia@alba.example"])
    assert said.startswith(
        f"The mail server 127.0.0.1:{peer.port} accepted the e-mail to nadia@alba.example: 250 "
    )
    found = message_from_bytes(taken.content, policy=policy.default)
    assert found["From"] == "Alba's bakery <reviews@alba.example>"
    assert (found["To"], found["Subject"]) == ("nadia@alba.example", "Test e-mail from Afterword")
    assert found["Message-ID"].endswith("@127.0.0.1>") and found["Date"] and found["Auto-Submitted"]
    assert "through the mail server that AFTERWORD_SMTP names" in found.get_content()
    assert taken.content.count(b"\n") == taken.content.count(b"\r\n")
    assert not afterword.data.exists()


def test_a_mail_server_with_its_own_authority_is_accepted_with_that_authoritys_file(
    afterword: Command,
) -> None:
    """docs/operating.md, "A mail server with your own authority"."""
    file = afterword.folder / "authorities.pem"
    file.write_bytes(certificates().authority)
    with RelayPeer(tls="starttls") as peer:
        there = {"AFTERWORD_SMTP": peer.url, **FROM}
        refused = afterword.run("mail", "test", "nadia@alba.example", **there).sentence
        afterword.say("mail", "test", "nadia@alba.example", SSL_CERT_FILE=str(file), **there)
    assert "its certificate is not accepted" in refused and refused.endswith("SSL_CERT_FILE")
    assert len(peer.messages) == 1


def test_what_the_server_says_is_shown(afterword: Command) -> None:
    for answer, outcome, says in (
        (
            "550 5.1.1 No such mailbox",
            "failed",
            "refused the e-mail to nadia@alba.example: 550 5.1.1 No such",
        ),
        (
            "451 4.7.1 Later",
            "deferred",
            "does not accept the e-mail to nadia@alba.example now: 451 4.7.1 Later",
        ),
    ):
        with ScriptedPeer({"RCPT": answer}) as peer:
            there = {"AFTERWORD_SMTP": peer.url, **FROM}
            ran = afterword.run("mail", "test", "nadia@alba.example", **there)
            in_json = afterword.run("mail", "test", "nadia@alba.example", "--json", **there)
        assert (ran.code, ran.err) == (1, "") and says in ran.out
        assert in_json.code == 1 and f'"outcome": "{outcome}"' in in_json.out
        assert peer.messages == []


def test_what_keeps_an_email_from_being_sent_is_said(afterword: Command) -> None:
    def says(**settings: str) -> str:
        return afterword.run("mail", "test", "nadia@alba.example", **settings).sentence

    assert says(AFTERWORD_SMTP="").startswith("AFTERWORD_SMTP is not set, so there is no mail server")
    assert says(AFTERWORD_SMTP="outbox:").startswith("AFTERWORD_SMTP=outbox: writes e-mails into files, so")
    assert says(AFTERWORD_SMTP="smtps://mail.alba.example", **FROM).startswith(
        "AFTERWORD_SMTP: an SMTP address begins"
    )
    nothing_there = says(AFTERWORD_SMTP="smtp://127.0.0.1:1?tls=none", **FROM)
    assert nothing_there.startswith(
        "nothing was sent: the mail server 127.0.0.1:1 cannot be used: it refuses connections"
    )
    assert says(AFTERWORD_STMP="x") == "AFTERWORD_STMP is not a setting; did you mean AFTERWORD_SMTP?"
    wrong = afterword.run(
        "mail", "test", "nadia", AFTERWORD_SMTP="smtp://127.0.0.1:1?tls=none", **FROM
    ).sentence
    assert "'nadia' is not an e-mail address" in wrong
