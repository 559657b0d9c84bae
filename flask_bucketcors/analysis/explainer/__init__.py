"""``explain``: why a request is refused, and which changes of the rules fix that.

This package is private: it may change without notice.
"""
