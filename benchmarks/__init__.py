"""Four benchmarks, each beside the limit that its machine sets. Read docs/benchmarks.md."""
