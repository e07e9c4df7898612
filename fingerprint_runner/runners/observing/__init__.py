"""What a node does that its graph doesn't say: what it reads, changes and draws while it runs."""
