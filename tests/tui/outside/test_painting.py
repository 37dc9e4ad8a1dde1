from __future__ import annotations

import ast
import shlex
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from engine.snapshot import AddressView, GroupProtocol
from tests.tui import worlds
from themes.variables import DEFAULTS
from tui.painting.header import paint_header
from tui.painting.outside.commands import OWN_GROUP, address_of, recipes
from tui.painting.outside.connections import columns_for, paint_connection, paint_connections_head
from tui.painting.outside.requests import lines_of, paint_request
from tui.painting.outside.time import meaning_of_time, notices
from tui.painting.palette import palette_from
from tui.scene import Look, Scene

PALETTE = palette_from(DEFAULTS)


# How a client connects ---------------------------------------------------------------------------------------


def test_commands_name_the_address_the_topic_and_the_group_looked_at() -> None:
    scene = Scene(worlds.visited())
    found = recipes(worlds.listening(), scene)
    assert list(found) == ["kcat", "Python", "Java", "Kafka's tools"]
    for recipe in found.values():
        assert "127.0.0.1:9092" in recipe.text
        assert "orders" in recipe.text
        assert "billing" in recipe.text


def test_a_group_that_other_clients_cannot_join_is_left_alone() -> None:
    world = worlds.visited()
    for group in (
        replace(world.groups[0], protocol=GroupProtocol.CONSUMER),
        replace(world.groups[0], assignor="cooperative-sticky"),
    ):
        recipe = recipes(worlds.listening(), Scene(replace(world, groups=(group,))))["kcat"]
        assert f"-G {OWN_GROUP} orders" in recipe.text
        assert "a group of its own" in recipe.says


def test_names_of_groups_cannot_leave_their_place_in_a_command() -> None:
    world = worlds.visited()
    name = "bill'ing\"; rm -rf $(HOME) `x`\\"
    scene = Scene(replace(world, groups=(replace(world.groups[0], group_id=name),)), look=Look(group=name))
    found = recipes(worlds.listening(), scene)
    assert shlex.split(found["kcat"].text.splitlines()[-1])[-2:] == [name, "orders"]
    literals = [node.value for node in ast.walk(ast.parse(found["Python"].text)) if isinstance(node, ast.Constant)]
    assert name in literals


def test_a_client_is_sent_to_a_port_that_is_open() -> None:
    first, second, third = worlds.listening().addresses
    view = worlds.listening(addresses=(replace(first, open=False), second, third))
    assert address_of(view) == "127.0.0.1:9093"
    assert address_of(worlds.listening(addresses=(AddressView(1, "0.0.0.0", 9092, True),))) == "127.0.0.1:9092"
    assert address_of(worlds.listening(addresses=(AddressView(1, "::1", 9092, True),))) == "[::1]:9092"


def test_a_lab_that_asks_who_is_there_says_what_has_to_be_set() -> None:
    says = recipes(worlds.listening(security="SASL_SSL"), Scene(worlds.visited()))["kcat"].says
    assert "SASL_SSL: set security.protocol, sasl.mechanism, user and password, the lab's certificate" in says
    assert "SASL" not in recipes(worlds.listening(), Scene(worlds.visited()))["kcat"].says


# What lab time means to them ---------------------------------------------------------------------------------


def test_time_is_not_spoken_of_while_it_is_the_same_for_all() -> None:
    assert meaning_of_time(worlds.visited()) == ""
    assert meaning_of_time(replace(worlds.first(), paused=True)) == ""


def test_a_lab_that_stands_still_says_whose_timeouts_go_on() -> None:
    said = meaning_of_time(worlds.visited(paused=True))
    assert "stands still" in said
    assert "request.timeout.ms" in said


@pytest.mark.parametrize(
    ("pace", "words"),
    [
        (4.0, "A session of 45 s ends after 11.2 s of theirs"),
        (4.0, "From 15× on"),
        (32.0, "Too fast for 1 member"),
        (0.01, "a long poll takes 50.0 s, longer than they wait for an answer"),
        (0.5, "a long poll takes 1.0 s."),
    ],
)
def test_another_speed_is_told_in_the_time_of_the_clients(pace: float, words: str) -> None:
    assert words in meaning_of_time(worlds.visited(speed=pace))


def test_what_other_machines_can_do_is_told_unless_they_must_say_who_they_are() -> None:
    (said,) = notices(worlds.visited(listening=worlds.listening(beyond_loopback=True)))
    assert "without a password" in said
    secured = worlds.listening(beyond_loopback=True, security="SASL_SSL")
    assert notices(worlds.visited(listening=secured)) == ()


def test_a_port_that_is_closed_is_told() -> None:
    first, *others = worlds.listening().addresses
    view = worlds.listening(addresses=(replace(first, open=False), *others))
    assert notices(worlds.visited(listening=view)) == ("Down, and its port closed until it is back: broker 1.",)


# The header, the connections, the requests -------------------------------------------------------------------


def test_the_header_says_that_the_lab_is_open_and_to_whom() -> None:
    def header(**more: Any) -> str:
        return paint_header(worlds.visited(listening=worlds.listening(**more)), "lab", 120, PALETTE).text

    assert "⇄ 4 connected" in header()
    assert "⇄ open" in header(connections=())
    assert "⇄ open to the network 4 connected" in header(beyond_loopback=True)
    assert "⇄" not in paint_header(worlds.first(), "lab", 120, PALETTE).text


@pytest.mark.parametrize("width", [58, 78, 118, 198])
def test_a_connection_says_who_it_is_in_any_width(width: int) -> None:
    connections = [
        *worlds.listening().connections,
        *(worlds.connection(9 + at, name, 1, software=name, address=name) for at, name in enumerate(worlds.HOSTILE)),
        worlds.connection(40, "", 3, software="", version=""),
    ]
    columns = columns_for(connections, width)
    rows = [paint_connection(each, False, columns, width, PALETTE) for each in connections]
    head = paint_connections_head(columns, width, PALETTE)
    assert all(cell_len(row.text) == row.cell_length == width for row in (head, *rows))
    assert "rdkafka" in rows[1].text
    assert "6/s" in rows[1].text
    assert "(no client id)" in rows[-1].text
    assert "\x1b" not in "".join(row.text for row in rows)


def test_the_connection_that_is_watched_has_an_eye() -> None:
    connection = worlds.listening().connections[1]
    columns = columns_for([connection], 118)
    assert "◉" in paint_connection(connection, True, columns, 118, PALETTE).text
    assert "◉" not in paint_connection(connection, False, columns, 118, PALETTE).text


def test_a_request_says_what_was_asked_what_was_answered_and_how_long_it_took() -> None:
    joined, *_, waits = worlds.listening().requests
    rows = paint_request(joined, worlds.BEGAN, 118, PALETTE)
    assert "00:03:10 JoinGroup v9" in rows[0].text
    assert rows[0].text.rstrip().endswith("611.4 ms")
    assert "→ group_id=billing" in rows[1].text
    assert any("← generation_id=3" in row.text for row in rows)
    assert "waits" in paint_request(waits, worlds.BEGAN, 118, PALETTE)[0].text


@pytest.mark.parametrize("width", [20, 58, 118])
def test_a_request_takes_as_many_lines_as_it_was_given(width: int) -> None:
    for said in (*worlds.HOSTILE, "", "a" * 240):
        request = replace(worlds.listening().requests[0], summary=said, answer=said)
        rows = paint_request(request, worlds.BEGAN, width, PALETTE)
        assert len(rows) == lines_of(request, width)
        assert all(row.cell_length == width for row in rows)
