"""Private real services for the system tests: everything on loopback, on probed ports, in temporary directories."""
