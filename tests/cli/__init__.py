"""The operator's commands: what they find, what they print, what they do."""
