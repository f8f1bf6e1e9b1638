"""How a service is asked, and the mark that joins its attempts to a request."""
