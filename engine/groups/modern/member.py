"""A member of a group of the consumer protocol, as a value (`ConsumerGroupMember`)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.groups.consumer_protocol import Subscription
from engine.groups.modern.records import ClassicMember, MemberMetadata
from engine.messages import LEAVE_STATIC_EPOCH, ConsumerGroupHeartbeatRequest, JoinGroupRequest
from engine.snapshot import MemberState, label_of
from engine.types import ClientInfo, TopicPartition

NOTHING: frozenset[TopicPartition] = frozenset()

_SILENT = MemberMetadata(None, None, "", "", (), None, -1, None)


@dataclass(frozen=True, slots=True)
class Member:
    """One member: what it said of itself, and how far it has come.

    `assigned` is its own for good; `revoking` is still its own until it has given that up.
    """

    member_id: str
    said: MemberMetadata = _SILENT
    epoch: int = 0
    previous_epoch: int = -1
    """The epoch before: its answer may have been lost, so the member may still speak of it."""
    state: MemberState = MemberState.STABLE
    assigned: frozenset[TopicPartition] = NOTHING
    revoking: frozenset[TopicPartition] = NOTHING

    @property
    def owned(self) -> frozenset[TopicPartition]:
        """What nobody else may have yet."""
        return self.assigned | self.revoking

    @property
    def label(self) -> str:
        """How it is named to a person."""
        return label_of(self.said.client_id, self.member_id)

    @property
    def away(self) -> bool:
        """Whether it is a static member that said it will be back."""
        return self.epoch == LEAVE_STATIC_EPOCH

    @property
    def classic(self) -> ClassicMember | None:
        """What it said in the classic protocol; None where it speaks the consumer protocol."""
        return self.said.classic

    def has_reached(self, target_epoch: int) -> bool:
        """Whether it has all of the target of that epoch, and nothing else."""
        return self.state is MemberState.STABLE and self.epoch == target_epoch

    def saying(self, client: ClientInfo, request: ConsumerGroupHeartbeatRequest) -> Member:
        """The same after what a heartbeat says of it; what it leaves out stays as it was."""
        said = self.said
        topics = said.topics if request.topics is None else tuple(sorted(set(request.topics)))
        return replace(
            self,
            said=MemberMetadata(
                request.group_instance_id or said.instance_id,
                request.rack_id or said.rack_id,
                client.client_id,
                client.host,
                topics,
                said.pattern if request.pattern is None else request.pattern or None,
                said.rebalance_timeout_ms if request.rebalance_timeout_ms < 0 else request.rebalance_timeout_ms,
                request.server_assignor or said.assignor,
            ),
        )

    def joining(self, client: ClientInfo, request: JoinGroupRequest, subscription: Subscription) -> Member:
        """The same after a JoinGroup of the classic protocol, which subscribes by names alone."""
        said = self.said
        return replace(
            self,
            said=MemberMetadata(
                request.group_instance_id or said.instance_id,
                subscription.rack_id or said.rack_id,
                client.client_id,
                client.host,
                tuple(sorted(set(subscription.topics))),
                None,
                request.rebalance_timeout_ms,
                said.assignor,
                ClassicMember(request.session_timeout_ms, request.protocols),
            ),
        )
