"""Frames out of a stream: four bytes of length, then the request (`org.apache.kafka.common.network.NetworkReceive`).

Small frames are cut out of one buffer that all connections share, for it is filled and emptied in one go; a large one
gets a buffer of its own that bytes arrive in directly, and that grows with what has come, never with what a length
promises.
"""

from __future__ import annotations

from engine.wire.primitives import INT32, Malformed

_SHARED = bytearray(256 << 10)
_STEP = 2 << 20
_LENGTH = INT32.size


class Frames:
    """What `BufferedProtocol` fills, and what it was filled with, cut into frames."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        """The longest frame accepted."""
        self._kept = b""
        """Bytes of a frame that has only begun."""
        self._large: bytearray | None = None
        self._filled = 0
        self._size = 0

    @property
    def begun(self) -> bool:
        """Whether part of a frame has come."""
        return self._large is not None or bool(self._kept)

    def buffer(self) -> memoryview:
        """Where the next bytes belong; they have to be there before anybody else asks for a buffer."""
        if self._large is None:
            kept = len(self._kept)
            _SHARED[:kept] = self._kept
            return memoryview(_SHARED)[kept:]
        if self._filled == len(self._large):
            self._large = self._large + bytes(min(self._size, 2 * len(self._large)) - len(self._large))
        return memoryview(self._large)[self._filled :]

    def filled(self, count: int) -> list[memoryview]:
        """`count` bytes have come; the frames that are whole now. Malformed for a length that is not accepted."""
        if self._large is None:
            return self._cut(len(self._kept) + count)
        self._filled += count
        if self._filled < self._size:
            return []
        done, self._large = memoryview(self._large), None
        return [done]

    def _cut(self, have: int) -> list[memoryview]:
        at = 0
        frames: list[memoryview] = []
        self._kept = b""
        while have - at >= _LENGTH:
            (size,) = INT32.unpack_from(_SHARED, at)
            if not 0 < size <= self.max_bytes:
                raise Malformed(
                    f"a request says it has {size:,} bytes; socket.request.max.bytes allows {self.max_bytes:,}"
                )
            begin, end = at + _LENGTH, at + _LENGTH + size
            if end > have:
                if _LENGTH + size > len(_SHARED):
                    self._begin_large(size, begin, have)
                    return frames
                break
            frames.append(memoryview(bytes(_SHARED[begin:end])))
            at = end
        self._kept = bytes(_SHARED[at:have])
        return frames

    def _begin_large(self, size: int, begin: int, have: int) -> None:
        self._size, self._filled = size, have - begin
        self._large = bytearray(min(size, _STEP))
        self._large[: self._filled] = memoryview(_SHARED)[begin:have]
