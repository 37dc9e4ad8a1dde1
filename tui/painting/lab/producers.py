"""Paints a producer: where it sends and how fast, its last seconds, how it chooses keys, and what went wrong.

A processor that writes to the topic looked at stands among them, for that is where its records come from.
"""

from __future__ import annotations

from textual.strip import Strip

from engine.snapshot import ClientState, ConsumerView, ProducerView
from tui.painting.lab.clients import SYMBOLS, parts_that_fit, what_can_be_done
from tui.painting.lab.flow import chart, softened
from tui.painting.line import Line, blank, right_aligned
from tui.painting.palette import Palette
from tui.painting.text import clean, cut, number, rate, short

SPARKS = 40


def paint_producer(
    producer: ProducerView, here: bool, lines: int, width: int, palette: Palette, cursor: bool = False
) -> list[Strip]:
    """The rows of a producer; `here` when it sends to the topic looked at. With one line, only what matters most."""
    if lines == 1:
        return [_head(producer, producer.topic, here, width, palette, cursor)]
    tall = 2 if lines >= 6 else 1
    rows = [
        _head(producer, producer.topic, here, width, palette, cursor),
        *_pace(producer, tall, width, palette),
    ]
    if lines > 2:
        rows.append(_rules(producer, width, palette))
    if lines >= 6:
        rows.append(_sum(producer, width, palette))
    return rows + [blank(width)] * (lines - len(rows))


def paint_writer(
    processor: ConsumerView, lines: int, width: int, palette: Palette, cursor: bool = False
) -> list[Strip]:
    """The rows of a processor: where it writes, what it reads for that, and whether both count together."""
    rows = [_head(processor, processor.writes_to, True, width, palette, cursor)]
    gone = what_can_be_done(processor.state, width - 4)
    reads = gone or f"reads {clean(', '.join(processor.topics))}"
    for text in (reads, "in transactions" if processor.transactional else "without transactions")[: lines - 1]:
        rows.append(Line(width).to(3).add(cut(text, width - 4), palette.quiet).strip())
    return rows + [blank(width)] * (lines - len(rows))


def _head(
    producer: ProducerView | ConsumerView, topic: str, here: bool, width: int, palette: Palette, cursor: bool
) -> Strip:
    state = palette.clients[producer.state]
    line = Line(width).add("▸" if cursor else " ", palette.mark).add(f"{SYMBOLS[producer.state]} ", state)
    figure = rate(producer.measured) if producer.state is ClientState.RUNNING else producer.state.value
    margin = 1 if width >= 16 else 0
    room = width - line.used - 1 - len(figure) - margin
    name, topic = clean(producer.name), clean(topic)
    line.add(cut(name, max(4, room if room < 24 else room - 9)), palette.strong if here else palette.text)
    left = width - line.used - len(figure) - 2
    if left > 5:
        line.add(" → ", palette.flow_in if here else palette.faint)
        line.add(cut(topic, left - 3), palette.text if here else palette.quiet)
    return right_aligned(line, [(figure, palette.flow_in if figure[0].isdigit() else state)], margin).strip()


def _pace(producer: ProducerView, tall: int, width: int, palette: Palette) -> list[Strip]:
    line = Line(width).to(3)
    if producer.state is not ClientState.RUNNING:
        rows = [line.add(what_can_be_done(producer.state, width - 4), palette.quiet).strip()]
        return rows + [blank(width)] * (tall - 1)
    right = f"of {rate(producer.rate)}" if producer.rate else "rate 0; + raises it"
    room = min(width - 5 - len(right), SPARKS)
    if room < 4:
        return [right_aligned(line, [(right, palette.quiet)], 1).strip()] + [blank(width)] * (tall - 1)
    history = producer.history[-room:]
    rows = []
    soft = softened(palette.flow_in, palette.background)
    for at, blocks in enumerate(chart(history, room, tall, max(producer.rate * 1.5, *history, 1))):
        line = Line(width).to(3).add(blocks, soft)
        rows.append((right_aligned(line, [(right, palette.quiet)], 1) if at == tall - 1 else line).strip())
    return rows


def _sum(producer: ProducerView, width: int, palette: Palette) -> Strip:
    line = Line(width).to(3).add(f"{number(producer.acked)} sent", palette.quiet)
    parts = [f"{short(producer.buffered)} buffered"] if producer.buffered else []
    parts += [f"{producer.template}", f"partitioner {producer.partitioner}"]
    return parts_that_fit(line, parts, palette.quiet, palette).strip()


def _rules(producer: ProducerView, width: int, palette: Palette) -> Strip:
    line = Line(width).to(3)
    room = width - 4
    if producer.last_error or producer.failed:
        failed = f"{short(producer.failed)} failed" if producer.failed else ""
        text = ": ".join(part for part in (failed, clean(producer.last_error)) if part)
        return line.add(cut(text, room), palette.error).strip()
    line.add(cut(clean(producer.keys), room), palette.quiet)
    more = [f"acks {producer.acks}"]
    if producer.compression != "none":
        more.append(producer.compression)
    return parts_that_fit(line, more, palette.quiet, palette).strip()
