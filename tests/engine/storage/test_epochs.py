from hypothesis import given
from hypothesis import strategies as st

from engine.storage.epochs import NONE, LeaderEpochs

KNOWN = LeaderEpochs([(2, 0), (5, 100), (6, 130)])


def test_an_epoch_ends_where_the_next_begins_and_the_latest_at_the_log_end() -> None:
    assert KNOWN.end_offset(2, 200) == (2, 100)
    assert KNOWN.end_offset(5, 200) == (5, 130)
    assert KNOWN.end_offset(6, 200) == (6, 200)


def test_for_an_epoch_this_log_never_had_the_one_before_is_told() -> None:
    assert KNOWN.end_offset(3, 200) == (2, 100)
    assert KNOWN.end_offset(1, 200) == (1, 0)
    assert KNOWN.end_offset(7, 200) == NONE
    assert KNOWN.end_offset(-1, 200) == NONE
    assert LeaderEpochs().end_offset(0, 10) == NONE
    assert LeaderEpochs().end_offset(-1, 10) == NONE


def test_a_new_epoch_drives_out_what_contradicts_it() -> None:
    assert KNOWN.started(6, 150) is KNOWN
    assert KNOWN.started(-1, 150) is KNOWN
    assert KNOWN.started(7, 150).entries == (*KNOWN.entries, (7, 150))
    assert KNOWN.started(7, 120).entries == ((2, 0), (5, 100), (7, 120))
    assert KNOWN.started(4, 150).entries == ((2, 0), (4, 150))
    assert LeaderEpochs().started(0, 0).entries == ((0, 0),)


def test_cutting_the_log_cuts_its_epochs() -> None:
    assert KNOWN.cut_end(130).entries == ((2, 0), (5, 100))
    assert KNOWN.cut_end(131) == KNOWN
    assert KNOWN.cut_start(110).entries == ((5, 110), (6, 130))
    assert KNOWN.cut_start(130).entries == ((6, 130),)
    assert KNOWN.cut_start(0) == KNOWN
    assert LeaderEpochs([(3, 50)]).cut_start(10).entries == ((3, 50),)


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 50))))
def test_epochs_and_offsets_both_rise_whatever_is_begun(begun: list[tuple[int, int]]) -> None:
    epochs = LeaderEpochs()
    for epoch, offset in begun:
        epochs = epochs.started(epoch, offset)
        assert epochs.latest == epoch
    assert list(epochs.entries) == sorted(set(epochs.entries))
    assert len({offset for _, offset in epochs.entries}) == len(epochs.entries)
