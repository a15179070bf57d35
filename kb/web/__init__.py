"""What people see of the query endpoint: the search page, and what goes with it."""
