"""The lab on the wire: Kafka's protocol over TCP, for clients from outside.

A listener has one port for each broker. A connection takes frames apart, a request file (`requests/`) turns what came
into one of `engine.messages`, the network carries it to the broker as it does for the lab's own clients, and the
answer goes back in the version that was asked. Message definitions are kio's, generated from Apache Kafka's own;
reading and writing them is done here, because bytes from outside may say anything.
"""
