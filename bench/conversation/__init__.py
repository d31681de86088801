"""Whole conversations on the loop of the caller, for measurements: real nodes, real messages, engines of the measurer's choice."""
