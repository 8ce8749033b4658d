"""The pure core of scoring: rows, features, forests, calibration, reasons. Knows no transport and no file."""
