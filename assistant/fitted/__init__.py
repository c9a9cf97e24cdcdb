"""Weights and coefficients that were fitted, each with its provenance inside."""
