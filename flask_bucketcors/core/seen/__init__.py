"""What was seen of a request that failed: an answer, and what the browser printed."""
