"""kcat, where it is installed; where it is not, this says so."""

from __future__ import annotations

import asyncio
import json
import shutil

import pytest

from engine.cluster import Cluster
from tests.wire.clients.members import values_in

KCAT = shutil.which("kcat") or shutil.which("kafkacat")
pytestmark = pytest.mark.skipif(KCAT is None, reason="kcat is not installed: nothing was tried with it")


async def kcat(bootstrap: str, *arguments: str, said: bytes = b"") -> bytes:
    assert KCAT is not None
    process = await asyncio.create_subprocess_exec(
        KCAT,
        *("-b", bootstrap, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate(said)
    assert process.returncode == 0, err.decode()
    return out


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
@pytest.mark.parametrize("acks", ["0", "1", "all"])
async def test_kcat_produces(lab: Cluster, bootstrap: str, acks: str, compression: str) -> None:
    await lab.create_topic("orders", partitions=3)
    said = b"".join(b"line %d\n" % number for number in range(20))
    await kcat(bootstrap, "-P", "-t", "orders", "-z", compression, "-X", f"acks={acks}", said=said)
    assert await values_in(lab, "orders", 20) == sorted(said.split(b"\n")[:-1])


async def test_kcat_lists_brokers_and_topics(lab: Cluster, bootstrap: str) -> None:
    await lab.create_topic("orders", partitions=2)
    told = json.loads(await kcat(bootstrap, "-L", "-J"))
    assert [broker["id"] for broker in told["brokers"]] == [1, 2, 3]
    assert [(topic["topic"], len(topic["partitions"])) for topic in told["topics"]] == [("orders", 2)]


async def test_kcat_consumes_from_an_offset_and_in_a_group(lab: Cluster, bootstrap: str) -> None:
    await lab.create_topic("orders", partitions=1)
    await kcat(bootstrap, "-P", "-t", "orders", said=b"one\ntwo\nthree\n")
    assert await kcat(bootstrap, "-C", "-t", "orders", "-o", "1", "-e", "-q") == b"two\nthree\n"
    assert await kcat(bootstrap, "-G", "g", "-e", "-q", "-X", "auto.offset.reset=earliest", "orders") == (
        b"one\ntwo\nthree\n"
    )
    group = lab.snapshot().group("g")
    assert group is not None
    assert [offset.committed for offset in group.offsets] == [3]
