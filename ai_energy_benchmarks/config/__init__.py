"""Configuration files and the registry of reasoning formats."""
