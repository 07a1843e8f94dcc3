"""What the tests run against: servers, a faulty network, keys, Spark."""
