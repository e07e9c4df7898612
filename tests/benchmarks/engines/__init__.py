"""One adapter an engine: how it is told a project, and which command brings that up to date."""
