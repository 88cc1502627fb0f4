"""The measurements behind the tables of README and docs, each a command with a record of its own."""
