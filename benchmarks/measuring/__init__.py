"""How things are measured: in turns, in processes of their own, with the conditions recorded."""
