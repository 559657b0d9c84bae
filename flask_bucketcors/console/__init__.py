"""The console: pages on which people read, try and edit the rules of buckets.

This package is private: it may change without notice. It is off unless an application asks for
it, and nothing that serves requests imports it.
"""
