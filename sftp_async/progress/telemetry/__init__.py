"""Traces, metrics and a log line of each job, from the messages of its tasks and its commit."""
