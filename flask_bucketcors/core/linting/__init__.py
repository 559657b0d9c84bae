"""The parts of lint; see :func:`flask_bucketcors.core.lint.lint`."""
