"""One page of HTML that shows what was measured: no script, nothing from the network."""
