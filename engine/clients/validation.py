"""Whether what was read still lies in the log: a new leader is asked before it is fetched from (KIP-320).

After `SubscriptionState.maybeCompleteValidation` and `OffsetsForLeaderEpochUtils`. A log is cut back where records were
lost, as after an unclean election; what stands at those offsets now are others. The position then goes back to where
this log and what was read part, or, with `auto_offset_reset` none, the application is told where that is. As in Kafka,
an answer of an older epoch that ended behind the position passes, though after a second unclean election the logs may
part before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from engine.clients.connection import Connection
from engine.clients.metadata import ClientMetadata, Leading
from engine.clients.partition_state import PartitionState
from engine.errors import KafkaError, LogTruncationError, error_for
from engine.messages import EpochEnd, OffsetForLeaderEpochRequest
from engine.types import TopicPartition

OnTruncation = Callable[[TopicPartition, int, int | None], None]
"""Told of a log that was cut back: the position there was, and the one it goes to; None if it is reset by policy."""


class _Asked(NamedTuple):
    """A position, and by whom it is to be found valid."""

    state: PartitionState
    position: int
    epoch: int
    leading: Leading

    def stands(self, leading: Leading) -> bool:
        """Whether the question is the same still."""
        state = self.state
        return state.awaiting_validation and (state.position, state.epoch, leading) == self[1:]


class Validation:
    """Of one consumer's positions, by its `auto_offset_reset`."""

    def __init__(
        self, connection: Connection, metadata: ClientMetadata, auto_offset_reset: str, on_truncation: OnTruncation
    ) -> None:
        self._connection = connection
        self._metadata = metadata
        self._auto_offset_reset = auto_offset_reset
        self._on_truncation = on_truncation

    async def ask(self, leader: int, states: Sequence[PartitionState]) -> dict[TopicPartition, KafkaError]:
        """Have the leader of these say where the epochs of their positions ended, and move those that lie behind.

        Returns why a position is not valid: what the leader could not say, or LogTruncationError.
        """
        asked = {
            state.tp: _Asked(state, state.position, state.epoch, self._metadata.leading(state.tp))
            for state in states
            if state.position is not None
        }
        request = OffsetForLeaderEpochRequest({tp: (it.leading[1], it.epoch) for tp, it in asked.items()})
        try:
            answers = (await self._connection.call(leader, request)).partitions
        except KafkaError as error:
            answers = {tp: EpochEnd(error.code) for tp in asked}
        failed: dict[TopicPartition, KafkaError] = {}
        for tp, end in answers.items():
            it = asked.get(tp)
            if it is None or not it.stands(self._metadata.leading(tp)):
                continue  # sought, taken away or led by another meanwhile
            if end.error:
                failed[tp] = error_for(end.error, f"{tp}: {error_for(end.error)}")
            elif (truncation := self._settle(it, end)) is not None:
                failed[tp] = truncation
        return failed

    def _settle(self, asked: _Asked, end: EpochEnd) -> LogTruncationError | None:
        """The epoch ended there: behind the position, or the log was cut back."""
        state, known = asked.state, end.leader_epoch >= 0 and end.end_offset >= 0
        if known and end.end_offset >= asked.position:
            state.validated(asked.leading)
            return None
        if self._auto_offset_reset == "none":
            return _truncated(asked, end if known else EpochEnd())
        if known:
            state.seek(end.end_offset, end.leader_epoch)
            state.validated(asked.leading)
        else:
            state.forget_position(self._auto_offset_reset)
        self._on_truncation(state.tp, asked.position, end.end_offset if known else None)
        return None


def _truncated(asked: _Asked, end: EpochEnd) -> LogTruncationError:
    where = f"they part at offset {end.end_offset}" if end.end_offset >= 0 else "nobody knows where they part"
    return LogTruncationError(
        f"The log of {asked.state.tp} was cut back: it has not got all that was read up to offset {asked.position} "
        f"({where}), and auto_offset_reset is none. Seek to where reading should go on.",
        asked.position,
        end.end_offset,
        end.leader_epoch,
    )
