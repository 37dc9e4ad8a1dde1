"""Which partition of a coordinator's topic an id is kept in."""

from __future__ import annotations

from engine.coordinators.placing import partition_for


def test_groups_are_spread_as_javas_string_hash_says() -> None:
    assert partition_for("test", 50) == 3556498 % 50
    assert partition_for("", 50) == 0
    assert partition_for("polygenelubricants", 50) == 0  # its hash code is Integer.MIN_VALUE
    assert partition_for("ｋ\U0001f600", 50) == abs(31 * (31 * 0xFF4B + 0xD83D) + 0xDE00) % 50
    hashes = {name: _java_hash(name) for name in (f"team-{number}-orders" for number in range(100))}
    assert any(code < 0 for code in hashes.values())
    for name, code in hashes.items():
        assert partition_for(name, 50) == abs(code) % 50


def _java_hash(text: str) -> int:
    code = 0
    for char in text:
        code = (31 * code + ord(char)) % 2**32
    return code - 2**32 if code >= 2**31 else code
