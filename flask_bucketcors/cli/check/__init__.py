"""``check``: sends a running server what a browser would send, and judges its responses.

This package is private: it may change without notice.
"""
