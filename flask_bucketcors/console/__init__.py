"""The console: pages on which people read, try and edit the rules of buckets.

It is off unless an application asks for it, and nothing else imports this package.
"""
