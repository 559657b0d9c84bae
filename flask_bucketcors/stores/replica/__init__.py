"""A whole copy of a server's rules on each host, from which requests are served.

This package is private: it may change without notice.
"""
