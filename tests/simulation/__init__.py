"""The whole cluster on a clock turned by hand, under seeded faults and workloads, and what must hold through it all."""
