"""Rules and errors as text: XML in and out, JSON, and the forms of other tools.

This package is private: it may change without notice.
"""
