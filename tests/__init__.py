"""The tests of the package; ``tests.support`` holds what they share."""
