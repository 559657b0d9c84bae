"""``check``: asks a running server as a browser would, and says what is wrong."""
