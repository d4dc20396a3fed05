"""One module for each Task of the state machine, of the same name: read, let `core` decide, write."""
