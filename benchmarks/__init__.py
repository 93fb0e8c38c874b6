"""Benchmarks, each compared with a limit or a rival on the same machine. See docs/benchmarks.md."""
