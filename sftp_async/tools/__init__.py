"""Tools next to the data path: command line, doctor, test servers."""
