"""What language-model engines share. Pure: no sockets, no clock."""
