"""Fuzz targets: one function for each parser, from bytes to nothing, that raises where it errs.

``python -m tests.fuzz`` runs them for as long as you like, ``tests/test_fuzz.py`` a small slice
that is the same each time.
"""
