"""The lab's own Kafka clients, shaped like aiokafka's: code written against them moves by changing an import."""
