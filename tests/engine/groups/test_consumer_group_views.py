"""Groups of the consumer protocol as panels see them: right, and the same objects while nothing changes."""

from __future__ import annotations

from engine.snapshot import GroupProtocol, MemberState
from tests.engine.groups.group_world import new_world, tp, tps
from tests.engine.groups.modern_world import Consumer, reconciled


async def test_what_does_not_change_is_the_same_object() -> None:
    world = await new_world()
    first, _ = await reconciled(world, "billing-1", "billing-2")
    before = world.view
    assert world.view is before
    await world.clock.advance(100)
    assert world.view is before
    await first.beat()
    after = world.view
    assert after is not before
    assert after.members[1] is before.members[1]
    assert after.offsets is before.offsets
    assert after.rebalances is before.rebalances


async def test_a_member_is_shown_with_its_epoch_its_target_and_what_it_has_to_give_up() -> None:
    world = await new_world()
    first, second = Consumer(world, "billing-1", assignor="uniform"), Consumer(world, "billing-2")
    await first.join()
    await second.join()
    await first.beat()
    await world.clock.advance(400)
    view = world.view
    one, two = view.members
    assert (one.epoch, one.state, one.target, one.revoking) == (
        1,
        MemberState.UNREVOKED_PARTITIONS,
        tps(0, 1),
        tps(2, 3),
    )
    assert (one.assignment, one.assignors, one.slot) == (tps(0, 1, 2, 3), ("uniform",), 0)
    assert (two.epoch, two.state, two.target, two.assignment) == (
        2,
        MemberState.UNRELEASED_PARTITIONS,
        tps(2, 3),
        (),
    )
    assert world.clock.now_ms() - two.last_heartbeat_ms == 400
    assert two.session_expires_ms - world.clock.now_ms() == 9_600
    assert {offset.owner for offset in view.offsets} == {first.member_id}
    assert (view.protocol, view.leader, view.pending_members) == (GroupProtocol.CONSUMER, None, 0)


async def test_a_rebalance_goes_on_until_every_member_has_arrived() -> None:
    world = await new_world()
    first, second = Consumer(world, "billing-1"), Consumer(world, "billing-2")
    await first.join()
    await second.join()
    await world.clock.advance(1_000)
    await first.beat()
    under_way = world.rebalances[-1]
    assert (under_way.ended_ms, under_way.cause, under_way.joined) == (None, "billing-2 joined", ("billing-2",))
    assert [phase.name for phase in under_way.phases] == ["Assigning", "Reconciling"]
    assert "billing-1 has to give up orders-2 and orders-3" in under_way.phases[-1].sentence
    await first.give_up()
    await world.clock.advance(700)
    await second.beat()
    done = world.rebalances[-1]
    assert (done.from_generation, done.to_generation, done.assignor) == (1, 2, "uniform")
    assert {move.tp: move.unserved_ms for move in done.moves} == {tp(0): 0, tp(1): 0, tp(2): 700, tp(3): 700}
    assert "billing epoch 1→2: P2 P3 billing-1→billing-2; 2 of 4 stayed; nobody served them for 700 ms." in world.told()


async def test_who_joins_while_others_are_on_their_way_is_part_of_the_same_rebalance() -> None:
    world = await new_world()
    first, second, third = (Consumer(world, f"billing-{number}") for number in (1, 2, 3))
    await first.join()
    await second.join()
    await third.join()
    under_way = world.rebalances[-1]
    assert (under_way.from_generation, under_way.to_generation) == (1, 3)
    assert under_way.cause == "billing-2 joined; then billing-3 joined"
    assert under_way.joined == ("billing-2", "billing-3")
