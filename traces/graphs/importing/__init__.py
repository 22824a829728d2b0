"""From any framework's operations to a network graph: shapes, operations, and the importer they share."""
