"""Result files -> estimates with intervals."""
