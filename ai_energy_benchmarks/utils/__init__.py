"""Helpers: GPUs and logging."""
