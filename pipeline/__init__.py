"""The stages of the reproduction, in the order of the DAG, and the library (`lm`) they share."""
