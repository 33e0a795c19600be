"""Single cells of a network: which follow a feature of the text."""
