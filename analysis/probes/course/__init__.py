"""Small experiments of the post and the course, a module each."""
