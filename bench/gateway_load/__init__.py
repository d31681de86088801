"""Load, faults and malformed input for a gateway in a process of its own."""
