"""The other parsers of the benchmark. They run in an environment of their own, as their pins conflict with ours."""
