"""Exact sets of requests: what patterns with one ``*`` cover, and what ``diff`` says of them.

This package is private: it may change without notice.
"""
