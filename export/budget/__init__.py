"""Few bits within a budget: which parts must stay float so that no more is lost than allowed."""
