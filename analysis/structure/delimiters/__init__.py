"""What opens and closes in any kind of text."""
