"""The runner of the compatibility matrix: servers, clients, group scenarios, comparison, table."""
