"""The doors of the gateway: the only place of the platform where HTTP is spoken."""
