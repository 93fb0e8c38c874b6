"""What doctor says of the sender's domain, asked of a real DNS server, and how a test e-mail is tried."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from afterword.actions.operating import mail
from afterword.base.errors import Refused
from afterword.base.settings import Settings, read_settings

SPF = "v=spf1 include:_spf.provider.example -all"
DMARC = "v=DMARC1; p=none"


@contextmanager
def dns_server(texts: Mapping[str, list[str]], code: dns.rcode.Rcode = dns.rcode.NXDOMAIN) -> Iterator[int]:
    """Answers with the TXT records of these names, and with `code` for all others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))

        def serve() -> None:
            while octets := line.recvfrom(4_096):
                if not octets[0]:
                    return
                asked = dns.message.from_wire(octets[0])
                answer = dns.message.make_response(asked)
                answer.flags |= dns.flags.RA
                name = asked.question[0].name.to_text().rstrip(".")
                if name in texts:
                    answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "TXT", *texts[name]))
                else:
                    answer.set_rcode(code)
                line.sendto(answer.to_wire(), octets[1])

        thread = threading.Thread(target=serve)
        thread.start()
        port = line.getsockname()[1]
        try:
            yield port
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
                end.sendto(b"", ("127.0.0.1", port))
            thread.join()


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> dns.resolver.Resolver:
    """The machine's resolver, which asks this machine."""
    ours = dns.resolver.Resolver(configure=False)
    ours.nameservers = ["127.0.0.1"]
    monkeypatch.setattr(dns.resolver, "default_resolver", ours)
    return ours


def settings(sender: str = "Reviews <reviews@news.alba.example>") -> Settings:
    return read_settings({"AFTERWORD_SMTP": "smtp://127.0.0.1:25", "AFTERWORD_FROM": sender})


def says(sender: str = "Reviews <reviews@news.alba.example>") -> list[tuple[str, str]]:
    return [(each.level, each.says) for each in mail.sender_domain(settings(sender))]


def test_a_domain_with_both_records_is_fine_and_dkim_is_not_vouched_for(
    resolver: dns.resolver.Resolver,
) -> None:
    """A subdomain without a DMARC record has that of the domain above it."""
    texts = {
        "news.alba.example": ['"google-site=1"', f'"{SPF[:20]}" "{SPF[20:]}"'],
        "_dmarc.alba.example": [f'"{DMARC}"'],
    }
    with dns_server(texts) as resolver.port:
        [(level, says_so)] = says()
    assert level == "ok" and says_so.startswith(f"news.alba.example has SPF ({SPF}) and DMARC ({DMARC}). ")
    assert says_so.endswith(
        "Whether the mail server signs with DKIM shows in the headers of: afterword mail test ADDRESS"
    )


def test_missing_records_need_a_person(resolver: dns.resolver.Resolver) -> None:
    with dns_server({"alba.example": ['"v=spf10 no"'], "_dmarc.example": [f'"{DMARC}"']}) as resolver.port:
        spf, dmarc = says("reviews@alba.example")
    assert spf[0] == dmarc[0] == "action"
    assert spf[1].startswith("alba.example has no SPF record, so e-mails may be taken for spam")
    assert dmarc[1].startswith("alba.example has no DMARC record")


def test_a_dns_that_does_not_answer_is_noted(resolver: dns.resolver.Resolver) -> None:
    with dns_server({}, dns.rcode.SERVFAIL) as resolver.port:
        [(level, says_so)] = says("reviews@alba.example")
    assert level == "note" and says_so.startswith(
        "SPF and DMARC are unknown: the DNS gave no answer about alba.example: "
    )


@pytest.mark.parametrize(
    "choice", [{}, {"AFTERWORD_SMTP": "outbox:", "AFTERWORD_FROM": "reviews@alba.example"}]
)
def test_without_a_mail_server_no_domain_is_asked_about(choice: dict[str, str]) -> None:
    assert list(mail.sender_domain(read_settings(choice))) == []
    assert list(mail.server(read_settings(choice))) == []


def test_an_address_that_cannot_be_one_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(Refused, match="is not an e-mail address"):
        mail.send_test(settings(), "clara@bad domain", 0.0)
