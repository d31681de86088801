"""The OpenAI Realtime protocol, as pure code: what a client says goes in, what it is told and what the conversation is told come out.

`connection.RealtimeConnection` is the whole of it; the other modules are its parts. Nothing here reads a clock or a socket.
"""
