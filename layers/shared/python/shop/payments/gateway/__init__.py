"""Payment gateways, one module each: a Lambda imports only the one of its stage."""
