"""Rules and requests as values.

Nothing in this package does I/O, reads a clock, writes a log or knows WSGI, Flask or XML.
What it needs from the outside arrives as an argument; what it finds leaves as a return value.
"""
