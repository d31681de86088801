"""The dialog-engine contract at work: conversations by `sessionId`, questions over HTTP, sound over output sockets."""
