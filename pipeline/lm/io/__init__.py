"""What touches the system: errors in a line, atomic files, tables, processes."""
