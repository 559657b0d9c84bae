"""Mutation testing: is there a test for each condition of the code that decides requests?

``python -m tests.mutants --seed 1`` changes one place of the code at a time, in a copy, and
runs the tests that should notice. It prints every change that no test noticed.
docs/testing.md says how to read the report.
"""
