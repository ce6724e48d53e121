"""What happened to every record, durably."""
