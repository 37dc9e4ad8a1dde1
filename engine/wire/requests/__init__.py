"""One file for each kind of request. It opens with the versions it serves and what it simplifies, and has

- `NAME`, `KEY` and `VERSIONS`: Kafka's name and number of the API, and the first and last version served;
- `serve(request, context)`: what is answered, usually after `context.ask(...)` of the broker, or None for nothing;
- `refused(request, error, context)`: what is answered when that raised a KafkaError;
- where it may be, `side_by_side(request)`: whether it need not wait for the answer to the one before;
- where they hold, `ANY_VERSION` (a later version is answered too) and `BEFORE_AUTHENTICATION`;
- where speed asks for it, its own `read(reader, version)` and `write(answer, version)`.
"""

from importlib import import_module
from pkgutil import iter_modules

MODULES = tuple(import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
"""Whatever stands in this folder."""
