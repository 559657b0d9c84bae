"""Refused preflights of the last day, counted by all workers.

This package is private: it may change without notice.
"""
