"""Many runs that are carried out as one, and what they come to together."""
