"""Rule sets in a SQLite file, for all processes of one machine.

This package is private: it may change without notice.
"""
