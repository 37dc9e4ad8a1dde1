"""Who leads after brokers came or went."""

from __future__ import annotations

from engine.controller.elections import elect, moving, with_isr, without
from engine.messages import PartitionMetadata


def _state(leader: int | None = 1, isr: tuple[int, ...] = (1, 2, 3), epoch: int = 4) -> PartitionMetadata:
    return PartitionMetadata(0, leader, epoch, (1, 2, 3), isr)


def test_the_first_live_replica_in_sync_leads() -> None:
    after = without(_state(isr=(1, 3)), 1, {2, 3}, unclean=False)
    assert (after.leader, after.isr, after.leader_epoch) == (3, (3,), 5)


def test_a_follower_that_went_changes_no_leader() -> None:
    after = without(_state(), 2, {1, 3}, unclean=False)
    assert (after.leader, after.isr, after.leader_epoch) == (1, (1, 3), 4)


def test_the_last_in_sync_stays_in_the_isr_and_nobody_leads() -> None:
    after = without(_state(isr=(1,)), 1, {2, 3}, unclean=False)
    assert (after.leader, after.isr, after.leader_epoch) == (None, (1,), 5)


def test_an_unclean_election_takes_the_first_alive_which_is_then_alone_in_sync() -> None:
    after = without(_state(isr=(1,)), 1, {2, 3}, unclean=True)
    assert (after.leader, after.isr, after.leader_epoch) == (2, (2,), 5)


def test_who_was_last_in_sync_leads_again_when_it_returns() -> None:
    after = elect(_state(leader=None, isr=(1,), epoch=5), {1, 2}, unclean=False)
    assert (after.leader, after.leader_epoch) == (1, 6)


def test_a_leader_that_lives_stays_unless_the_preferred_is_asked_for() -> None:
    state = _state(leader=2)
    assert elect(state, {1, 2, 3}, unclean=False) is state
    assert elect(state, {1, 2, 3}, unclean=False, preferred=True).leader == 1
    assert elect(_state(leader=2, isr=(2, 3)), {1, 2, 3}, unclean=False, preferred=True).leader == 2


def test_a_partition_that_moves_keeps_its_old_replicas_until_the_new_are_in_sync() -> None:
    on_its_way = moving(_state(isr=(1, 2, 3)), (2, 4))
    assert (on_its_way.replicas, on_its_way.target) == ((2, 4, 1, 3), (2, 4))
    there = with_isr(on_its_way, {1, 2, 3, 4})
    assert (there.replicas, there.isr, there.leader, there.target) == ((2, 4), (2, 4), 2, ())
    assert there.leader_epoch == 5


def test_fewer_copies_need_no_copying_and_fence_who_is_dropped() -> None:
    fewer = moving(_state(epoch=4), (1,))
    assert (fewer.replicas, fewer.leader, fewer.leader_epoch) == ((1,), 1, 5)
    assert moving(_state(epoch=4), (2, 1, 3)).leader_epoch == 4
