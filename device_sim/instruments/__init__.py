"""What devices show of the flows and the air around them: electricity, heat, volumes, climate, weather."""
