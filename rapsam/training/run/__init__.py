"""What is kept of a run: its folder, the state to go on from, the log and its curves."""
