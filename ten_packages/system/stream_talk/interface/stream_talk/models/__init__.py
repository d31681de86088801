"""Which models there are, under which licences, and where they lie on this machine. Fetching them is the command's work."""
