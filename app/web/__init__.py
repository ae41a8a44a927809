"""What people and servers see: blueprints, each a folder of views and forms."""
