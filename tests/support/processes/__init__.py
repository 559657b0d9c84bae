"""Processes that tests start, each bounded in time and ended with its test."""
