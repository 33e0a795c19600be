"""Small networks trained to answer one question each."""
