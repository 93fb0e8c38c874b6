"""PostgreSQL: its connections, verified TLS, and the nodes of a cluster."""
