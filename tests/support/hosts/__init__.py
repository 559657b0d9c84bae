"""Real servers for tests and benchmarks: each a context manager that ends all it has started.

They need the extra ``hosts`` and, but for PostgreSQL, packages of the system: ``mariadb-server``,
``pgbouncer``, ``iproute2``. If one is missing they raise ``kept.CannotRun``::

    with postgresql() as server, server.database() as database:
        with server.statements() as sent:
            SQLStore(database.url)
        assert len(sent.texts()) < 10
        server.restart("immediate")
        with server.hanging():
            ...

``postgresql.postgresql`` and ``mariadb.mariadb`` give a ``server.Server``, and a
PostgreSQL has a ``standby()``. ``pgbouncer.pgbouncer`` is a pool in front of one.
``partitions.network`` has namespaces for a server and hosts, and cables that can be cut.

Nothing is shared with servers of the system. A keeper (``keeper``) runs each server, and ends
it, stopped processes too, when the block ends or the process that started it dies.
"""
