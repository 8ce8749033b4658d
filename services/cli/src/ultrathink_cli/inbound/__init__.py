"""The doors for a person: options in, words and tables out."""
