"""Whatever a client sends is answered or its connection closed; the lab blames itself for nothing and serves on."""

from __future__ import annotations

import pytest

from tests.wire.fuzzing import fuzzed_lab, run

CASES = 400


@pytest.mark.parametrize("seed", range(3))
async def test_requests_that_can_be_read_are_answered_and_none_is_too_much_for_the_lab(seed: int) -> None:
    async with fuzzed_lab(seed) as lab:
        await lab.create_topic("orders", partitions=3)
        await lab.listen(port=0)
        outcome = await run(lab, seed, CASES, broken=False)
    assert outcome.faults == []
    assert outcome.answered > CASES / 2


@pytest.mark.parametrize("seed", range(3))
async def test_broken_requests_disturb_nobody(seed: int) -> None:
    async with fuzzed_lab(seed) as lab:
        await lab.create_topic("orders", partitions=3)
        await lab.listen(port=0)
        outcome = await run(lab, seed, CASES, broken=True)
        assert outcome.faults == []
        assert outcome.answered + outcome.closed + outcome.waiting == CASES
        await lab.create_topic("afterwards", partitions=3)
        async with lab.producer() as producer:  # and the lab still works
            assert (await producer.send_and_wait("afterwards", b"still here", partition=2)).partition == 2
