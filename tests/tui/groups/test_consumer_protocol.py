"""A group of the consumer protocol in the mode Groups: epochs, who has yet to give what up, what is to be learned."""

from __future__ import annotations

from dataclasses import replace

from engine.snapshot import GroupProtocol, GroupState, GroupView, MemberState, World
from engine.workload.spec import ConsumerSpec
from tests.tui import worlds
from tests.tui.conftest import OpenStage
from themes.variables import DEFAULTS
from tui.dialogs.clients import NewConsumer
from tui.painting.groups.assignment import grid_for, paint_standing
from tui.painting.groups.lessons import lesson_of
from tui.painting.groups.members import member_row
from tui.painting.groups.rebalances import way_of
from tui.painting.groups.saying import state_sentence
from tui.painting.lab.told import of_consumer
from tui.painting.palette import palette_from
from tui.scene import Scene

PALETTE = palette_from(DEFAULTS)


def billing() -> GroupView:
    group = worlds.reconciling().group("billing")
    assert group is not None
    return group


def form_of(world: World) -> NewConsumer:
    return NewConsumer(Scene(world), "billing")


def values_of(form: NewConsumer) -> dict[str, str]:
    """The form as it is filled in already."""
    return {field.name: field.value for field in form.fields()}


def test_what_moves_is_drawn_with_its_owner_and_its_heir() -> None:
    group = billing()
    wide = grid_for(group.members, 78, 0, 40, 12_331)
    for grid, drawn in ((wide, "A›· c "), (replace(wide, cells=1), "A·c ")):
        line = paint_standing(group.offsets[2], 12_010, 0, grid, 78, PALETTE, heir=2).text
        assert drawn in line
        assert len(line) == 78


def test_the_sentence_says_who_has_to_give_up_and_that_nobody_else_stops() -> None:
    sentence = state_sentence(billing(), worlds.NOW)
    assert sentence.startswith("Reconciling: billing-1 has to give up 1 partition; 4 m 59 s left.")
    assert "Nobody else stops" in sentence


def test_a_static_member_that_is_away_is_spoken_of() -> None:
    group = billing()
    away = replace(group.members[0], epoch=-2, state=MemberState.STABLE, revoking=())
    sentence = state_sentence(replace(group, members=(away, *group.members[1:]), waiting_for=()), worlds.NOW)
    assert "static billing-1 is away and keeps its share" in sentence
    assert member_row(away, group, None, worlds.NOW).phase == "away"


def test_between_epoch_and_target_everybody_works_on() -> None:
    sentence = state_sentence(replace(billing(), state=GroupState.ASSIGNING, generation=4), worlds.NOW)
    assert "epoch 4, its target assignment still of epoch 3" in sentence


def test_members_are_shown_with_their_epochs_and_what_they_wait_for() -> None:
    group = billing()
    rows = [member_row(member, group, None, worlds.NOW) for member in group.members]
    assert [(row.epoch, row.phase) for row in rows] == [("2", "gives up"), ("3", "serves"), ("3", "… waits")]
    assert rows[0].doing.endswith("has yet to give up P2")
    assert rows[2].doing.endswith("waits for P2")


def test_the_lesson_is_that_only_what_moves_stops() -> None:
    done, under_way = billing().rebalances
    assert lesson_of(done).startswith("Consumer protocol: only what moves stops. 3 partitions stood still for 740 ms")
    assert "Classic: everyone stops" in lesson_of(done)
    assert "all that stays is served" in lesson_of(under_way)
    assert way_of(done) == "uniform, consumer protocol"


def test_each_kind_of_rebalance_has_its_lesson() -> None:
    done = billing().rebalances[0]
    stayed = tuple(replace(move, to=move.from_, unserved_ms=0.0) for move in done.moves)
    first = tuple(replace(move, from_=None) for move in done.moves)
    moved = tuple(move for move in done.moved)
    for changed, words in (
        (replace(done, dropped=("billing-3",)), "knows no rejoining"),
        (replace(done, moves=first), "nobody waits for more members"),
        (replace(done, moves=stayed), "nothing had to move"),
        (replace(done, moves=moved), "everything moved"),
    ):
        assert words in lesson_of(changed)


async def test_the_mode_shows_epochs_in_place_of_generations(stage: OpenStage) -> None:
    async with stage(worlds.reconciling()) as on:
        await on.press("3")
        words = on.words()
        for told in ("billing · epoch 3", "Reconciling · epoch 3", "gives up", "nobody leads", "A›· c"):
            assert told in words, told
        await on.press("v")
        assert "epoch 2 → 3" in on.words()


def test_the_form_offers_the_protocol_of_the_group_looked_at() -> None:
    for world, protocol in ((worlds.reconciling(), "consumer"), (worlds.first(), "classic")):
        fields = {field.name: field for field in form_of(world).fields()}
        assert fields["protocol"].value == protocol
        shown = {name for name, field in fields.items() if field.when is None or field.when({"protocol": protocol})}
        assert ("session" in shown) is (protocol == "classic")
        assert ("remote" in shown) is (protocol == "consumer")


def test_the_form_says_what_the_next_epoch_brings() -> None:
    form = form_of(worlds.reconciling())
    said = form.consequence(values_of(form))
    assert "enters its next epoch: 4 members will share 6 partitions, and only those that move stand still" in said


def test_the_form_says_what_comes_of_a_member_of_the_other_protocol() -> None:
    for world, protocol, follows in (
        (worlds.first(), "consumer", "from now on the coordinator assigns, for them, too"),
        (worlds.reconciling(), "classic", "The coordinator assigns for it, too"),
    ):
        form = form_of(world)
        same = values_of(form)
        assert follows not in form.consequence(same)
        assert follows in form.consequence({**same, "protocol": protocol})


async def test_c_and_enter_start_a_consumer_like_those_there_are(stage: OpenStage) -> None:
    async with stage(worlds.reconciling()) as on:
        await on.press("c", "enter")
        (spec,) = on.lab.called("workload.spawn_consumer")[0]
        assert spec == ConsumerSpec(
            "billing", ("orders",), processing_ms=20, assignor="uniform", protocol=GroupProtocol.CONSUMER.value
        )


def test_a_consumer_tells_its_epoch() -> None:
    view = worlds.reconciling().consumers[0]
    for protocol, words in (("consumer", "billing, consumer protocol, epoch 2"), ("classic", "billing, generation 2")):
        rows = of_consumer(replace(view, protocol=GroupProtocol(protocol)), None, 0, worlds.NOW)
        assert ("group", words) in rows
