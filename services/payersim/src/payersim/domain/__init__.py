"""The simulated world: services, people, contracts, claims, hidden rule families. Pure, seeded."""
