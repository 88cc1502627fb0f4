"""Android phones over adb: a program of ours is pushed with the graphs, runs there, and leaves a record."""
