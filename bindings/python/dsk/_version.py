"""Versions that this package was written for; held against the repository's VERSION by its build and its tests."""

__version__ = "0.1.0"
ABI_VERSION = 1
