"""What a check and a comparison found, for people: in the terminal and as one HTML page."""
