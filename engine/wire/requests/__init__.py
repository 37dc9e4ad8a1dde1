"""One file for each kind of request. It opens with the versions it serves and what it simplifies, and has

- `NAME`, `KEY` and `VERSIONS`: Kafka's name and number of the API, and the first and last version served;
- `serve(request, context)`: what is answered, usually after `context.ask(...)` of the broker, or None for nothing;
- `refused(request, error, context)`: what is answered when that raised a KafkaError;
- where speed asks for it, its own `read(reader, version)` and `write(answer, version)`.
"""

from engine.wire.requests import api_versions, find_coordinator, metadata

MODULES = (api_versions, find_coordinator, metadata)
