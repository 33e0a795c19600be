"""Small experiments of the course chapters (claims P22, V5, V6)."""
