"""The parts of lint; see :func:`flask_bucketcors.analysis.linter.lint.lint`."""
