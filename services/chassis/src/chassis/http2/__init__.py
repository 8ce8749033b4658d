"""gRPC's wire for the batch streams between rooms: HTTP/2 on the event loop's own sockets, both ends."""
