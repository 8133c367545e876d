"""Starting the services as processes, and keeping them alive."""
