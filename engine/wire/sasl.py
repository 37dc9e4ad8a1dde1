"""How a client proves who it is: PLAIN (RFC 4616) and SCRAM-SHA-256 and -512 (RFC 5802, KIP-84).

A mechanism takes the client's tokens one by one and gives its own; `principal` is set when it is convinced. Whatever is
wrong raises `Unproven`, with words that do not tell a wrong name from a wrong password.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Protocol

ITERATIONS = 4_096


class Unproven(Exception):
    """The client did not prove who it is."""

    def __init__(self, mechanism: str) -> None:
        super().__init__(f"Authentication failed: invalid credentials with SASL mechanism {mechanism}")


class Mechanism(Protocol):
    """One authentication under way."""

    principal: str
    """Who the client is; empty until that is proven."""

    def answer(self, token: bytes) -> bytes:
        """The next token for the client; raises Unproven."""
        ...


class Plain:
    """Name and password as they are."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = users
        self.principal = ""

    def answer(self, token: bytes) -> bytes:
        """Nothing, if the password is right."""
        parts = token.split(b"\0")
        if len(parts) != 3:
            raise Unproven("PLAIN")
        acting_for, name, password = (part.decode("utf-8", "replace") for part in parts)
        known = self._users.get(name, "")
        right = hmac.compare_digest(known.encode(), password.encode())
        if not right or not known or acting_for not in ("", name):
            raise Unproven("PLAIN")
        self.principal = name
        return b""


class Scram:
    """The password is never sent: both sides prove that they know it."""

    def __init__(self, users: Mapping[str, str], digest: str) -> None:
        self._users = users
        self._digest = digest
        self._name = f"SCRAM-SHA-{digest.removeprefix('sha')}"
        self._salt = secrets.token_bytes(16)
        self._user = ""
        self._nonce = ""
        self._said = ""
        """What both sides have said so far, which is what they sign."""
        self.principal = ""

    def answer(self, token: bytes) -> bytes:
        """The salt for the client's first token, the server's own proof for its second."""
        try:
            text = token.decode("utf-8")
        except UnicodeDecodeError:
            raise Unproven(self._name) from None
        return (self._last(text) if self._said else self._first(text)).encode()

    def _first(self, text: str) -> str:
        binding, _, rest = text.partition(",")
        acting_for, _, bare = rest.partition(",")
        fields = _fields(bare)
        if binding not in ("n", "y") or acting_for or not fields.get("r") or "m" in fields:
            raise Unproven(self._name)
        self._user = fields.get("n", "").replace("=2C", ",").replace("=3D", "=")
        self._nonce = fields["r"] + secrets.token_urlsafe(18)
        answer = f"r={self._nonce},s={base64.b64encode(self._salt).decode()},i={ITERATIONS}"
        self._said = f"{bare},{answer}"
        return answer

    def _last(self, text: str) -> str:
        without_proof, _, proof = text.rpartition(",p=")
        fields = _fields(without_proof)
        if fields.get("r") != self._nonce or fields.get("c") not in ("biws", "eSws"):  # "n,," and "y,,"
            raise Unproven(self._name)
        known = self._users.get(self._user, "")
        salted = hashlib.pbkdf2_hmac(self._digest, known.encode(), self._salt, ITERATIONS)
        said = f"{self._said},{without_proof}".encode()
        client_key = self._sign(salted, b"Client Key")
        stored_key = hashlib.new(self._digest, client_key).digest()
        signature = self._sign(stored_key, said)
        wanted = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        try:
            given = base64.b64decode(proof, validate=True)
        except (ValueError, binascii.Error):
            raise Unproven(self._name) from None
        if not hmac.compare_digest(given, wanted) or not known:
            raise Unproven(self._name)
        self.principal = self._user
        server_signature = self._sign(self._sign(salted, b"Server Key"), said)
        return f"v={base64.b64encode(server_signature).decode()}"

    def _sign(self, key: bytes, said: bytes) -> bytes:
        return hmac.new(key, said, self._digest).digest()


def _fields(text: str) -> dict[str, str]:
    """`k=value` pairs between commas."""
    return {pair[0]: pair[2:] for pair in text.split(",") if pair[1:2] == "="}


MECHANISMS: Mapping[str, Callable[[Mapping[str, str]], Mechanism]] = {
    "PLAIN": Plain,
    "SCRAM-SHA-256": lambda users: Scram(users, "sha256"),
    "SCRAM-SHA-512": lambda users: Scram(users, "sha512"),
}


class Authentication:
    """Where a connection stands with proving who is at its other end; a listener may ask for no proof."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = users
        self._mechanism: Mechanism | None = None
        self._bare = False

    @property
    def asked_for(self) -> bool:
        """Whether the listener asks for it."""
        return bool(self._users)

    @property
    def done(self) -> bool:
        """Whether the client may ask anything."""
        return not self._users or bool(self.principal)

    @property
    def principal(self) -> str:
        """Who the client is; empty where that is not known."""
        return self._mechanism.principal if self._mechanism is not None else ""

    @property
    def begun(self) -> bool:
        """Whether a mechanism was chosen."""
        return self._mechanism is not None

    @property
    def takes_bare_tokens(self) -> bool:
        """Whether what comes next is a token with no request around it, as after SaslHandshake 0."""
        return self._bare and self.begun and not self.done

    def begin(self, mechanism: str, *, bare: bool) -> bool:
        """Choose a mechanism, and whether its tokens come bare; whether there is one of that name."""
        self._bare = bare
        make = MECHANISMS.get(mechanism)
        self._mechanism = make(self._users) if make is not None else None
        return make is not None

    def answer(self, token: bytes) -> bytes:
        """The next token for the client; raises Unproven."""
        assert self._mechanism is not None
        return self._mechanism.answer(token)
