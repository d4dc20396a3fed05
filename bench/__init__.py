"""Measurements of Rampart, each a module that is run by its name."""
