"""Frames out of a stream: four bytes of length, then the request (`org.apache.kafka.common.network.NetworkReceive`).

Small frames are cut out of one buffer; a large one gets a buffer of its own that bytes arrive in directly, and that
grows with what has come, never with what a length promises.
"""

from __future__ import annotations

from engine.wire.primitives import INT32, Malformed

_SMALL = 64 << 10
_STEP = 2 << 20
_LENGTH = INT32.size


class Frames:
    """What `BufferedProtocol` fills, and what it was filled with, cut into frames."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        """The longest frame accepted."""
        self._small = bytearray(_SMALL)
        self._have = 0
        """Bytes in `_small` that belong to no frame yet."""
        self._large: bytearray | None = None
        self._filled = 0
        self._size = 0

    @property
    def begun(self) -> bool:
        """Whether part of a frame has come."""
        return self._large is not None or self._have > 0

    def buffer(self) -> memoryview:
        """Where the next bytes belong."""
        if self._large is None:
            return memoryview(self._small)[self._have :]
        if self._filled == len(self._large):
            self._large = self._large + bytes(min(self._size, 2 * len(self._large)) - len(self._large))
        return memoryview(self._large)[self._filled :]

    def filled(self, count: int) -> list[memoryview]:
        """`count` bytes have come; the frames that are whole now. Malformed for a length that is not accepted."""
        if self._large is not None:
            self._filled += count
            if self._filled < self._size:
                return []
            done, self._large = memoryview(self._large), None
            return [done]
        return self._cut(self._have + count)

    def _cut(self, have: int) -> list[memoryview]:
        small, at = self._small, 0
        frames: list[memoryview] = []
        while have - at >= _LENGTH:
            (size,) = INT32.unpack_from(small, at)
            if not 0 < size <= self.max_bytes:
                raise Malformed(
                    f"a request says it has {size:,} bytes; socket.request.max.bytes allows {self.max_bytes:,}"
                )
            begin, end = at + _LENGTH, at + _LENGTH + size
            if end > have:
                if end > _SMALL:
                    self._begin_large(size, small[begin:have])
                    have = at
                break
            frames.append(memoryview(bytes(small[begin:end])))
            at = end
        if at:
            small[: have - at] = small[at:have]
        self._have = have - at
        return frames

    def _begin_large(self, size: int, head: bytearray) -> None:
        self._size, self._filled = size, len(head)
        self._large = bytearray(min(size, _STEP))
        self._large[: len(head)] = head
