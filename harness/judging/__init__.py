"""What a stored run is judged by: record in, result out."""
