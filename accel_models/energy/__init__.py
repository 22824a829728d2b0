"""Energy and area: actions, price lists, technology, tables."""
