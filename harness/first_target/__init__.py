"""A first target file for a service: from what a person says, from a compose file, or from a look at what runs already."""
