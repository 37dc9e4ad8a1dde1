"""Clients that encrypt and prove who they are, and those that cannot."""

from __future__ import annotations

import asyncio
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient
from kafka import KafkaProducer
from kafka.errors import KafkaError

from engine.cluster import Cluster
from engine.config import BrokerConfig
from engine.errors import RefusedError
from engine.wire.security import Security, read_users
from tests.wire.clients.members import until, values_in
from tests.wire.peer import Peer

USERS = {"ann": "open, sesame=1", "bob": "pässword"}
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


@asynccontextmanager
async def lab_with(security: Security, **settings: Any) -> AsyncIterator[tuple[Cluster, str]]:
    async with Cluster.open(None, brokers=1, seed=7, config=BrokerConfig(**settings)) as lab:
        await lab.create_topic("orders")
        await lab.listen(port=0, security=security)
        listening = lab.snapshot().listening
        assert listening is not None
        assert listening.security == security.protocol
        yield lab, f"127.0.0.1:{listening.addresses[0].port}"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of this machine's own, made with openssl, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "lab.pem", folder / "lab.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=lab", "-addext", "subjectAltName=IP:127.0.0.1", "-out", certificate, "-keyout", key],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key


def confluent(bootstrap: str, **settings: Any) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, **{k.replace("_", "."): v for k, v in settings.items()}})
    producer.produce("orders", b"from librdkafka")
    assert producer.flush(20) == 0


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("user", USERS)
async def test_who_knows_the_password_is_let_in_and_shown_by_name(mechanism: str, user: str) -> None:
    async with lab_with(Security(users=USERS)) as (lab, bootstrap):
        password = USERS[user]
        said = {"sasl_mechanism": mechanism, "sasl_username": user, "sasl_password": password}
        await asyncio.to_thread(confluent, bootstrap, security_protocol="SASL_PLAINTEXT", **said)
        async with AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism=mechanism,
            sasl_plain_username=user,
            sasl_plain_password=password,
        ) as producer:
            await producer.send_and_wait("orders", b"from aiokafka")
            listening = lab.snapshot().listening
            assert listening is not None
            assert {connection.principal for connection in listening.connections} == {user}
        assert await values_in(lab, "orders", 2) == [b"from aiokafka", b"from librdkafka"]


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_clients_of_long_ago_prove_it_with_bare_tokens(mechanism: str) -> None:
    async with lab_with(Security(users=USERS)) as (lab, bootstrap):
        of_0_11 = {"api_version_request": False, "broker_version_fallback": "0.11.0"}
        said = {"sasl_mechanism": mechanism, "sasl_username": "ann", "sasl_password": USERS["ann"]}
        await asyncio.to_thread(confluent, bootstrap, security_protocol="SASL_PLAINTEXT", **said, **of_0_11)

        def python(password: str, within_ms: int) -> None:
            producer = KafkaProducer(
                bootstrap_servers=bootstrap,
                api_version=(0, 11),
                security_protocol="SASL_PLAINTEXT",
                sasl_mechanism=mechanism,
                sasl_plain_username="bob",
                sasl_plain_password=password,
                enable_idempotence=False,
                max_block_ms=within_ms,
            )
            try:
                producer.send("orders", b"from kafka-python").get(20)
            finally:
                producer.close(timeout=0)

        await asyncio.to_thread(python, USERS["bob"], 20_000)
        assert await values_in(lab, "orders", 2) == [b"from kafka-python", b"from librdkafka"]
        with pytest.raises(KafkaError):
            await asyncio.to_thread(python, "wrong", 500)
        assert any("did not prove who it is" in event.sentence() for event in lab.events.last(20))


async def test_after_version_0_of_the_handshake_each_token_is_answered_bare() -> None:
    async with lab_with(Security(users=USERS)) as (lab, _):
        peer = await Peer.connect(lab)
        assert (await peer.ask(17, 0, mechanism="PLAIN")).mechanisms == MECHANISMS
        peer.frame(b"\0ann\0" + USERS["ann"].encode())
        assert await peer.frame_raw() == b""
        assert (await peer.ask(3, 1, topics=None)).brokers
        await peer.close()


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize(("user", "password"), [("ann", "wrong"), ("nobody", "open, sesame=1")])
async def test_who_does_not_is_told_so_and_dropped_with_a_line(mechanism: str, user: str, password: str) -> None:
    async with lab_with(Security(users=USERS)) as (lab, bootstrap):
        told: list[str] = []

        def work() -> None:
            settings: dict[str, Any] = {
                "bootstrap.servers": bootstrap,
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": mechanism,
                "sasl.username": user,
                "sasl.password": password,
                "error_cb": lambda error: told.append(str(error)),
            }
            admin = AdminClient(settings)
            with pytest.raises(KafkaException):
                admin.list_topics(timeout=1)
            admin.poll(0)

        await asyncio.to_thread(work)
        assert any("invalid credentials with SASL mechanism" in each for each in told)
        lines = [event.sentence() for event in lab.events.last(20)]
        assert any("did not prove who it is" in line for line in lines)


async def test_nothing_is_served_before_the_proof(certificate: tuple[Path, Path]) -> None:
    async with lab_with(Security(users=USERS)) as (lab, _):
        peer = await Peer.connect(lab)
        assert (await peer.ask(18, 0)).error_code == 0, "but for the table of versions"
        peer.say(3, 1, topics=None)
        assert await peer.is_closed()
        await peer.close()
        assert "Metadata before it proved who it is" in lab.events.last(1)[0].sentence()


async def test_a_listener_that_asks_for_no_proof_takes_none() -> None:
    async with lab_with(Security()) as (lab, _):
        peer = await Peer.connect(lab)
        assert (await peer.ask(17, 1, mechanism="PLAIN")).error_code.name == "illegal_sasl_state"
        await peer.close()


