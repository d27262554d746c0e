"""What an installation depends on, looked at from outside: it connects and reads, and changes nothing."""
