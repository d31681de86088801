"""What this machine has, and what that means for each graph."""
