"""`kafkarium broker` as a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from tui.arguments import Address, CommandError, address
from tui.broker import run


@asynccontextmanager
async def broker(home: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tui.cli", "broker", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "XDG_DATA_HOME": str(home)},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def a_line(process: asyncio.subprocess.Process, about: str) -> str:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if about in line.decode():
            return line.decode()
    raise AssertionError(f"it ended without a word about {about!r}")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
async def test_a_lab_without_a_screen_lets_clients_in_says_what_happens_and_ends_cleanly(
    tmp_path: Path, ending: signal.Signals
) -> None:
    async with broker(tmp_path, "shop", "--listen", "127.0.0.1:0", "--brokers", "2") as process:
        told = await a_line(process, "can connect")
        bootstrap = told.split(" at ")[1].split(",")[0].strip().rstrip(".")
        metadata = await asyncio.to_thread(AdminClient({"bootstrap.servers": bootstrap}).list_topics, timeout=20)
        assert sorted(metadata.brokers) == [1, 2]
        process.send_signal(ending)
        await a_line(process, "can connect no more")
        assert await process.wait() == 0
        assert process.stderr is not None
        assert await process.stderr.read() == b""
    assert (tmp_path / "kafkarium" / "labs" / "shop" / "broker-2.db").exists()


async def test_a_port_that_is_taken_is_refused_in_one_sentence(tmp_path: Path) -> None:
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        async with broker(tmp_path, "--temporary", "--listen", f"127.0.0.1:{port}", "--brokers", "1") as process:
            _, said = await process.communicate()
    assert process.returncode == 2
    assert said.decode().splitlines() == [
        f"kafkarium: The lab cannot listen on 127.0.0.1 port {port}: address already in use. Name another address or "
        "port."
    ]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("127.0.0.1:9092", ("127.0.0.1", 9092)),
        (":19092", ("127.0.0.1", 19092)),
        ("19092", ("127.0.0.1", 19092)),
        ("0.0.0.0", ("0.0.0.0", 9092)),
        ("[::1]:9092", ("::1", 9092)),
        ("[::1]", ("::1", 9092)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_an_address_may_leave_out_what_is_usual(text: str, meant: tuple[str, int]) -> None:
    assert address(text) == Address(*meant)


@pytest.mark.parametrize("text", ["host:port", "127.0.0.1:70000", "127.0.0.1:-1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="an address is HOST:PORT"):
        run(["--listen", text])
