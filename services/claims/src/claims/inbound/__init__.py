"""The doors of the claims room: convert, call, convert. They know the wire and the formats, no rule."""
