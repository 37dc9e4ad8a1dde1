"""One file for each kind of request. It opens with the versions it serves and what it simplifies, and has

- `NAME`, `KEY` and `VERSIONS`: Kafka's name and number of the API, and the first and last version served;
- `serve(request, context)`: what is answered, usually after `context.ask(...)` of the broker, or None for nothing;
- `refused(request, error, context)`: what is answered when that raised a KafkaError;
- where speed asks for it, its own `read(reader, version)` and `write(answer, version)`.
"""

from engine.wire.requests import (
    add_offsets_to_txn,
    add_partitions_to_txn,
    api_versions,
    describe_producers,
    describe_transactions,
    end_txn,
    fetch,
    find_coordinator,
    heartbeat,
    init_producer_id,
    join_group,
    leave_group,
    list_offsets,
    list_transactions,
    metadata,
    offset_commit,
    offset_fetch,
    offset_for_leader_epoch,
    produce,
    sync_group,
    txn_offset_commit,
)

MODULES = (
    add_offsets_to_txn,
    add_partitions_to_txn,
    api_versions,
    describe_producers,
    describe_transactions,
    end_txn,
    fetch,
    find_coordinator,
    heartbeat,
    init_producer_id,
    join_group,
    leave_group,
    list_offsets,
    list_transactions,
    metadata,
    offset_commit,
    offset_fetch,
    offset_for_leader_epoch,
    produce,
    sync_group,
    txn_offset_commit,
)
