"""One write job, without Spark: plan, tasks, commit."""
