"""Benchmarks, each beside the limit or the rival that its machine sets. Read docs/benchmarks.md."""
