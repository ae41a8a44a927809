"""What the tests need around them: programs, servers, databases, checks of pages."""
