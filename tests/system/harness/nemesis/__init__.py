"""Servers on loopback that the tests start: real ones, and stand-ins."""
