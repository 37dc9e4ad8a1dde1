import json
import subprocess
import sys

import pytest

from engine.workload import spec
from engine.workload.templates import TEMPLATES

NOW = 1_700_000_000_123


def test_there_is_a_template_for_each_name_a_spec_accepts() -> None:
    assert tuple(TEMPLATES) == spec.TEMPLATES


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_record_is_a_json_object_with_every_field_that_may_be_a_key(name: str) -> None:
    template = TEMPLATES[name]
    record = template.generator(1)(NOW, 7)
    told = json.loads(record.value)
    assert tuple(told[field] for field in template.fields) == record.fields
    assert any(isinstance(value, dict) for value in told.values()), "nested a little"
    assert 100 < len(record.value) < 1_000


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_same_seed_gives_the_same_records_and_another_seed_others(name: str) -> None:
    template = TEMPLATES[name]
    one, again, other = template.generator(1), template.generator(1), template.generator(2)
    first = [one(NOW + n, n).value for n in range(50)]
    assert first == [again(NOW + n, n).value for n in range(50)]
    assert first != [other(NOW + n, n).value for n in range(50)]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_record_is_about_the_subject_it_was_asked_for(name: str) -> None:
    template = TEMPLATES[name]
    record = template.generator(1)(NOW, 7, 1_234)
    assert record.fields[0] == json.loads(record.value)[template.subject] == f"{template.prefix}-1234"


def test_a_customer_is_the_same_person_in_the_records_of_every_producer() -> None:
    one, other = TEMPLATES["orders"].generator("web-1"), TEMPLATES["orders"].generator("web-2")
    assert json.loads(one(NOW, 1, 42).value)["customer"] == json.loads(other(NOW, 9, 42).value)["customer"]


def test_two_producers_do_not_give_the_same_id_to_different_orders() -> None:
    one, other = TEMPLATES["orders"].generator("web-1"), TEMPLATES["orders"].generator("web-2")
    assert one(NOW, 1).fields[1] != other(NOW, 1).fields[1]


def test_faker_is_imported_only_when_first_needed() -> None:
    code = "import sys, engine.workload.templates, engine.workload.keys; sys.exit('faker' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
