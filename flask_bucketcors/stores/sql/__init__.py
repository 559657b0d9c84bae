"""Rule sets on an SQL server, for all hosts of an application.

This package is private: it may change without notice. It is the only one that imports SQLAlchemy
and the drivers, and it does so when a store is opened.
"""
