"""C of the kernel's kind."""
