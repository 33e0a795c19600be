"""Language models that count: one suffix array for any order, and KenLM."""
