"""The rich domain: decode, rules, decisions, the life cycle of a claim."""
