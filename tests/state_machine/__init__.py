"""Tests of the state machine's definition as it stands in the repository."""
