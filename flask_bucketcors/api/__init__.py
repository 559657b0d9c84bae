"""The ``?cors`` API: rules of a bucket read, replaced and deleted over HTTP."""
