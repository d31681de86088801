"""Workers that live apart from the conversation and read its events from Redis Streams."""
