"""Any device with a browser: a page on the local network measures there, and sends the record back."""
