"""What the words on the screen mean, each in a sentence, in the order in which one needs them."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "Records": {
        "record": "What is sent: a key (or none), a value, a timestamp, headers. Also called message or event.",
        "topic": "A named stream of records, cut into partitions.",
        "partition": "A log: records are added at its end, in order, and never changed. P0 is the first of a topic.",
        "offset": "A record's number in its partition, from 0 on.",
        "key": "Decides the partition: murmur2(key) mod how many there are. Records of one key keep their order.",
        "batch": "Records for one partition that travel and are stored together.",
        "retention": "How long, or up to which size, a log keeps records; read or not makes no difference.",
        "compaction": "Instead: only the newest record of each key stays; one without value (tombstone) deletes it.",
        "log start": "The oldest offset that is still there. The log end is the next one to be written.",
    },
    "Producers": {
        "producer": "A client that publishes records to topics.",
        "acks": "What it waits for: 0 nothing, 1 that the leader has it, all that every replica in sync has it.",
        "Zipf": "How often keys occur here: the second half as often as the first, the third a third, and so on.",
        "linger": "How long it waits for a batch to fill before it sends it.",
        "idempotence": "Batches carry a number, so that one that is sent again is stored once.",
        "transaction": "Records and offsets that count together or not at all.",
        "transactional id": "Whose transactions they are; whoever comes with the same id fences the one before.",
        "marker": "A record that ends a transaction in a partition: what came before in it counts, or does not.",
        "last stable": "The offset before which no transaction is open; who reads committed records reads up to there.",
        "held back": "Records behind the last stable offset, which read_committed does not get yet.",
    },
    "Brokers": {
        "broker": "A server that holds copies of partitions; b1 is broker 1. Here each has one SQLite file.",
        "replica": "One of the copies of a partition.",
        "leader": "The replica that takes writes and answers reads; followers copy from it.",
        "ISR": "In-sync replicas: those that keep up with the leader. Only one of them may lead next.",
        "epoch": "Counts the leaders a partition has had, so that an old one is known by its old epoch.",
        "high watermark": "Up to there every replica in sync has the log; consumers read no further.",
        "controller": "Decides who leads. It notices a dead broker when its session has run out.",
        "under-replicated": "Not all copies of a partition are in sync. Under min ISR: too few for acks=all.",
    },
    "Consumers": {
        "consumer": "A client that reads records of the topics it subscribes to.",
        "group": "Consumers that share the partitions, each partition to one. Every group gets every record.",
        "member": "A consumer in its group; its letter and colour mark its partitions.",
        "coordinator": "The broker that keeps a group: who is in it, what it has committed.",
        "rebalance": "Sharing the partitions out anew, because a member came or went.",
        "generation": "Counts the rebalances of a group (gen 3). In the consumer protocol it is called epoch.",
        "assignor": "The rule by which partitions are shared out: range, roundrobin, sticky, cooperative-sticky.",
        "session": "How long a group waits for a member's heartbeat, or the controller for a broker's.",
        "heartbeat": "A member's sign of life (♥). Without one for a whole session it is dropped.",
        "position": "The offset a consumer will read next.",
        "committed": "The offset its group has put on record for a partition; whoever takes over begins there.",
        "lag": "How many records lie between the committed offset and the end: what is still to be done.",
        "processed": "Read, but not yet committed: delivered again if its consumer crashes now.",
    },
    "The lab's own": {
        "in, out": "Records a second that were written, and that were processed.",
        "lab": "A folder that holds one world. It stands still while it is closed.",
        "moment": "The world as it was before a crash or a deletion; backspace puts it back there.",
        "ledger": "Counts what became of every record: acknowledged, lost, processed once, again, never, out of order.",
        "scrub": "Moving a group's offset along a partition, with a look at what would follow.",
    },
}
"""By what they are about."""
