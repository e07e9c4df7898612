"""The command `fr`; one file a command. The one place where objects are wired together."""
