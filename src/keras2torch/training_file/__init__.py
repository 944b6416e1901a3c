"""One TOML file that says what is trained, on what and how; every key typed, none unknown."""
