"""Edits with known truth: a small project, a table of edits of it, and the check of that table."""
