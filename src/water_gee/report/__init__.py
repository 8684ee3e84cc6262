"""The page and the summary: what was made, how good it is, and where every figure comes from."""
