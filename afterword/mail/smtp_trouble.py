"""What is wrong with a mail server that cannot be reached, secured or logged in to, in plain words."""

import socket
import ssl
from collections.abc import Iterator

import aiosmtplib

from afterword.mail.smtp_address import Tls
from afterword.mail.smtp_connection import reason_of

_OTHER_NAME = (62, 64)
"""OpenSSL's codes for a certificate of another host name, or of another IP address."""


def why_not_usable(error: Exception, tls: Tls) -> str:
    """A sentence without its beginning and its full stop. The errors' own words follow where they may help."""
    for cause in _causes(error):
        if says := _in_words(cause, tls):
            return says
    return reason_of(error).rstrip(".")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what caused it, the innermost first: the library wraps the system's own errors."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return reversed(found)


def _in_words(error: BaseException, tls: Tls) -> str | None:
    match error:
        case ssl.SSLCertVerificationError() if error.verify_code in _OTHER_NAME:
            return (
                f"its certificate has another name ({error.verify_message}): use the name in the certificate"
            )
        case ssl.SSLCertVerificationError():
            return (
                f"its certificate is not accepted ({error.verify_message.rstrip('.')}). If it has an authority of "
                "your own, name that authority's file in SSL_CERT_FILE"
            )
        case ssl.SSLError() if error.reason == "WRONG_VERSION_NUMBER":
            return (
                "it does not begin with TLS on this port: use ?tls=starttls, or the port for TLS (often 465)"
            )
        case ConnectionRefusedError():
            return "it refuses connections: check the host and the port, and whether the server runs"
        case socket.gaierror():
            return "there is no host of this name: check the name, and this machine's DNS"
        case TimeoutError():
            return "no answer in time: check the host and the port, and whether a firewall is in between" + (
                "; a port for TLS (often 465) needs ?tls=tls" if tls != "tls" else ""
            )
        case aiosmtplib.SMTPAuthenticationError():
            return f"it refuses the user or the password: {reason_of(error)}"
        case aiosmtplib.SMTPException() if "STARTTLS" in str(error) and "not supported" in str(error):
            return "it does not offer STARTTLS: use ?tls=tls if the port is for TLS, or ?tls=none on this machine"
    return None
