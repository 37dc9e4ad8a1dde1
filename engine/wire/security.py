"""What a listener asks of clients: TLS, and who they are (SASL).

Loading this loads nothing else of the wire, so that the command line can name it.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import RefusedError

_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNKNOWN_PROTOCOL")
"""What OpenSSL calls first bytes that are none of TLS's."""


@dataclass(frozen=True)
class Security:
    """Files of a certificate chain and its key (PEM) for TLS; users with their passwords for SASL."""

    certificate: Path | None = None
    key: Path | None = None
    users: Mapping[str, str] = field(default_factory=dict)

    @property
    def protocol(self) -> str:
        """Kafka's name of it (`security.protocol`)."""
        transport = "SSL" if self.certificate is not None else "PLAINTEXT"
        return f"SASL_{transport}" if self.users else transport

    def tls(self) -> ssl.SSLContext | None:
        """What encrypts; None for nothing. RefusedError where the files will not do."""
        if self.certificate is None:
            if self.key is not None:
                raise RefusedError(f"The key {self.key} is of no use without a certificate; name that too.")
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise RefusedError(
                f"The certificate {self.certificate} cannot be used ({error.strerror or error}). It takes a PEM file "
                "with the certificate, and its key in the same file or in one of its own."
            ) from None
        return context


def tls_failure(error: OSError, protocol: str) -> str:
    """Why no key was agreed on with a client, in a clause."""
    if isinstance(error, ConnectionAbortedError):
        return "its TLS handshake was not done in time"
    reason = (error.reason or "") if isinstance(error, ssl.SSLError) else ""
    if reason in _NO_TLS:
        return f"it does not speak TLS, which this port asks for (security.protocol={protocol})"
    if not reason or "ALERT" in reason:
        said = f" ({reason.replace('_', ' ').lower()})" if reason else ""
        return f"it broke the TLS handshake off{said}, as who does not trust the certificate does"
    return f"its TLS handshake failed ({reason.replace('_', ' ').lower()})"


def read_users(path: Path) -> dict[str, str]:
    """The users in a file of lines NAME:PASSWORD; RefusedError says what is wrong with it."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"The users in {path} cannot be read: {error}.") from None
    users: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        name, colon, password = line.partition(":")
        if not line.strip() or line.startswith("#"):
            continue
        if not (name and colon and password):
            raise RefusedError(f"Line {number} of {path} is not NAME:PASSWORD.")
        users[name] = password
    if not users:
        raise RefusedError(f"{path} names no user; it takes lines NAME:PASSWORD.")
    return users
