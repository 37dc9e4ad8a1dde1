from engine.storage.tail import _OVERHEAD, TailCache


def test_the_oldest_batch_of_any_log_goes_first() -> None:
    cache = TailCache(3 * (100 + _OVERHEAD))
    one, other = cache.tail(), cache.tail()
    one.add(0, 9, bytes(100))
    other.add(0, 9, bytes(100))
    one.add(10, 19, bytes(100))
    assert one.read(5, 1_000, 99) == (bytes(100), bytes(100))
    other.add(10, 19, bytes(100))
    assert one.read(5, 1_000, 99) is None
    assert one.read(10, 1_000, 99) == (bytes(100),)
    assert other.read(0, 1_000, 99) == (bytes(100), bytes(100))
    assert cache.size_bytes == 3 * (100 + _OVERHEAD)


def test_a_batch_larger_than_the_cache_is_not_kept() -> None:
    cache = TailCache(1_000)
    tail = cache.tail()
    tail.add(0, 9, bytes(50))
    tail.add(10, 19, bytes(5_000))
    assert tail.read(10, 1_000, 99) is None
    assert cache.size_bytes == 0


def test_what_was_removed_from_the_log_is_forgotten() -> None:
    cache = TailCache(1 << 20)
    tail = cache.tail()
    for base in range(0, 3_000, 10):
        tail.add(base, base + 9, b"%d" % base)
    tail.forget_below(2_500)
    assert tail.read(2_490, 0, 9_999) is None
    assert tail.read(2_505, 0, 9_999) == (b"2500",)
    tail.clear()
    assert tail.read(2_990, 0, 9_999) is None
    assert cache.size_bytes == 0
    tail.add(3_000, 3_000, b"x")
    assert tail.read(3_000, 0, 9_999) == (b"x",)
