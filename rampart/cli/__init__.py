"""The command line: commands, and nothing that they do."""
