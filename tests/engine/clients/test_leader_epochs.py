from __future__ import annotations

from typing import Any

from engine.errors import OffsetOutOfRangeError
from engine.messages import FetchedPartition, FetchRequest, FetchResponse, MetadataRequest, OffsetCommitRequest
from engine.types import OffsetAndMetadata, TopicPartition
from tests.engine.clients.lab import Lab, Serve

SINGLE = TopicPartition("single", 0)


async def test_a_commit_carries_the_leader_epoch_of_the_last_record_handed_out(lab: Lab) -> None:
    await lab.fill("single", 5)
    consumer = await lab.consumer(group_id="g", auto_offset_reset="earliest", enable_auto_commit=False)
    consumer.assign([SINGLE])
    await lab.read(consumer, 5)
    await lab.run(consumer.commit())
    assert lab.requests(OffsetCommitRequest)[-1].offsets == {SINGLE: OffsetAndMetadata(5, "", 0)}


async def test_a_leader_older_than_the_epoch_that_was_committed_is_not_read_from(lab: Lab) -> None:
    await lab.fill("single", 5)
    first = await lab.consumer(group_id="g")
    first.assign([SINGLE])
    await lab.run(first.commit({SINGLE: OffsetAndMetadata(3, "", 5)}))
    second = await lab.consumer(group_id="g", client_id="second", auto_offset_reset="earliest")
    second.assign([SINGLE])
    await lab.clock.advance(2_000)
    assert second.position_of(SINGLE) == 3
    assert lab.requests(FetchRequest, "second") == []
    assert len(lab.requests(MetadataRequest, "second")) > 3, "it asks again, one broker after another"


async def test_an_offset_out_of_range_at_a_leader_that_leads_no_more_does_not_move_the_position(lab: Lab) -> None:
    await lab.fill("single", 5)
    consumer = await lab.consumer(auto_offset_reset="earliest")

    async def be_cut_off(broker: int, request: FetchRequest, serve: Serve) -> Any:
        consumer._metadata.heard_of_epoch(SINGLE, 1)
        return FetchResponse({SINGLE: FetchedPartition(OffsetOutOfRangeError.code)})

    lab.meddle(FetchRequest, be_cut_off)
    consumer.assign([SINGLE])
    consumer.seek(SINGLE, 3)
    await lab.clock.advance(2_000)
    assert consumer.position_of(SINGLE) == 3
