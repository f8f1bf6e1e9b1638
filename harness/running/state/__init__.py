"""What is known of a target beyond one run: who holds it, who asked it to stop, who froze it; in a folder, or at a URL."""
