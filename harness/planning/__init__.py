"""What a scenario and a target come to: every touch and every due time, known before anything is touched."""
