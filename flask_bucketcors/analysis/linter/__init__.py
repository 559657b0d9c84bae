"""``lint``: what is dangerous or useless in rules, one module for each family of checks.

This package is private: it may change without notice.
"""
