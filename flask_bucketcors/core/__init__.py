"""What decides a request: rules, origins, headers and dialects as values.

This package is private: it may change without notice. Nothing in it does I/O, reads a clock,
writes a log, or depends on WSGI, Flask or XML. Everything it needs is passed as an argument.
"""
