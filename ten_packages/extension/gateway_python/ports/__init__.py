"""Client protocols. Each port shows the same conversation in another shape."""
