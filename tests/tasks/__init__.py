"""Tasks that are repeated, interrupted, overtaken or found to have ended already."""
