"""Maps as export tasks of Earth Engine: what the account is like, what is proven on it, and which tasks run."""
