"""``python -m flask_bucketcors``: the commands without an application."""

from flask_bucketcors.cli import bucketcors

if __name__ == "__main__":
    bucketcors()
