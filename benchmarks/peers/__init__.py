"""What users would take instead of this project, each run as its own documentation says."""
