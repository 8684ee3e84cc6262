"""One job, a sweep, a search, and what compares their runs; MLflow and Lightning are imported with each."""
