"""Question sets, metrics and fits: run from a checkout, never imported by the assistant at start."""
