"""Says what an error that came through Spark means, and what to do: for `sftp_async.explain`."""
