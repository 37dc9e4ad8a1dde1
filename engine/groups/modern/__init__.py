"""Groups of the consumer protocol (KIP-848): the coordinator decides who reads what, and members follow one by one."""
