"""How people write origins and rules, and how browsers send them.

This package is private: it may change without notice.
"""
