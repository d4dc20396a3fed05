"""The whole controller from outside: the real template on the embedded AWS, and what a person sees of it."""
