"""Members of the consumer protocol that subscribe by a regular expression: what it matches is found out and kept."""

from __future__ import annotations

import pytest

from engine.errors import InvalidRegularExpressionError, NotEnoughReplicasError
from engine.groups.modern.records import PatternKey, Resolved, decode_value, encode_key
from engine.snapshot import GroupState
from tests.engine.groups.group_world import GROUP, PARTITION, START_MS, World, new_world, tps
from tests.engine.groups.modern_world import Consumer, reconcile

KEY = PatternKey(GROUP, "orders.*")


async def resolved(world: World, name: str = "billing-1") -> Consumer:
    """A member that subscribes by a pattern, and has what that was found to match."""
    consumer = Consumer(world, name, topics=(), pattern="orders.*")
    await consumer.join()
    await world.settle()
    await reconcile(consumer)
    return consumer


def kept(world: World) -> list[Resolved | None]:
    """What the log says the pattern matches, from first to last."""
    values = [value for key, value, *_ in world.log.records[PARTITION] if key == encode_key(KEY)]
    found = [None if value is None else decode_value(KEY, value) for value in values]
    return [value for value in found if value is None or isinstance(value, Resolved)]


def topics(consumer: Consumer) -> set[str]:
    return {tp.topic for tp in consumer.told}


async def test_a_pattern_subscribes_to_the_topics_whose_whole_name_matches() -> None:
    world = await new_world()
    world.topics = {"orders": 1, "orders-eu": 1, "reorders": 1, "orders__": 1, "__consumer_offsets": 50}
    first = Consumer(world, "billing-1", topics=(), pattern="orders-?.*|.*offsets")
    assert (await first.join()).assignment == ()
    await world.settle()
    assert "matches orders, orders-eu and orders__" in world.rebalances[-1].cause
    await first.beat()
    assert topics(first) == {"orders", "orders-eu", "orders__"}
    assert first.seen.pattern == "orders-?.*|.*offsets"


async def test_what_it_matches_is_a_record() -> None:
    world = await new_world()
    world.topics["orders-eu"] = 1
    await resolved(world)
    assert kept(world) == [Resolved(("orders", "orders-eu"), 1, START_MS)]


async def test_a_new_topic_is_found_with_a_heartbeat_but_not_within_ten_seconds_of_the_last_time() -> None:
    world = await new_world()
    first = await resolved(world)
    world.topics["orders-us"] = 1
    for pause_ms, found in ((5_000, {"orders"}), (5_000, {"orders"}), (1, {"orders", "orders-us"})):
        await world.clock.advance(pause_ms)
        await first.beat()
        await world.settle()
        await first.beat()
        assert topics(first) == found


async def test_what_it_matches_is_looked_up_again_after_the_refresh_interval() -> None:
    world = await new_world(group_consumer_regex_refresh_interval_ms=20_000)
    first = await resolved(world)
    epoch = world.view.generation
    for _ in range(21):
        await world.clock.advance(1_000)
        await first.beat()
        await world.settle()
    assert [found and found.timestamp for found in kept(world)] == [START_MS, START_MS + 21_000]
    assert world.view.generation == epoch


async def test_members_share_what_was_found_and_the_last_one_takes_it_along() -> None:
    world = await new_world()
    first = await resolved(world)
    second = Consumer(world, "billing-2", topics=(), pattern="orders.*")
    await second.join()
    assert world.rebalances[-1].cause == "billing-2 joined"
    await reconcile(first, second)
    assert [len(consumer.owned) for consumer in (first, second)] == [2, 2]
    await first.beat(pattern="")
    assert "billing-1 no longer wants orders" in world.rebalances[-1].cause
    assert kept(world)[-1] is not None
    await second.leave()
    assert kept(world)[-1] is None


async def test_a_member_that_brings_a_pattern_to_a_group_waits_until_it_is_found_what_that_matches() -> None:
    world = await new_world()
    world.topics["sales"] = 1
    first = Consumer(world, "billing-1")
    await first.join()
    second = Consumer(world, "billing-2", topics=(), pattern="sales")
    assert (await second.join()).member_epoch == 1
    await world.settle()
    assert (world.view.generation, world.rebalances[-1].joined) == (2, ("billing-2",))
    assert (await second.beat()).assignment == tps(0, topic="sales")


async def test_another_coordinator_knows_what_was_found_and_what_is_new() -> None:
    world = await new_world()
    first = await resolved(world)
    await world.reload()
    epoch = world.view.generation
    world.topics["orders-us"] = 1
    await first.beat()
    await world.settle()
    assert world.view.generation == epoch
    await world.clock.advance(10_001 - 1_000)
    await first.beat()
    await world.clock.advance(1_000)
    await first.beat()
    await world.settle()
    await first.beat()
    assert topics(first) == {"orders", "orders-us"}


async def test_what_could_not_be_stored_is_looked_up_with_the_next_heartbeat() -> None:
    world = await new_world()
    first = Consumer(world, "billing-1", topics=(), pattern="orders.*")
    await first.join()
    world.log.error = NotEnoughReplicasError()
    await world.settle()
    world.log.error = None
    await first.beat()
    await world.settle()
    assert (await first.beat()).assignment == tps(0, 1, 2, 3)


async def test_a_deleted_group_takes_along_what_was_found() -> None:
    world = await new_world(offsets_retention_minutes=10, group_consumer_session_timeout_ms=5_000)
    world.topics = {"orders": 0}
    await resolved(world)
    await world.clock.advance(2_000_000)
    assert world.views() == ()
    assert kept(world)[-1] is None


@pytest.mark.parametrize(
    ("pattern", "why"), [("(?=orders)", "no regular expression of RE2"), ("\ud800", "half a character")]
)
async def test_a_pattern_re2_does_not_know_is_refused_in_words(pattern: str, why: str) -> None:
    world = await new_world()
    with pytest.raises(InvalidRegularExpressionError, match=why):
        await Consumer(world, "billing-1", topics=(), pattern=pattern).join()
    assert world.views() == ()


async def test_a_pattern_made_to_take_for_ever_takes_no_time() -> None:
    world = await new_world()
    world.topics = {"a" * 200: 1}
    await Consumer(world, "billing-1", topics=(), pattern="(a+)+b").join()
    await world.settle()
    assert world.view.state is GroupState.STABLE
