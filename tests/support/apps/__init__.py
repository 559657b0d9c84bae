"""WSGI applications that gunicorn and uWSGI import by name, in processes of their own."""
