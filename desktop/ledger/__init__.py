"""What happened and what it is worth: jobs, money, receipts and uptime in one SQLite file."""
