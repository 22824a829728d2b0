"""A folder of results of a sweep: what was asked, and one row per point in Parquet parts."""
