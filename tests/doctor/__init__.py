"""What doctor finds wrong, what it takes for unknown, and the commands that mend it."""