async def test_a_mechanism_that_is_not_there_is_answered_with_those_that_are() -> None:
    async with lab_with(Security(users=USERS)) as (lab, _):
        peer = await Peer.connect(lab)
        answer = await peer.ask(17, 1, mechanism="GSSAPI")
        assert answer.error_code.name == "unsupported_sasl_mechanism"
        assert answer.mechanisms == MECHANISMS
        await peer.close()


async def test_clients_that_encrypt_are_served(certificate: tuple[Path, Path]) -> None:
    async with lab_with(Security(*certificate)) as (lab, bootstrap):
        authority = str(certificate[0])
        await asyncio.to_thread(confluent, bootstrap, security_protocol="SSL", ssl_ca_location=authority)
        context = ssl.create_default_context(cafile=authority)
        encrypted: dict[str, Any] = {
            "bootstrap_servers": bootstrap,
            "security_protocol": "SSL",
            "ssl_context": context,
        }

        def python() -> None:
            producer = KafkaProducer(**encrypted)
            producer.send("orders", b"from kafka-python").get(20)
            producer.close()

        await asyncio.to_thread(python)
        assert await values_in(lab, "orders", 2) == [b"from kafka-python", b"from librdkafka"]
        large = bytes(900_000)
        async with AIOKafkaProducer(**encrypted, max_request_size=1_000_000) as producer:
            await producer.send_and_wait("orders", large)
        async with AIOKafkaConsumer("orders", **encrypted, auto_offset_reset="earliest") as consumer:
            assert [(await consumer.getone()).value for _ in range(3)][-1] == large


async def test_encrypted_and_proven_together(certificate: tuple[Path, Path]) -> None:
    async with lab_with(Security(*certificate, USERS)) as (lab, bootstrap):
        said = {"sasl_mechanism": "PLAIN", "sasl_username": "ann", "sasl_password": USERS["ann"]}
        await asyncio.to_thread(
            confluent, bootstrap, security_protocol="SASL_SSL", ssl_ca_location=str(certificate[0]), **said
        )
        assert await values_in(lab, "orders", 1) == [b"from librdkafka"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            struct.pack(">ihhih", 10, 18, 0, 1, -1),
            "does not speak TLS, which this port asks for (security.protocol=SSL)",
        ),
        (b"GET / HTTP/1.1\r\n\r\n", "does not speak TLS"),
        (b"\x16\x03\x01\x00\x05hello", "its TLS handshake failed (unexpected message)"),
    ],
    ids=["Kafka without TLS", "http", "no handshake"],
)
async def test_a_client_that_does_not_encrypt_gets_a_line_and_disturbs_nobody(
    certificate: tuple[Path, Path], said: bytes, why: str
) -> None:
    async with lab_with(Security(*certificate)) as (lab, bootstrap):
        peer = await Peer.connect(lab)
        peer.writer.write(said)
        assert await peer.is_closed()
        await peer.close()
        await asyncio.to_thread(confluent, bootstrap, security_protocol="SSL", ssl_ca_location=str(certificate[0]))
        lines = [event.sentence() for event in lab.events.last(20) if "was disconnected" in event.sentence()]
        assert len(lines) == 1
        assert why in lines[0]


async def test_a_client_that_does_not_trust_the_certificate_leaves_a_line(certificate: tuple[Path, Path]) -> None:
    async with lab_with(Security(*certificate)) as (lab, bootstrap):
        with pytest.raises(ssl.SSLError):
            await asyncio.open_connection(*bootstrap.split(":"), ssl=ssl.create_default_context())
        await until(lab, lambda: "broke the TLS handshake off" in lab.events.last(1)[0].sentence())


async def test_who_has_not_encrypted_yet_counts_as_connected_and_goes_when_the_lab_closes(
    certificate: tuple[Path, Path],
) -> None:
    async with lab_with(Security(*certificate), max_connections=1) as (lab, _):
        silent, other = await Peer.connect(lab), await Peer.connect(lab)
        assert await other.is_closed()
        assert "as many as max.connections allows" in lab.events.last(1)[0].sentence()
        await lab.stop_listening()
        assert await silent.is_closed()
        for peer in (silent, other):
            await peer.close()


async def test_who_never_encrypts_is_closed_in_the_end(certificate: tuple[Path, Path]) -> None:
    async with lab_with(Security(*certificate), connections_max_idle_ms=100) as (lab, _):
        silent = await Peer.connect(lab)
        assert await silent.is_closed()
        await silent.close()
        listening = lab.snapshot().listening
        assert listening is not None
        assert listening.connections == ()


# What a person may get wrong


async def test_a_certificate_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "not.pem"
    wrong.write_text("this is no certificate")
    for security in (Security(wrong), Security(tmp_path / "nowhere.pem"), Security(None, wrong)):
        async with Cluster.open(None, brokers=1) as lab:
            with pytest.raises(RefusedError, match=r"certificate"):
                await lab.listen(port=0, security=security)
            assert lab.snapshot().listening is None


def test_users_are_read_from_lines_and_what_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "users"
    path.write_text("# who may come in\nann:a:b\n\nbob:pässword\n", "utf-8")
    assert read_users(path) == {"ann": "a:b", "bob": "pässword"}
    for text, why in (("ann\n", "Line 1"), (":x\n", "Line 1"), ("# nobody\n", "names no user")):
        path.write_text(text)
        with pytest.raises(RefusedError, match=why):
            read_users(path)
    with pytest.raises(RefusedError, match="cannot be read"):
        read_users(tmp_path / "nowhere")
