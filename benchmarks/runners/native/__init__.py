"""The program that measures on a phone, in C: it takes a job and leaves figures and outputs in files."""
