"""The report: one HTML page with plots that opens without a network."""
