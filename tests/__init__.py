"""The tests of the portal. A folder for each room, `house` for rules about the code itself."""
