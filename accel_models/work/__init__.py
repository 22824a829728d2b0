"""Work as a cost model sees it: shapes, where ops run, what is skipped."""
