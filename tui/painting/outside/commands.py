"""How a client from outside connects: lines to paste into a shell or a program, for this lab as it is."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import NamedTuple

from engine.snapshot import GroupProtocol, GroupView, ListeningView
from engine.wire.hosts import is_wildcard, reached_at
from tui.scene import Scene

_SHARED = frozenset({"range", "roundrobin"})
"""Assignors that clients of every kind offer by themselves."""
OWN_GROUP = "outside"


class Recipe(NamedTuple):
    """Lines to paste, and what they do."""

    name: str
    file: str
    """What a file with these lines is called."""
    says: str
    text: str


class _Facts(NamedTuple):
    server: str
    topic: str
    group: str


def address_of(view: ListeningView) -> str:
    """Where to connect first: the first port that is open; a client learns the others there."""
    first = next((each for each in view.addresses if each.open), view.addresses[0])
    return reached_at("127.0.0.1" if is_wildcard(first.host) else first.host, first.port)


def recipes(view: ListeningView, scene: Scene) -> Mapping[str, Recipe]:
    """By the name of what connects, for the topic looked at, in its group where any client can join that."""
    topic = scene.topic.name if scene.topic is not None and not scene.topic.internal else "orders"
    facts = _Facts(address_of(view), topic, _group(scene.group if scene.group in scene.groups else None))
    joins = f"joins the group {facts.group}" if facts.group != OWN_GROUP else "joins a group of its own"
    found = (_kcat(facts, joins), _python(facts, joins), _java(facts, joins), _tools(facts))
    return {each.name: each._replace(says=each.says + _asked_for(view.security)) for each in found}


def _asked_for(security: str) -> str:
    """What a client has to be told besides, in the words of its settings."""
    if security == "PLAINTEXT":
        return ""
    names = ["security.protocol"]
    names += ["sasl.mechanism", "user and password"] if "SASL" in security else []
    names += ["the lab's certificate"] if "SSL" in security else []
    return f" This lab asks for {security}: set {', '.join(names)} besides."


def _group(group: GroupView | None) -> str:
    if group is None or group.protocol is not GroupProtocol.CLASSIC:
        return OWN_GROUP
    return group.group_id if not group.assignor or group.assignor in _SHARED else OWN_GROUP


def _kcat(facts: _Facts, joins: str) -> Recipe:
    server, topic, group = facts.server, shlex.quote(facts.topic), shlex.quote(facts.group)
    return Recipe(
        "kcat",
        "kcat.sh",
        f"Lists what there is, writes one record, then {joins} and reads.",
        f"kcat -b {server} -L\necho hello | kcat -b {server} -t {topic} -P\nkcat -b {server} -G {group} {topic}",
    )


def _python(facts: _Facts, joins: str) -> Recipe:
    server, topic, group = map(_quoted, facts)
    return Recipe(
        "Python",
        "consumer.py",
        f"With confluent-kafka: {joins} and prints what it reads.",
        f"""from confluent_kafka import Consumer

consumer = Consumer({{
    "bootstrap.servers": {server},
    "group.id": {group},
    "auto.offset.reset": "earliest",
}})
consumer.subscribe([{topic}])
while True:
    message = consumer.poll(1.0)
    if message and not message.error():
        print(message.partition(), message.offset(), message.value())""",
    )


def _java(facts: _Facts, joins: str) -> Recipe:
    server, topic, group = map(_quoted, facts)
    return Recipe(
        "Java",
        "consumer.java",
        f"With kafka-clients: {joins} and prints what it reads.",
        f"""var deserializer = StringDeserializer.class.getName();
try (var consumer = new KafkaConsumer<String, String>(Map.of(
        "bootstrap.servers", {server},
        "group.id", {group},
        "auto.offset.reset", "earliest",
        "key.deserializer", deserializer,
        "value.deserializer", deserializer))) {{
    consumer.subscribe(List.of({topic}));
    while (true)
        for (var record : consumer.poll(Duration.ofSeconds(1)))
            System.out.println(record);
}}""",
    )


def _tools(facts: _Facts) -> Recipe:
    server, topic, group = facts.server, shlex.quote(facts.topic), shlex.quote(facts.group)
    return Recipe(
        "Kafka's tools",
        "kafka-tools.sh",
        "Apache Kafka's own: writes lines as records, reads them, and shows how far the group has come.",
        f"kafka-console-producer.sh --bootstrap-server {server} \\\n  --topic {topic}\n"
        f"kafka-console-consumer.sh --bootstrap-server {server} \\\n  --topic {topic} --group {group}\n"
        f"kafka-consumer-groups.sh --bootstrap-server {server} \\\n  --describe --group {group}",
    )


def _quoted(text: str) -> str:
    """As a literal of Python or Java."""
    return json.dumps(text)
