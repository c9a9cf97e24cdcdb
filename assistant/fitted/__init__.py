"""Coefficients that were fitted, each file with its provenance inside."""
