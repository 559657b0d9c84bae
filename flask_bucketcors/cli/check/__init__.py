"""``check``: sends a live server the requests of a browser, and judges the responses.

This package is private: it may change without notice.
"""
