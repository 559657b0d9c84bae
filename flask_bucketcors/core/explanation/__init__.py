"""The parts of an explanation; :mod:`flask_bucketcors.core.explain` puts them together."""
