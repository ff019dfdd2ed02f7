"""Runs that belong together: tables, the demo, reports."""
