"""Scripts that fit what lies in assistant/fitted, each with its data folder as an argument."""
