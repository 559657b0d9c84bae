"""How people write origins and rules, beside how browsers send them."""
