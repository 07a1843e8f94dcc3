"""Binary files, one for each row."""
