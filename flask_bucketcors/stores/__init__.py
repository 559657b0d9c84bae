"""Where rule sets are kept: the contract of every store, and the stores themselves.

This package is private: it may change without notice.
"""
