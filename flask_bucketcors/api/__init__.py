"""The ``?cors`` API: clients read, replace and delete the rules of a bucket over HTTP.

This package is private: it may change without notice.
"""
