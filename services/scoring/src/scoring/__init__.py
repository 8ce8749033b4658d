"""Denial risk: features, models, calibration, reasons; serving never imports training."""
