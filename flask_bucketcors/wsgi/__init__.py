"""The middleware: which bucket a request is about, what its rules say, and the response.

This package is private: it may change without notice.
"""
