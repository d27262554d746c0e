"""Checks over several series: what no meter shows alone."""
