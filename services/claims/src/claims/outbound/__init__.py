"""How the claims room reaches others: stubs, streams and files behind the ports; decides nothing."""
