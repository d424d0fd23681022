"""Self-contained HTML reports and videos."""
